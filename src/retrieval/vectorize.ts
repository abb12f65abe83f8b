/** What Vectorize takes at most; docs/vectorize.md names the sources. More is refused, not cut. */
export const vectorizeLimits = {
  idBytes: 64,
  namespaceBytes: 64,
  /** As compact JSON. */
  metadataBytes: 10 * 1024,
  /** An `insert` or `upsert` of a Worker. */
  vectorsPerCall: 1000,
  deletedPerCall: 100,
  fetchedPerCall: 20,
  topK: 100,
  /** With `returnValues: true` or `returnMetadata: 'all'`. */
  topKWithContent: 50,
  /** A filter's compact JSON is shorter than this. */
  filterBytes: 2048,
  filterKeyLength: 512,
  /** A metadata index holds, and a filter compares, this much of the beginning of a string. */
  indexedTextBytes: 64,
} as const

export type MetadataType = 'string' | 'number' | 'boolean'

/** Properties of metadata that every index has a metadata index for, which is what a filter needs. A dot leads into a nested object. */
export const metadataIndexes: Readonly<Record<string, MetadataType>> = {
  organization_id: 'string',
  kind: 'string',
  agent_id: 'string',
  conversation_id: 'string',
  role: 'string',
  created_at: 'number',
}
