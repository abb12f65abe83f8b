import { diffLines, type Hunk } from './diff'

export type Merge = { clean: true; value: string } | { clean: false; reason: 'conflict' | 'too_complex' }

/**
 * Merges two edits of one text by lines. Changes that overlap or touch conflict, unless both sides made the same one; changes
 * with an unchanged line between them are both kept.
 */
export function mergeLines(base: string, ours: string, theirs: string): Merge {
  if (ours === theirs || theirs === base) return { clean: true, value: ours }
  if (ours === base) return { clean: true, value: theirs }
  const lines = base.split('\n')
  const left = diffLines(lines, ours.split('\n'))
  const right = diffLines(lines, theirs.split('\n'))
  if (!left || !right) return { clean: false, reason: 'too_complex' }
  const pieces: string[][] = []
  let at = 0
  for (const region of regions(left, right)) {
    const [mine, yours] = [rewrite(lines, region, region.left), rewrite(lines, region, region.right)]
    if (region.left.length > 0 && region.right.length > 0 && !same(mine, yours)) return { clean: false, reason: 'conflict' }
    pieces.push(lines.slice(at, region.start), region.left.length > 0 ? mine : yours)
    at = region.end
  }
  return { clean: true, value: [...pieces, lines.slice(at)].flat().join('\n') }
}

const same = (a: string[], b: string[]): boolean => a.length === b.length && a.every((line, i) => line === b[i])

/** Lines `start` to `end` of the base, with the changes of either side that overlap or touch each other there. */
interface Region {
  start: number
  end: number
  left: Hunk[]
  right: Hunk[]
}

function regions(left: Hunk[], right: Hunk[]): Region[] {
  const tagged = [...left.map((hunk) => ({ hunk, side: 'left' as const })), ...right.map((hunk) => ({ hunk, side: 'right' as const }))]
  const found: Region[] = []
  for (const { hunk, side } of tagged.toSorted((a, b) => a.hunk.start - b.hunk.start || a.hunk.end - b.hunk.end)) {
    let region = found.at(-1)
    if (!region || hunk.start > region.end) {
      region = { start: hunk.start, end: hunk.end, left: [], right: [] }
      found.push(region)
    }
    region.end = Math.max(region.end, hunk.end)
    region[side].push(hunk)
  }
  return found
}

/** What one side made of a region. */
function rewrite(lines: string[], region: Region, hunks: Hunk[]): string[] {
  const pieces: string[][] = []
  let at = region.start
  for (const hunk of hunks) {
    pieces.push(lines.slice(at, hunk.start), hunk.lines)
    at = hunk.end
  }
  return [...pieces, lines.slice(at, region.end)].flat()
}
