import { describe, expect, it } from 'vitest'
import { nearestNames, quotedNames } from '../../../src/resources/files/agent-names'
import { linesShown, viewOf } from '../../../src/resources/files/window'

describe('a name that an agent does not have', () => {
  const names = ['handbook/holidays.md', 'handbook/travel.md', 'code/index.ts', 'x']
  it.each([
    ['holidays.md', 'handbook/holidays.md'],
    ['handbook/Holiday.md', 'handbook/holidays.md'],
    ['index.ts', 'code/index.ts'],
    ['handbok/travle.md', 'handbook/travel.md'],
  ])('%s is most like %s', (name, nearest) => {
    expect(nearestNames(name, names, 3)[0]).toBe(nearest)
  })

  it('may be like none', () => {
    expect(nearestNames('zzzz', names, 3)).toEqual([])
    expect(nearestNames('', names, 3)).toEqual([])
  })

  it('is answered with a few of those that it has', () => {
    expect(quotedNames(['a', 'b'])).toBe("'a', 'b'")
    expect(quotedNames(['a', 'b', 'c', 'd'], 2)).toBe("'a', 'b', and 2 more")
  })
})

describe('the lines that a view shows', () => {
  const shown = async (text: string, range: object, limit: number) => {
    async function* whole() {
      yield text
    }
    return linesShown(await viewOf(whole(), text.split('\n').length, range, limit))
  }
  const text = Array.from({ length: 50 }, (_, i) => `line ${i + 1}`).join('\n')

  it('are those of its range, as far as there is room', async () => {
    expect(await shown(text, {}, 10_000)).toEqual({ first: 1, last: 50, is_cut: false })
    expect(await shown(text, { start: 10, end: 12 }, 10_000)).toEqual({ first: 10, last: 12, is_cut: false })
    const cut = await shown(text, { start: 10 }, 250)
    expect(cut).toMatchObject({ first: 10, is_cut: true })
    expect(cut?.last).toBeLessThan(30)
    expect(await shown(text, {}, 50)).toBeNull()
    expect(await shown('[The view is cut at 5 characters. x', {}, 1_000)).toEqual({ first: 1, last: 1, is_cut: false })
  })
})
