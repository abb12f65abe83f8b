import type { MetadataType } from '../../../src/retrieval/vectorize'

/** A vector as the tests make it. */
export interface Made {
  id: string
  values: number[]
  namespace?: string
  metadata?: Record<string, VectorizeVectorMetadata>
}

export type Filter = VectorizeVectorMetadataFilter

const utf8 = new TextEncoder()

/** First bytes of a text, not longer than 64 and not ending inside a character: what a metadata index of strings holds. */
function head(text: string): string {
  let cut = ''
  let bytes = 0
  for (const character of text) {
    bytes += utf8.encode(character).length
    if (bytes > 64) break
    cut += character
  }
  return cut
}

const comparable = (value: unknown) => (typeof value === 'string' ? head(value) : value)

/** Order of two values of one type: numbers by size, texts by their bytes. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  const [left, right] = [utf8.encode(a), utf8.encode(b)]
  const at = left.findIndex((byte, i) => byte !== right[i])
  return at < 0 ? left.length - right.length : (left[at] as number) - (right[at] ?? -1)
}

const operators: Record<string, (value: string | number, wanted: unknown) => boolean> = {
  $eq: (value, wanted) => value === comparable(wanted),
  $ne: (value, wanted) => value !== comparable(wanted),
  $in: (value, wanted) => (wanted as unknown[]).map(comparable).includes(value),
  $nin: (value, wanted) => !(wanted as unknown[]).map(comparable).includes(value),
  $lt: (value, wanted) => typeof value === typeof wanted && compare(value, comparable(wanted) as string) < 0,
  $lte: (value, wanted) => typeof value === typeof wanted && compare(value, comparable(wanted) as string) <= 0,
  $gt: (value, wanted) => typeof value === typeof wanted && compare(value, comparable(wanted) as string) > 0,
  $gte: (value, wanted) => typeof value === typeof wanted && compare(value, comparable(wanted) as string) >= 0,
}

/** Whether metadata matches a filter, written as the documentation says it and as slowly as that is. */
export function matches(metadata: Made['metadata'], filter: Filter, indexes: Record<string, MetadataType>): boolean {
  return Object.entries(filter).every(([path, condition]) => {
    const found: unknown = path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], metadata)
    if (indexes[path] === undefined || typeof found !== indexes[path]) return false
    const wanted = typeof condition === 'object' && condition !== null ? condition : { $eq: condition }
    return Object.entries(wanted).every(([operator, value]) => operators[operator]?.(comparable(found) as string, value))
  })
}

const float = (values: number[]): number[] => [...Float32Array.from(values)]
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
const product = (a: number[], b: number[]): number => sum(a.map((value, i) => value * (b[i] as number)))

/** The score of two vectors, from the definition. */
export function score(metric: VectorizeDistanceMetric, a: number[], b: number[]): number {
  const [x, y] = [float(a), float(b)]
  if (metric === 'euclidean') return Math.sqrt(sum(x.map((value, i) => (value - (y[i] as number)) ** 2)))
  if (metric === 'dot-product') return product(x, y)
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y))
}

/** Everything that a query may answer, best first. */
export function ranked(
  vectors: Made[],
  query: number[],
  metric: VectorizeDistanceMetric,
  scope: { namespace?: string; filter?: Filter },
  indexes: Record<string, MetadataType>,
): { id: string; score: number }[] {
  return vectors
    .filter(({ namespace }) => scope.namespace === undefined || namespace === scope.namespace)
    .filter(({ metadata }) => !scope.filter || matches(metadata, scope.filter, indexes))
    .map(({ id, values }) => ({ id, score: score(metric, query, values) }))
    .sort((a, b) => (metric === 'euclidean' ? a.score - b.score : b.score - a.score))
}
