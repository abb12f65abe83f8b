import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Chunk, chunksOf, smallestChunk, tokensOf } from '../../../src/retrieval/chunk'
import type { Structure } from '../../../src/retrieval/parse'

const structures: Structure[] = ['markdown', 'prose', 'code', 'rows']

const chunks = async (text: string | Iterable<string>, structure: Structure, size = smallestChunk): Promise<Chunk[]> => {
  const found: Chunk[] = []
  for await (const chunk of chunksOf(typeof text === 'string' ? [text] : text, { structure, size })) found.push(chunk)
  return found
}
const texts = async (...args: Parameters<typeof chunks>) => (await chunks(...args)).map(({ text }) => text)

/** A text cut into pieces at any places. */
const pieces = (whole: string, cuts: number[]): string[] => {
  const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => whole.slice(from, at[i] ?? whole.length)).filter((piece) => piece.length > 0)
}
const parts = [
  'word ',
  'naïve ',
  '🦦',
  '日本語。',
  '. ',
  '\n',
  '\r\n',
  '\n\n',
  '# Title\n',
  '### Sub\n',
  '- item\n',
  '| a | b |\n|---|---|\n',
  '"',
  ',',
  '```\n',
  '  ',
  '\t',
  '{',
  '}\n',
  'x'.repeat(700),
  ' '.repeat(900),
  'Sentence one. Sentence two! ',
]
const anyText = fc.array(fc.constantFrom(...parts), { maxLength: 80 }).map((all) => all.join(''))
const lineAt = (text: string, at: number) => text.slice(0, at).split('\n').length

describe('chunks', () => {
  it.each(structures)(
    'of %s hold all that is not blank, in order, each as it stands in the text and at most so long',
    async (structure) => {
      await fc.assert(
        fc.asyncProperty(anyText, fc.integer({ min: smallestChunk, max: 200 }), async (text, size) => {
          let [end, start, first, last] = [0, -1, 1, 1]
          for (const chunk of await chunks(text, structure, size)) {
            const to = chunk.start + chunk.text.length
            expect(text.slice(chunk.start, to)).toBe(chunk.text)
            expect([chunk.start > start, to > end]).toEqual([true, true])
            expect(text.slice(end, Math.max(end, chunk.start)).trim()).toBe('')
            expect(chunk.tokens).toBeLessThanOrEqual(size)
            expect(chunk.text.length).toBeLessThanOrEqual(8 * size)
            expect(chunk.text.isWellFormed()).toBe(true)
            expect(chunk.text.trim()).not.toBe('')
            expect([chunk.start_line, chunk.end_line]).toEqual([lineAt(text, chunk.start), lineAt(text, to - 1)])
            expect([chunk.start_line >= first, chunk.end_line >= last]).toEqual([true, true])
            ;[start, end, first, last] = [chunk.start, to, chunk.start_line, chunk.end_line]
          }
          expect(text.slice(end).trim()).toBe('')
        }),
      )
    },
  )

  it.each(structures)('of %s are the same, whatever pieces the text comes in', async (structure) => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.array(fc.nat(), { maxLength: 8 }), async (text, cuts) => {
        expect(await chunks(pieces(text, cuts), structure)).toEqual(await chunks(text, structure))
      }),
    )
    const long = `${'A sentence of some words. '.repeat(2_000)}${'y'.repeat(30_000)}\nend`
    expect(await chunks(pieces(long, [1, 8_191, 8_192, 8_193, 20_000, 60_000]), structure)).toEqual(await chunks(long, structure))
  })

  it('have about the tokens that their text has', async () => {
    const text = 'All work and no play, said the otter.\n'.repeat(200)
    for (const chunk of await chunks(text, 'prose', 300)) {
      expect(Math.abs(chunk.tokens - tokensOf(chunk.text))).toBeLessThan(30)
      expect(chunk.tokens).toBeLessThanOrEqual(300)
    }
    expect((await chunks(text, 'prose', 300)).slice(0, -1).every(({ tokens }) => tokens > 250)).toBe(true)
  })

  it('of nothing, or nothing but blanks, are none', async () => {
    for (const structure of structures)
      for (const text of ['', ' \n\n\t', '\n'.repeat(10_000), ' '.repeat(100_000)]) expect(await chunks(text, structure)).toEqual([])
  })
})

describe('Markdown', () => {
  const section = (title: string, words: number) => `${title}\n\n${'word '.repeat(words).trim()}.\n\n`

  it('is cut before its headings, and every chunk knows those that it is under', async () => {
    const text = section('# Otters', 18) + section('## Rivers', 18) + section('### Fast', 18) + section('## Seas', 18)
    const found = await chunks(text, 'markdown')
    expect(found.map(({ heading }) => heading)).toEqual(['Otters', 'Otters > Rivers', 'Otters > Rivers > Fast', 'Otters > Seas'])
    expect(found.map(({ start_line, end_line }) => [start_line, end_line])).toEqual([
      [1, 3],
      [5, 7],
      [9, 11],
      [13, 15],
    ])
    expect(found[1]).toMatchObject({ heading: 'Otters > Rivers' })
  })

  it('keeps its headings through sections of several chunks, and takes none from code', async () => {
    const text = `# A\n\`\`\`\n# no heading\n${'code();\n'.repeat(30)}\`\`\`\n`
    expect(new Set((await chunks(text, 'markdown')).map(({ heading }) => heading))).toEqual(new Set(['A']))
  })

  it('has headings that are underlined too, but none in what stands before it', async () => {
    const text = `---\ntitle: x\n---\n\nOtters\n======\n\n${'word '.repeat(25)}\n\nRivers\n---\n\n${'word '.repeat(25)}\n`
    expect((await chunks(text, 'markdown')).map(({ heading }) => heading)).toContain('Otters > Rivers')
    expect((await chunks(text, 'markdown')).some(({ heading }) => heading?.includes('title'))).toBe(false)
  })

  it('names the columns of a table with each of its rows', async () => {
    const text = `before\n\n| name | age |\n|---|---|\n${Array.from({ length: 30 }, (_, i) => `| Olga ${i} | ${i} |\n`).join('')}\nafter\n`
    const found = await chunks(text, 'markdown')
    expect(found.length).toBeGreaterThan(4)
    expect(found.slice(1, -1).every(({ columns }) => columns === '| name | age |')).toBe(true)
    expect(found[2]).toMatchObject({ columns: '| name | age |', text: expect.stringMatching(/^\| Olga/) })
  })
})

describe('prose', () => {
  it('is cut between paragraphs, else between sentences, and repeats the last of them', async () => {
    const paragraph = 'One otter swims here and there. Two otters sleep on their backs. Three otters eat a sea urchin now.'
    expect(await texts(`${paragraph}\n\n${paragraph}\n\n`, 'prose')).toEqual([`${paragraph}\n`, `${paragraph}\n`])
    const long = Array.from({ length: 20 }, (_, i) => `Otter number ${i} holds the hand of another. `).join('')
    const found = await texts(long, 'prose', 80)
    for (const text of found) expect(text).toMatch(/^Otter number .*another\. $/)
    for (const [i, text] of found.slice(1).entries()) expect(found[i]).toContain(text.slice(0, 40))
  })
})

describe('code', () => {
  it('is cut between its outermost blocks, as it is indented', async () => {
    const block = (name: string) => `function ${name}() {\n  const a = 1\n\n  if (a) {\n    return a\n  }\n  return 0\n}\n\n`
    const found = await texts(['one', 'two', 'three', 'four'].map(block).join(''), 'code', 44)
    for (const text of found) expect(text).toMatch(/^function \w+\(\) \{\n {2}const/)
    expect(found).toHaveLength(4)
  })
})

describe('rows', () => {
  it('are not cut within a row, and know the columns', async () => {
    const rows = Array.from({ length: 12 }, (_, i) => `${i},"a note\nof ""two"" lines, ${i}",end\n`)
    const found = await chunks(`id,note,last\n${rows.join('')}`, 'rows', 40)
    expect(found.length).toBeGreaterThan(3)
    for (const { text, columns } of found.slice(1)) {
      expect(text).toMatch(/^\d+,"a note/)
      expect(text).toMatch(/end\n$/)
      expect(columns).toBe('id,note,last')
    }
  })
})

describe('hostile text', () => {
  it.each(structures)(
    'as %s is cut in bounded time and memory',
    async (structure) => {
      for (const unit of ['x', ' ', '"', '日', '🦦', 'a b', '# ', '|', '`', '\n', '. ', '{']) {
        const text = unit.repeat(Math.ceil(100_000 / unit.length))
        let units = 0
        for await (const chunk of chunksOf(pieces(text, [30_000, 70_001]), { structure, size: 300 })) {
          expect(chunk.text.length).toBeLessThanOrEqual(2_400)
          units += chunk.text.trim().length
        }
        expect(units).toBeGreaterThanOrEqual(text.replace(/\s/g, '').length)
      }
    },
    60_000,
  )
})
