import { describe, expect, it } from 'vitest'
import { linePattern } from '../../../src/retrieval/grep/pattern'
import { hitsMost, LineSearch } from '../../../src/retrieval/grep/search'
import { type Clock, type NamedText, searchTexts } from '../../../src/retrieval/grep/texts'

async function* of(texts: Record<string, string>): AsyncGenerator<NamedText> {
  for (const [file_name, text] of Object.entries(texts)) yield { file_name, text: pieces(text) }
}
async function* pieces(text: string): AsyncGenerator<string> {
  for (let from = 0; from < text.length; from += 100_000) yield text.slice(from, from + 100_000)
}
const searching = () => new LineSearch(linePattern('needle'), { context: 0, skip: 0, show: 5 })
const limits = { file: 1_000_000, all: 2_000_000, ms: 1_000 }
const still: Clock = { now: () => 0, rest: async () => undefined }
const hay = (units: number) => 'straw\n'.repeat(Math.ceil(units / 6))

describe('a search through texts', () => {
  it('goes through all of them', async () => {
    const search = searching()
    expect(await searchTexts(of({ a: 'needle', b: '', c: `${hay(500_000)}needle` }), search, limits, still)).toEqual({
      searched: 3,
      partly: [],
      stopped: null,
    })
    expect(search.files).toEqual([
      { file_name: 'a', hits: 1 },
      { file_name: 'c', hits: 1 },
    ])
  })

  it('searches so much of one text, and goes on with the next', async () => {
    const search = searching()
    const end = await searchTexts(of({ a: `${hay(1_200_000)}needle`, b: 'needle' }), search, limits, still)
    expect([end, search.files]).toEqual([{ searched: 2, partly: ['a'], stopped: null }, [{ file_name: 'b', hits: 1 }]])
  })

  it('ends after so much text, so many hits, or so long a time', async () => {
    const texts = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, hay(900_000)]))
    expect(await searchTexts(of(texts), searching(), limits, still)).toEqual({ searched: 3, partly: ['c'], stopped: 'size' })
    const full = { a: 'needle\n'.repeat(hitsMost), b: 'needle' }
    expect(await searchTexts(of(full), searching(), limits, still)).toEqual({ searched: 1, partly: [], stopped: 'hits' })
    // The clock moves only while the search rests.
    let now = 0
    const slow: Clock = {
      now: () => now,
      rest: async () => {
        now += 600
      },
    }
    expect(await searchTexts(of(texts), searching(), limits, slow)).toEqual({ searched: 1, partly: ['a'], stopped: 'time' })
  })

  it('lets other work go on', async () => {
    let others = 0
    const timer = setInterval(() => others++, 0)
    await searchTexts(of({ a: hay(990_000), b: hay(990_000) }), searching(), { ...limits, ms: 60_000 })
    clearInterval(timer)
    expect(others).toBeGreaterThan(0)
  })
})
