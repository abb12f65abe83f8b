import { Best } from './best'
import { matcher } from './match'
import { type Page, pageSlots, pagesOf } from './page'
import { pageKey } from './pages'
import type { Namespace, Parts } from './parts'
import { distances, dot, signs, sumOf, tables } from './sketch'
import type { CheckedQuery } from './spec'

/** So many candidates are all scored exactly; of more, sketches choose which. Reading a vector costs some 4 µs, looking at a sketch 0.03 µs. */
export const exactly = 500
/** Candidates that are left after differing bits were counted, and after sums were computed; test/bench/vectors.ts measures what is found so. */
const counted = 2000
const summed = { least: 200, perResult: 4 }

type Keep = (page: Page, marks: Uint8Array) => number

/** Pages in which candidates are, and how many candidates. */
function scopeOf(parts: Parts, namespaces: Namespace[], keep: Keep | undefined): { keys: number[]; matching: number } {
  const all = namespaces.flatMap(({ key, count }) => Array.from({ length: pagesOf(count) }, (_, number) => pageKey(key, number)))
  if (!keep) return { keys: all, matching: namespaces.reduce((sum, { count }) => sum + count, 0) }
  const marks = new Uint8Array(pageSlots)
  let matching = 0
  const keys = all.filter((key) => {
    const kept = keep(parts.pages.get(key), marks)
    parts.pages.trim()
    matching += kept
    return kept > 0
  })
  return { keys, matching }
}

/** Offers the marked vectors of a page by what their differing bits say. A vector is offered as `first` and its slot. */
function counter({ dimensions, words }: Parts['layout'], query: Float32Array, best: Best) {
  const bits = new Int32Array(words)
  const differing = new Uint16Array(pageSlots)
  signs(query, bits)
  const each = query.reduce((sum, value) => sum + Math.abs(value), 0) / dimensions
  return (page: Page, marks: Uint8Array | undefined, first: number): void => {
    const { centre, scale, shift, count } = page
    const base = dot(centre, query)
    distances(page.words, count, bits, words, differing)
    let { least } = best
    for (let slot = 0; slot < count; slot++) {
      if (marks && marks[slot] === 0) continue
      const sum = each * (dimensions - 2 * (differing[slot] as number))
      const estimate = base + (shift[slot] as number) + (scale[slot] as number) * sum
      if (estimate < least) continue
      best.offer(estimate, first + slot)
      least = best.least
    }
  }
}

/** Rows of the candidates that sketches find nearest, in ascending order. */
function sketched(parts: Parts, vector: Float32Array, topK: number, keys: number[], keep: Keep | undefined): Uint32Array {
  const { layout, pages } = parts
  const query = parts.rotate(parts.metric.prepare(vector))
  const near = new Best(counted)
  const count = counter(layout, query, near)
  const marks = new Uint8Array(pageSlots)
  keys.forEach((key, i) => {
    const page = pages.get(key)
    keep?.(page, marks)
    count(page, keep && marks, i * pageSlots)
    pages.trim()
  })
  const nearer = new Best(Math.max(summed.least, summed.perResult * topK))
  const sums = tables(query, layout.words)
  let at = -1
  let page: Page | undefined
  let base = 0
  for (const place of near.rows()) {
    if (!page || at !== Math.floor(place / pageSlots)) {
      at = Math.floor(place / pageSlots)
      page = pages.get(keys[at] as number)
      base = dot(page.centre, query)
    }
    const slot = place % pageSlots
    const sum = sumOf(sums, page.words, slot * layout.words, layout.words)
    nearer.offer(base + (page.shift[slot] as number) + (page.scale[slot] as number) * sum, page.rows[slot] as number)
  }
  return nearer.rows()
}

/** Rows of all candidates, in ascending order. */
function allOf({ pages }: Parts, keys: number[], keep: Keep | undefined): Uint32Array {
  const rows: number[] = []
  const marks = new Uint8Array(pageSlots)
  for (const key of keys) {
    const page = pages.get(key)
    keep?.(page, marks)
    for (let slot = 0; slot < page.count; slot++) if (!keep || marks[slot]) rows.push(page.rows[slot] as number)
  }
  return Uint32Array.from(rows).sort()
}

/** Rows and scores of the nearest vectors, best first. */
export function nearest(parts: Parts, vector: Float32Array, query: CheckedQuery): { row: number; score: number }[] {
  const { sql, metric, spec, terms, layout } = parts
  const namespaces =
    query.namespace === undefined
      ? sql.exec<Namespace>('select * from namespaces').toArray()
      : sql.exec<Namespace>('select * from namespaces where name = ?', query.namespace).toArray()
  const keep = query.filter.length > 0 ? matcher(spec, terms, layout, query.filter) : undefined
  const { keys, matching } = scopeOf(parts, namespaces, keep)
  const rows = matching <= exactly ? allOf(parts, keys, keep) : sketched(parts, vector, query.topK, keys, keep)
  const best = new Best(query.topK)
  const nearness = metric.nearness(vector)
  const statement = 'select row, body from vectors where row in (select value from json_each(?))'
  for (const [row, body] of sql.exec(statement, `[${rows}]`).raw<[number, ArrayBuffer]>()) best.offer(nearness(new Float32Array(body)), row)
  return best.sorted().map(({ row, score }) => ({ row, score: metric.score(score) }))
}
