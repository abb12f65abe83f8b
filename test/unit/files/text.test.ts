import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileTypeOf, suffixed, supportedTypes } from '../../../src/resources/files/types'
import { lineCounter, viewOf } from '../../../src/resources/files/window'
import { decoded, UnreadableFile } from '../../../src/retrieval/parse'

async function* streamOf<T>(pieces: T[]): AsyncGenerator<T> {
  yield* pieces
}
const all = async <T>(pieces: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const piece of pieces) found.push(piece)
  return found
}
/** A text cut into pieces at any places. */
const pieces = <T extends { slice(from: number, to?: number): T; length: number }>(whole: T, cuts: number[]): T[] => {
  const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => whole.slice(from, at[i] ?? whole.length)).filter((piece) => piece.length > 0)
}
const text = fc.string({ unit: fc.constantFrom('a', 'bc ', ' ', '\n', '\r\n', 'é', '🦦', 'word '), maxLength: 300 })
const cuts = fc.array(fc.nat(), { maxLength: 6 })

describe('a text in UTF-8', () => {
  it('is decoded alike, whatever pieces it arrives in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ min: 1, maxLength: 60 }).filter(([first = 0]) => first < 0xfe),
        cuts,
        async (bytes, at) => {
          const whole = (await all(decoded(streamOf([bytes])))).join('')
          expect((await all(decoded(streamOf(pieces(bytes, at))))).join('')).toBe(whole)
          expect(whole).toBe(new TextDecoder().decode(bytes))
        },
      ),
    )
  })

  it('has no NUL byte', async () => {
    await expect(all(decoded(streamOf([new Uint8Array([97]), new Uint8Array([98, 0])])))).rejects.toThrow(UnreadableFile)
  })
})

describe('what an agent sees of a file', () => {
  const view = (whole: string, range = {}, limit = 1_000, at: number[] = []) => {
    const lines = lineCounter()
    lines.add(whole)
    return viewOf(streamOf(pieces(whole, at)), lines.count(), range, limit)
  }

  it('is its lines with their numbers, under a line that says which they are', async () => {
    expect(await view('one\ntwo\r\n\nfour\n')).toEqual({
      content: '[Viewing file start (out of 4 lines)]\n1: one\n2: two\n3: \n4: four',
      start_line: null,
      end_line: null,
    })
    expect(await view('one\ntwo\nthree', { start: 2, end: 9 })).toEqual({
      content: '[Viewing lines 2 to 3 (out of 3 lines)]\n2: two\n3: three',
      start_line: 2,
      end_line: 9,
    })
    expect((await view('one\ntwo', { start: 2 })).content).toBe('[Viewing lines 2 to 2 (out of 2 lines)]\n2: two')
    expect((await view('')).content).toBe('[Viewing file start (out of 0 lines)]')
  })

  it('does not depend on the pieces that the text comes in', async () => {
    await fc.assert(
      fc.asyncProperty(text, cuts, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 400 }), async (whole, at, start, limit) => {
        expect(await view(whole, { start, end: start + 2 }, limit, at)).toEqual(await view(whole, { start, end: start + 2 }, limit))
      }),
    )
  })

  it('is cut to a number of characters, with a note', async () => {
    const { content } = await view('x'.repeat(1_000), {}, 200)
    expect(content).toHaveLength(200)
    expect(content).toMatch(/x\n\[The view is cut at 200 characters\..*\]$/)
    expect((await view('🦦'.repeat(500), {}, 199)).content.isWellFormed()).toBe(true)
    for (const limit of [1, 20, 80]) expect((await view('x'.repeat(1_000), {}, limit)).content).toHaveLength(limit)
  })

  it('reads no more of a text than it shows', async () => {
    let read = 0
    async function* endless() {
      for (;;) {
        read++
        yield 'line\n'
      }
    }
    await viewOf(endless(), 1_000_000, { end: 3 }, 1_000)
    await viewOf(endless(), 1_000_000, {}, 100)
    expect(read).toBeLessThan(60)
  })
})

describe('the names of files', () => {
  it('tell their types', () => {
    expect(fileTypeOf(['a.md'], 'application/pdf')).toBe('text/markdown')
    expect(fileTypeOf(['a.tar.GZ'], 'text/plain')).toBeNull()
    expect(fileTypeOf(['.gitignore'], 'text/plain')).toBe('text/plain')
    expect(fileTypeOf(['a.unknown', 'b.py'], '')).toBe('text/x-python')
    expect(fileTypeOf(['a'], 'application/json; charset=utf-8')).toBe('application/json')
    expect(fileTypeOf(['a'], '')).toBeNull()
    expect(fileTypeOf(['paper.pdf'], 'text/plain')).toBe('application/pdf')
    expect(fileTypeOf(['a.docx'], '')).toMatch(/wordprocessingml/)
  })

  it('tell more types where they are converted', () => {
    for (const name of ['a.xlsx', 'a.odt', 'a.PNG']) {
      expect(fileTypeOf([name], 'text/plain')).toBeNull()
      expect(fileTypeOf([name], '', true)).toMatch(/^(application|image)\//)
    }
    expect(fileTypeOf(['a'], 'image/png', true)).toBe('image/png')
    expect(fileTypeOf(['a.zip'], 'image/png', true)).toBeNull()
    expect(supportedTypes(false)).not.toContain('.xlsx')
    expect(supportedTypes(true)).toContain('.xlsx')
  })

  it('are numbered before their ending when they are taken', () => {
    expect(suffixed('a.txt', new Set())).toBe('a.txt')
    expect(suffixed('a.txt', new Set(['a.txt', 'a_(1).txt']))).toBe('a_(2).txt')
    expect(suffixed('a.b.txt', new Set(['a.b.txt']))).toBe('a.b_(1).txt')
    expect(suffixed('.env', new Set(['.env']))).toBe('.env_(1)')
    expect(suffixed('read me', new Set(['read me']))).toBe('read me_(1)')
  })
})
