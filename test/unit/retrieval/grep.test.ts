import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LinePiece, lineReader, pieceMost, pieceOverlap } from '../../../src/retrieval/grep/lines'
import { matchingNames } from '../../../src/retrieval/grep/names'
import { BadPattern, linePattern } from '../../../src/retrieval/grep/pattern'
import { hitsMost, LineSearch, type SearchOptions } from '../../../src/retrieval/grep/search'

/** A text cut into pieces at any places. */
const cutAt = (whole: string, cuts: number[]): string[] => {
  const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => whole.slice(from, at[i] ?? whole.length))
}
const linesOf = (pieces: string[]): LinePiece[] => {
  const found: LinePiece[] = []
  const reader = lineReader((piece) => found.push(piece))
  for (const piece of pieces) reader.push(piece)
  reader.end()
  return found
}
const search = (files: Record<string, string | string[]>, pattern: string, options: Partial<SearchOptions> = {}) => {
  const found = new LineSearch(linePattern(pattern), { context: 1, skip: 0, show: 20, ...options })
  for (const [name, text] of Object.entries(files)) {
    const file = found.file(name)
    for (const piece of [text].flat()) file.push(piece)
    file.end()
  }
  return found
}
const count = (text: string, pattern: string) => search({ f: text }, pattern).found
const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '\r\n', 'É', '🦦', 'ab'), maxLength: 200 })
const cuts = fc.array(fc.nat(), { maxLength: 8 })

describe('the lines of a text', () => {
  it('are those of the text, whatever pieces it comes in', () => {
    fc.assert(
      fc.property(text, cuts, (whole, at) => {
        const expected = whole.split('\n').map((line, i, all) => (i === all.length - 1 ? line : line.replace(/\r$/, '')))
        if (expected.at(-1) === '') expected.pop()
        const found = linesOf(cutAt(whole, at))
        expect(found.map((piece) => piece.text)).toEqual(expected.map((line) => line.replace(/\r$/, '')))
        expect(found.map((piece) => piece.line)).toEqual(expected.map((_, i) => i + 1))
        expect(found.every(({ first, last }) => first && last)).toBe(true)
      }),
    )
  })

  it('come in overlapping pieces when they are long, and only their ends are ends', () => {
    const long = Array.from({ length: 150_000 }, (_, i) => i % 10).join('')
    const found = linesOf(cutAt(`x\n${long}\r\ny`, [10_000, 70_000, 150_001]))
    expect(found.map(({ line, first, last }) => [line, first, last])).toEqual([
      [1, true, true],
      [2, true, false],
      [2, false, false],
      [2, false, true],
      [3, true, true],
    ])
    const pieces = found.filter(({ line }) => line === 2).map((piece) => piece.text)
    expect(pieces.every((piece) => piece.length <= pieceMost)).toBe(true)
    expect(pieces.map((piece, i) => (i === 0 ? piece : piece.slice(pieceOverlap))).join('')).toBe(long)
  })
})

describe('a pattern', () => {
  it('takes upper and lower case as equal and knows lines, words and classes', () => {
    expect(count('Otter\nan OTTER swims\nlotter', '\\botter')).toBe(2)
    expect(count('one\r\ntwo one\r\n', '^one$')).toBe(1)
    expect(count('é\nÉ\ne', 'É')).toBe(2)
    expect(count('a\n\nb\n', '^$')).toBe(1)
    expect(count('x1\ny22', '\\d{2}|(?P<n>x)')).toBe(2)
  })

  it.each([
    ['a(?=b)', 'Lookahead and lookbehind'],
    ['(?<!a)b', 'Lookahead and lookbehind'],
    ['(a)\\1', 'Backreferences'],
    ['(?P<n>a)(?P=n)', 'Backreferences'],
    ['(?>a)b', 'Atomic groups'],
    ['a++', 'Atomic groups'],
    ['[(?=]\\(?=[', 'missing closing ]'],
    ['(', 'missing closing ): `(`'],
    ['*a', 'missing argument to repetition operator: `*`'],
    ['a{1001}', 'invalid repeat count'],
  ])('%s is refused with a reason', (source, reason) => {
    expect(() => linePattern(source)).toThrow(BadPattern)
    expect(() => linePattern(source)).toThrow(reason)
  })

  it('is neither empty nor too large', () => {
    expect(() => linePattern('')).toThrow('empty')
    expect(() => linePattern('a'.repeat(1_001))).toThrow('1001 characters; 1000 are allowed')
    expect(() => linePattern('.{1000}'.repeat(20))).toThrow('too large')
  })

  it('says yes or no like the engine of the platform, and shows a place that matches', () => {
    const source = fc.constantFrom('a+b', '^a', 'b$', '(a|ab)(b|$)', '[^a]a', '\\bab\\b', 'a.b', '^\\s*$', 'É|🦦', '(a*)*b')
    fc.assert(
      fc.property(source, text, (pattern, whole) => {
        const found = linePattern(pattern)
        for (const piece of linesOf([whole])) {
          const native = new RegExp(pattern, 'iu').test(piece.text)
          expect(found.test(piece)).toBe(native)
          expect(found.place(piece) !== null).toBe(native)
        }
      }),
    )
  })

  it('matches in a long line at any place, and its anchors only at the ends of the line', () => {
    const line = (at: number, what: string) => 'x'.repeat(at) + what + 'x'.repeat(200_000 - at)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 199_999 }), (at) => {
        expect(count(line(at, 'a needle.'), 'a needle\\.')).toBe(1)
        expect(count(line(at, 'a'), '^a|a$|\\bx+a\\b')).toBe(0)
      }),
      { numRuns: 30, examples: [[pieceMost - 1], [pieceMost], [pieceMost - pieceOverlap], [pieceMost - pieceOverlap + 1]] },
    )
    expect(count(line(0, 'a'), '^a')).toBe(1)
    expect(count(line(200_000, 'a'), 'a$')).toBe(1)
    expect(count(line(100_000, '\u{1f9a6}'), '\\bx{3}$|^x{3}\\b')).toBe(0)
  })
})

describe('a search', () => {
  it('finds lines with those around them, by file', () => {
    const files = { 'a.txt': ['one\ntw', 'o\nthree\nfour\n'], 'b.txt': 'none', 'c.txt': 'o' }
    const found = search(files, 'o')
    expect(found.files).toEqual([
      { file_name: 'a.txt', hits: 3 },
      { file_name: 'b.txt', hits: 1 },
      { file_name: 'c.txt', hits: 1 },
    ])
    expect(found.hits.slice(1, 4)).toEqual([
      { file_name: 'a.txt', line: 2, text: 'two', before: ['one'], after: ['three'] },
      { file_name: 'a.txt', line: 4, text: 'four', before: ['three'], after: [] },
      { file_name: 'b.txt', line: 1, text: 'none', before: [], after: [] },
    ])
    expect(search(files, 'three', { context: 0 }).hits).toMatchObject([{ line: 3, before: [], after: [] }])
    expect(search(files, 'three', { context: 5 }).hits).toMatchObject([{ before: ['one', 'two'], after: ['four'] }])
  })

  it('shows a page of what it counts', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.nat({ max: 30 }), fc.integer({ min: 1, max: 10 }), (hits, skip, show) => {
        const whole = hits.map((hit) => (hit ? 'yes' : 'no')).join('\n')
        const lines = hits.flatMap((hit, i) => (hit ? [i + 1] : []))
        const found = search({ f: whole }, 'yes', { skip, show })
        expect(found.found).toBe(lines.length)
        expect(found.hits.map(({ line }) => line)).toEqual(lines.slice(skip, skip + show))
      }),
    )
  })

  it('ends after a thousand hits, with the lines after the last', () => {
    const found = new LineSearch(linePattern('yes'), { context: 2, skip: hitsMost - 1, show: 20 })
    const file = found.file('f')
    file.push('yes\n'.repeat(hitsMost))
    expect([found.found, found.isFull, file.isDone()]).toEqual([hitsMost, true, false])
    file.push('yes\nlast\n')
    expect([found.found, file.isDone()]).toEqual([hitsMost, true])
    expect(found.hits).toEqual([{ file_name: 'f', line: hitsMost, text: 'yes', before: ['yes', 'yes'], after: ['yes', 'last'] }])
  })

  it('counts a long line once and shows what of it matches', () => {
    const long = `${'🦦'.repeat(60_000)} needle ${'🦦'.repeat(60_000)} needle ${'x'.repeat(100_000)}`
    const found = search({ f: `before\n${long}\nafter` }, 'NEEDLE')
    expect(found.cutLines).toBe(true)
    expect(found.hits).toMatchObject([{ line: 2, before: ['before'], after: ['after'], text: expect.stringMatching(/^….* needle .*…$/u) }])
    expect(found.hits[0]?.text.length).toBeLessThan(310)
    expect(found.hits[0]?.text.isWellFormed()).toBe(true)
    expect(search({ f: `${long}\nafter` }, 'after').hits[0]?.before[0]).toMatch(/^🦦+…$/u)
  })

  it('is done with patterns on which others never end', () => {
    const line = `${'a'.repeat(1_000_000)}b`
    for (const pattern of ['^(a+)+$', '^(a|aa)+$', '^(a*)*c', '(.*)(.*)(.*)(.*)[^b]c$', '(x+x+)+y']) expect(count(line, pattern)).toBe(0)
  })
})

describe('the names of files', () => {
  const names = ['docs/a.md', 'docs/deep/b.MD', 'docs/c.txt', 'code/a+b.ts', 'code/[x].ts']
  it.each([
    ['*.md', ['docs/a.md', 'docs/deep/b.MD']],
    ['docs/*', ['docs/a.md', 'docs/c.txt']],
    ['docs/**', ['docs/a.md', 'docs/deep/b.MD', 'docs/c.txt']],
    ['**/b.*', ['docs/deep/b.MD']],
    ['**/*.ts', ['code/a+b.ts', 'code/[x].ts']],
    ['?.{md,txt}', ['docs/a.md', 'docs/deep/b.MD', 'docs/c.txt']],
    ['[!a].*', ['docs/deep/b.MD', 'docs/c.txt']],
    ['a+b.ts', ['code/a+b.ts']],
    ['docs/a.md', ['docs/a.md']],
    ['\\.(md|txt)$', ['docs/a.md', 'docs/deep/b.MD', 'docs/c.txt']],
    ['deep', ['docs/deep/b.MD']],
    ['[z-a]', []],
    ['*.pdf', []],
    ['(', []],
  ])('%s are those of a glob, or of an expression when it is none', (include, expected) => {
    expect(matchingNames(include, names)).toEqual(expected)
  })

  it('never take long to tell', () => {
    expect(matchingNames(`${'*a'.repeat(200)}b`, ['a'.repeat(500)])).toEqual([])
  })
})
