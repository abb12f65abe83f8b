import { dot } from './sketch'

/** How an index compares vectors. Its sketches estimate a product, so every metric says what of it is to be ranked. */
export interface Metric {
  /** What is sketched of a vector. */
  prepare(vector: Float32Array): Float32Array
  /** Added to the estimated product, so that a higher sum is nearer. */
  bias(prepared: Float32Array): number
  /** How near a vector is to the query, higher is nearer; exact. */
  nearness(query: Float32Array): (vector: Float32Array) => number
  /** The score that Vectorize tells for a nearness. */
  score(nearness: number): number
}

const lengthOf = (vector: Float32Array): number => Math.sqrt(dot(vector, vector))
const same = <T>(value: T): T => value

export const metrics: Record<VectorizeDistanceMetric, Metric> = {
  cosine: {
    prepare(vector) {
      const length = lengthOf(vector)
      return length > 0 ? vector.map((value) => value / length) : vector
    },
    bias: () => 0,
    nearness(query) {
      const own = lengthOf(query)
      return (vector) => {
        const lengths = own * lengthOf(vector)
        return lengths > 0 ? Math.max(-1, Math.min(1, dot(vector, query) / lengths)) : 0
      }
    },
    score: same,
  },
  'dot-product': {
    prepare: same,
    bias: () => 0,
    nearness: (query) => (vector) => dot(vector, query),
    score: same,
  },
  // A lower distance is nearer: |q - v|² = |q|² - 2 (q·v - |v|² / 2).
  euclidean: {
    prepare: same,
    bias: (prepared) => -dot(prepared, prepared) / 2,
    nearness: (query) => (vector) => {
      let square = 0
      for (let i = 0; i < query.length; i++) square += ((query[i] as number) - (vector[i] as number)) ** 2
      return -square
    },
    score: (nearness) => Math.sqrt(-nearness),
  },
}
