import fc from 'fast-check'
import { expect, it } from 'vitest'
import { diffLines, type Hunk, maxEdits } from '../../../src/memory/diff'
import { mergeLines } from '../../../src/memory/merge'

/** Few different lines, so that they repeat and alignments are ambiguous. */
const lines = fc.array(fc.constantFrom('', 'a', 'b', 'c'), { maxLength: 12 })
const text = lines.map((list) => list.join('\n'))

const patch = (base: string[], hunks: Hunk[]): string[] =>
  hunks.toReversed().reduce((current, hunk) => current.toSpliced(hunk.start, hunk.end - hunk.start, ...hunk.lines), base)

it('a diff applied to its base gives the other text, in hunks that do not touch', () => {
  fc.assert(
    fc.property(lines, lines, (base, next) => {
      const hunks = diffLines(base, next)!
      expect(patch(base, hunks)).toEqual(next)
      for (const [i, hunk] of hunks.entries()) if (i > 0) expect(hunk.start).toBeGreaterThan(hunks[i - 1]!.end)
    }),
    { numRuns: 2000 },
  )
})

it('a diff is as short as it can be', () => {
  const common = (a: string[], b: string[]): number => {
    const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
    for (let i = 1; i <= a.length; i++)
      for (let j = 1; j <= b.length; j++)
        table[i]![j] = a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!)
    return table[a.length]![b.length]!
  }
  fc.assert(
    fc.property(lines, lines, (base, next) => {
      const edits = diffLines(base, next)!.reduce((sum, h) => sum + h.end - h.start + h.lines.length, 0)
      expect(edits).toBe(base.length + next.length - 2 * common(base, next))
    }),
  )
})

it('keeps the other side when one side changed nothing', () => {
  fc.assert(
    fc.property(text, text, (base, other) => {
      expect(mergeLines(base, base, other)).toEqual({ clean: true, value: other })
      expect(mergeLines(base, other, base)).toEqual({ clean: true, value: other })
    }),
  )
})

it('takes a change that both sides made once', () => {
  fc.assert(
    fc.property(text, text, (base, both) => {
      expect(mergeLines(base, both, both)).toEqual({ clean: true, value: both })
    }),
  )
})

it('gives the same verdict and value whichever side is whose', () => {
  fc.assert(
    fc.property(text, text, text, (base, ours, theirs) => {
      expect(mergeLines(base, ours, theirs)).toEqual(mergeLines(base, theirs, ours))
    }),
    { numRuns: 3000 },
  )
})

it('keeps both of two edits that have an unchanged line between them', () => {
  const edit = fc.record({
    keep: fc.nat({ max: 3 }),
    lines: fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), edit, edit, (before, between, first, second) => {
      const base = Array.from({ length: before + between + 10 }, (_, i) => `line ${i}`)
      const a: [number, number, ...string[]] = [before, first.keep, ...first.lines.map((l) => `ours ${l}`)]
      const at = before + first.keep + 1 + (between % 2)
      const b: [number, number, ...string[]] = [at, second.keep, ...second.lines.map((l) => `theirs ${l}`)]
      const merged = mergeLines(base.join('\n'), base.toSpliced(...a).join('\n'), base.toSpliced(...b).join('\n'))
      expect(merged).toEqual({
        clean: true,
        value: base
          .toSpliced(...b)
          .toSpliced(...a)
          .join('\n'),
      })
    }),
  )
})

it('a clean merge loses no line that either side added', () => {
  fc.assert(
    fc.property(lines, lines, lines, (base, ours, theirs) => {
      const merged = mergeLines(base.join('\n'), ours.join('\n'), [...theirs, 'theirs only'].join('\n'))
      if (merged.clean) expect(merged.value.split('\n')).toContain('theirs only')
    }),
  )
})

it.each([
  ['the same line', 'a\nb\nc', 'a\nx\nc', 'a\ny\nc'],
  ['neighbouring lines', 'a\nb\nc', 'x\nb\nc', 'a\ny\nc'],
  ['two appends', 'a', 'a\nb', 'a\nc'],
  ['a deletion and an edit', 'a\nb\nc', 'a\nc', 'a\nx\nc'],
  ['a deletion and a blanking', 'a\nb\nc', 'a\nc', 'a\n\nc'],
  ['an edit inside a deletion', 'a\nb\nc\nd\ne', 'a\ne', 'a\nb\nx\nd\ne'],
])('conflicts on %s', (_, base, ours, theirs) => {
  expect(mergeLines(base, ours, theirs)).toEqual({ clean: false, reason: 'conflict' })
})

it('says too complex in place of searching without bound', () => {
  const other = (mark: string) => Array.from({ length: maxEdits * 5 }, (_, i) => `${mark} ${i}`).join('\n')
  const started = performance.now()
  expect(mergeLines(other('base'), other('ours'), other('theirs'))).toEqual({ clean: false, reason: 'too_complex' })
  expect(performance.now() - started).toBeLessThan(2000)
})

it('merges long texts of repeated lines quickly', () => {
  const base = Array.from({ length: 200_000 }, () => '')
  const ours = base.toSpliced(10, 0, 'ours').join('\n')
  const theirs = base.toSpliced(150_000, 0, 'theirs').join('\n')
  const merged = mergeLines(base.join('\n'), ours, theirs)
  expect(merged.clean && merged.value.split('\n').filter(Boolean)).toEqual(['ours', 'theirs'])
})
