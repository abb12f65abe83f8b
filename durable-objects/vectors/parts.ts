import type { Metric } from './metric'
import type { Layout } from './page'
import type { Pages } from './pages'
import type { IndexSpec } from './spec'
import type { Terms } from './terms'

/** A namespace that has vectors: when it loses its last one it is forgotten. */
export type Namespace = { key: number; name: string; count: number }

/** What the parts of a store share. */
export interface Parts {
  sql: SqlStorage
  spec: IndexSpec
  layout: Layout
  metric: Metric
  pages: Pages
  terms: Terms
  /** The rotation that comes before a sketch. */
  rotate(values: Float32Array): Float32Array
}
