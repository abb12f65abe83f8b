import { Best } from './best'
import { matcher } from './match'
import { type Page, pageSlots, pagesOf } from './page'
import type { Namespace, Parts } from './parts'
import { distances, dot, signs } from './sketch'
import type { CheckedQuery } from './spec'

/** Up to so many candidates are all scored exactly; of more, sketches choose a shortlist. */
export const exactly = 2000
/** Candidates that are scored exactly when sketches choose; at least so many times `topK`. See test/bench/vectors.ts for what it finds. */
export const shortlist = { least: 400, perResult: 8 }

type Keep = (page: Page, marks: Uint8Array) => number

/** Estimates how near the vectors of a page are to a query, and offers those that are marked. */
export function scan(layout: Page['layout'], rotated: Float32Array): (page: Page, marks: Uint8Array | null, best: Best) => void {
  const { dimensions, words } = layout
  const bits = new Int32Array(words)
  const differing = new Uint16Array(pageSlots)
  return (page, marks, best) => {
    const { centre, scale, shift, rows, count } = page
    const length = signs(rotated, centre, bits) / dimensions
    const base = dot(centre, rotated)
    distances(page.words, count, bits, words, differing)
    let { least } = best
    for (let slot = 0; slot < count; slot++) {
      if (marks && marks[slot] === 0) continue
      const product = (scale[slot] as number) * length * (dimensions - 2 * (differing[slot] as number))
      const estimate = base + (shift[slot] as number) + product
      if (estimate < least) continue
      best.offer(estimate, rows[slot] as number)
      least = best.least
    }
  }
}

function* pagesIn({ pages }: Parts, namespaces: Namespace[]): Generator<Page> {
  for (const { key, count } of namespaces) for (let number = 0; number < pagesOf(count); number++) yield pages.get(key, number)
}

/** Rows that are worth scoring exactly: all that match when they are few, else those that look nearest. */
function candidates(parts: Parts, vector: Float32Array, query: CheckedQuery, namespaces: Namespace[]): number[] {
  const total = namespaces.reduce((sum, { count }) => sum + count, 0)
  const marks = new Uint8Array(pageSlots)
  const keep: Keep | undefined = query.filter.length > 0 ? matcher(parts.spec, parts.terms, parts.layout, query.filter) : undefined
  let matching = total
  if (keep) {
    matching = 0
    for (const page of pagesIn(parts, namespaces)) matching += keep(page, marks)
  }
  if (matching === 0) return []
  if (matching <= exactly) {
    const rows: number[] = []
    for (const page of pagesIn(parts, namespaces)) {
      keep?.(page, marks)
      for (let slot = 0; slot < page.count; slot++) if (!keep || marks[slot]) rows.push(page.rows[slot] as number)
    }
    return rows
  }
  const best = new Best(Math.max(shortlist.least, shortlist.perResult * query.topK))
  const look = scan(parts.layout, parts.rotate(parts.metric.prepare(vector)))
  for (const page of pagesIn(parts, namespaces)) if (!keep || keep(page, marks) > 0) look(page, keep ? marks : null, best)
  return best.rows()
}

/** Rows and scores of the nearest vectors, best first. */
export function nearest(parts: Parts, vector: Float32Array, query: CheckedQuery): { row: number; score: number }[] {
  const { sql, metric } = parts
  const namespaces =
    query.namespace === undefined
      ? sql.exec<Namespace>('select * from namespaces').toArray()
      : sql.exec<Namespace>('select * from namespaces where name = ?', query.namespace).toArray()
  const rows = candidates(parts, vector, query, namespaces).sort((a, b) => a - b)
  const best = new Best(query.topK)
  const nearness = metric.nearness(vector)
  const statement = 'select row, body from vectors where row in (select value from json_each(?))'
  for (const [row, body] of sql.exec(statement, JSON.stringify(rows)).raw<[number, ArrayBuffer]>())
    best.offer(nearness(new Float32Array(body)), row)
  return best.sorted().map(({ row, score }) => ({ row, score: metric.score(score) }))
}
