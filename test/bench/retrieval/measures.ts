/** Grades of one query: 2 answers it, 1 is related or a part, what is missing is 0. */
export type Judged = Readonly<Record<string, number>>

/** The first `k` of a ranking. Throws when it names something twice, which would count twice. */
function first(ranking: readonly string[], k: number): readonly string[] {
  const top = ranking.slice(0, k)
  const twice = top.find((id, i) => top.indexOf(id) !== i)
  if (twice !== undefined) throw new RangeError(`The ranking names ${twice} twice.`)
  return top
}

/**
 * Recall at k: which share of what is relevant (grade 1 or more) is among the first `k`, 0 to 1. Throws a RangeError when nothing is.
 * (Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section 8.3.)
 */
export function recall(ranking: readonly string[], judged: Judged, k: number): number {
  const relevant = Object.values(judged).filter((grade) => grade > 0).length
  if (relevant === 0) throw new RangeError('Nothing is relevant, so recall is undefined.')
  return first(ranking, k).filter((id) => (judged[id] ?? 0) > 0).length / relevant
}

const discounted = (grades: readonly number[]) => grades.reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0)

/**
 * Normalized discounted cumulative gain at k, 0 to 1: the gain of a place is its grade over log2(place + 1), and the sum is divided by that of
 * the best ranking of everything that is judged. Throws a RangeError when nothing is relevant.
 * (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002, with the discount of trec_eval's ndcg_cut.)
 */
export function ndcg(ranking: readonly string[], judged: Judged, k: number): number {
  const ideal = Object.values(judged).sort((a, b) => b - a)
  const best = discounted(ideal.slice(0, k))
  if (best === 0) throw new RangeError('Nothing is relevant, so nDCG is undefined.')
  return discounted(first(ranking, k).map((id) => judged[id] ?? 0)) / best
}

/** One over the place of the first relevant among the first `k`, 0 when there is none (Voorhees, The TREC-8 question answering track, 1999). */
export function reciprocalRank(ranking: readonly string[], judged: Judged, k: number): number {
  const place = first(ranking, k).findIndex((id) => (judged[id] ?? 0) > 0)
  return place < 0 ? 0 : 1 / (place + 1)
}

/** Arithmetic mean; NaN of nothing. */
export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Numbers in [0, 1) that are the same for the same seed (mulberry32, by Tommy Ettinger, public domain). */
function randoms(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A mean difference and the interval that holds it with the confidence asked for. */
export interface Interval {
  mean: number
  low: number
  high: number
}

/**
 * How much better system `a` is than `b`, both measured on the same queries in the same order: mean of the differences with its
 * percentile bootstrap interval, drawn over queries. The same input gives the same interval. Throws a RangeError when the lengths differ or are 0.
 * (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for search, Sakai, Evaluating evaluation metrics based on the bootstrap, 2006.)
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  { confidence = 0.95, draws = 10_000, seed = 1 } = {},
): Interval {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`Cannot pair ${a.length} with ${b.length} queries.`)
  const differences = a.map((value, i) => value - (b[i] as number))
  const random = randoms(seed)
  const means = Float64Array.from({ length: draws }, () => {
    let sum = 0
    for (let i = 0; i < differences.length; i++) sum += differences[Math.floor(random() * differences.length)] as number
    return sum / differences.length
  }).sort()
  const quantile = (q: number) => means[Math.min(draws - 1, Math.floor(q * draws))] as number
  return { mean: mean(differences), low: quantile((1 - confidence) / 2), high: quantile((1 + confidence) / 2) }
}
