import { type Interval, mean, ndcg, pairedBootstrap, recall, reciprocalRank } from './measures.ts'
import { kinds, type Query } from './set.ts'

/** Ids of passages for a query, best first, at most `limit`. */
export type Searcher = (query: string, limit: number) => Promise<string[]>

export const systems = ['vector', 'text', 'hybrid'] as const
export type System = (typeof systems)[number]

export const measures = ['recall@5', 'nDCG@10', 'MRR@10'] as const
export type Measure = (typeof measures)[number]

/** The measures that decide; the others are shown. */
export const deciding: readonly Measure[] = ['recall@5', 'nDCG@10']

/** Values of one system, one a query, in the order of the queries. */
export type Values = Record<Measure, number[]>

const deepest = 10

/** Asks every query and measures the answers. */
export async function measure(search: Searcher, queries: readonly Query[]): Promise<Values> {
  const values: Values = { 'recall@5': [], 'nDCG@10': [], 'MRR@10': [] }
  for (const { query, judged } of queries) {
    const ranking = await search(query, deepest)
    values['recall@5'].push(recall(ranking, judged, 5))
    values['nDCG@10'].push(ndcg(ranking, judged, deepest))
    values['MRR@10'].push(reciprocalRank(ranking, judged, deepest))
  }
  return values
}

/** Values of those queries that pass. */
function where(values: Values, queries: readonly Query[], passes: (query: Query) => boolean): Values {
  const some = (all: number[]) => all.filter((_, i) => passes(queries[i] as Query))
  return { 'recall@5': some(values['recall@5']), 'nDCG@10': some(values['nDCG@10']), 'MRR@10': some(values['MRR@10']) }
}

export interface Row {
  /** A kind of queries, or `all`. */
  kind: string
  queries: number
  measure: Measure
  means: Record<System, number>
  /** The better of vector and text. */
  single: System
  /** How much better hybrid is than the better single one, with the interval of 95 %. */
  gain: Interval
}

function rowOf(kind: string, values: Record<System, Values>, measure: Measure): Row {
  const each = (system: System) => values[system][measure]
  const means = { vector: mean(each('vector')), text: mean(each('text')), hybrid: mean(each('hybrid')) }
  const single = means.vector > means.text ? 'vector' : 'text'
  return { kind, queries: each('hybrid').length, measure, means, single, gain: pairedBootstrap(each('hybrid'), each(single)) }
}

/** The table of one split: every measure of every kind, then of all. Throws a RangeError when a kind has no query in the split. */
export function compare(values: Record<System, Values>, queries: readonly Query[], split: Query['split']): Row[] {
  return [...kinds, 'all'].flatMap((kind) => {
    const passes = (query: Query) => query.split === split && (kind === 'all' || query.kind === kind)
    const some = {
      vector: where(values.vector, queries, passes),
      text: where(values.text, queries, passes),
      hybrid: where(values.hybrid, queries, passes),
    }
    return measures.map((measure) => rowOf(kind, some, measure))
  })
}

/** Whether hybrid search is on average at least as good as each single one in what decides. */
export const holds = (rows: readonly Row[]): boolean =>
  rows.every(({ kind, measure, gain }) => kind !== 'all' || !deciding.includes(measure) || gain.mean >= 0)

const percent = (value: number) => (100 * value).toFixed(1)
const signed = (value: number) => `${value < 0 ? '−' : '+'}${percent(Math.abs(value))}`

/** The table as lines of text, in percent. */
export function tableOf(rows: readonly Row[]): string[] {
  const cells = (...[kind, n, measure, vector, text, hybrid, gain]: string[]) =>
    `${kind?.padEnd(11)}${n?.padStart(4)}  ${measure?.padEnd(9)}${vector?.padStart(7)}${text?.padStart(7)}${hybrid?.padStart(8)}  ${gain}`
  return [
    cells('queries', 'n', '', ...systems, 'hybrid − best single [95 %]'),
    ...rows.map(({ kind, queries, measure, means, single, gain }) =>
      cells(
        kind,
        String(queries),
        measure,
        percent(means.vector),
        percent(means.text),
        percent(means.hybrid),
        `${signed(gain.mean)} [${signed(gain.low)}, ${signed(gain.high)}] ${single}`,
      ),
    ),
  ]
}
