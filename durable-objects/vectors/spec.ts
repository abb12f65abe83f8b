import type { MetadataType } from '../../src/retrieval/vectorize'

/** What makes an index: its vectors' length, how they are compared, and what can be filtered. It never changes. */
export interface IndexSpec {
  dimensions: number
  metric: VectorizeDistanceMetric
  /** Properties with a metadata index, by their path. */
  metadata: Readonly<Record<string, MetadataType>>
}

export type MetadataValue = string | number | boolean

/** A vector that was found to be well-formed. */
export interface CheckedVector {
  id: string
  values: Float32Array
  /** '' stands for none. */
  namespace: string
  /** As JSON. */
  metadata: string | null
}

/** What a filter asks of one property. Bounds and values may be of any type: what has another type than the property equals none of it. */
export type Condition = { property: string } & (
  | { kind: 'in' | 'not in'; values: (MetadataValue | null)[] }
  | { kind: 'range'; above?: Bound; below?: Bound }
)

export interface Bound {
  value: string | number
  inclusive: boolean
}

/** A query that was found to be well-formed. */
export interface CheckedQuery {
  topK: number
  /** Undefined asks in all of them. */
  namespace: string | undefined
  returnValues: boolean
  returnMetadata: VectorizeMetadataRetrievalLevel
  filter: Condition[]
}
