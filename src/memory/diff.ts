/** A change of the base's lines `start` (included) to `end` (excluded), from 0, into `lines`. */
export interface Hunk {
  start: number
  end: number
  lines: string[]
}

/**
 * The most edits a diff may have. Time and memory grow with its square, so that no text can hold a Worker up; the bound is a
 * count because the clock stands still while a Worker computes.
 */
export const maxEdits = 1000

/** The changes that turn `base` into `next`, in order and apart from each other, or null when they are more than `maxEdits`. */
export function diffLines(base: string[], next: string[]): Hunk[] | null {
  let head = 0
  while (head < base.length && head < next.length && base[head] === next[head]) head++
  let tail = 0
  while (tail < base.length - head && tail < next.length - head && base.at(-1 - tail) === next.at(-1 - tail)) tail++
  const [a, b] = intern(base.slice(head, base.length - tail), next.slice(head, next.length - tail))
  const trace = search(a, b)
  if (!trace) return null
  return hunksOf(trace, a.length, b.length).map(({ start, end, from, to }) => ({
    start: start + head,
    end: end + head,
    lines: next.slice(from + head, to + head),
  }))
}

/** Both texts as numbers, equal lines having equal numbers: comparing numbers is what keeps long texts quick. */
function intern(a: string[], b: string[]): [Int32Array, Int32Array] {
  const ids = new Map<string, number>()
  const number = (line: string) => {
    const known = ids.get(line)
    if (known !== undefined) return known
    ids.set(line, ids.size)
    return ids.size - 1
  }
  return [Int32Array.from(a, number), Int32Array.from(b, number)]
}

/** Myers' greedy search: per number of edits, the furthest position in `a` on each diagonal (index `diagonal + edits`). */
function search(a: Int32Array, b: Int32Array): Int32Array[] | null {
  const trace: Int32Array[] = []
  for (let edits = 0; edits <= maxEdits; edits++) {
    const reached = new Int32Array(2 * edits + 1)
    const previous = trace.at(-1)
    trace.push(reached)
    for (let k = -edits; k <= edits; k += 2) {
      let x = previous ? step(previous, k, edits).x : 0
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reached[k + edits] = x
      if (x >= a.length && x - k >= b.length) return trace
    }
  }
  return null
}

/** The position that one more edit reaches on diagonal `k`, and the diagonal that it comes from. */
function step(previous: Int32Array, k: number, edits: number): { x: number; from: number } {
  const at = (diagonal: number) => previous[diagonal + edits - 1] ?? -1
  const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1))
  return down ? { x: at(k + 1), from: k + 1 } : { x: at(k - 1) + 1, from: k - 1 }
}

interface Range {
  start: number
  end: number
  from: number
  to: number
}

/** Walks the search back from its end and joins neighbouring edits: ranges of `a` with the ranges of `b` that replace them. */
function hunksOf(trace: Int32Array[], lengthA: number, lengthB: number): Range[] {
  const ranges: Range[] = []
  let k = lengthA - lengthB
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const previous = trace[edits - 1] ?? new Int32Array()
    const { x, from } = step(previous, k, edits)
    const start = previous[from + edits - 1] ?? 0
    const edit = { start, end: x, from: start - from, to: x - k }
    const later = ranges.at(-1)
    if (later && later.start === edit.end && later.from === edit.to) Object.assign(later, { start: edit.start, from: edit.from })
    else ranges.push(edit)
    k = from
  }
  return ranges.reverse()
}
