/** Why a text is embedded: some models put what is looked for elsewhere than what is found. */
export type EmbeddingUse = 'document' | 'query'

/** A model that turns texts into vectors. */
export interface EmbeddingModel {
  handle: string
  /** How long its vectors are; null when only its first answer tells. */
  dimensions: number | null
  /** Most texts that one call of the provider takes; `embed` takes any number. */
  batch: number
  /**
   * Vectors of unit length, one a text, in order. A text longer than the model reads is cut. Throws an AppError as language models do: `llm_*`
   * for what the provider refuses, `bad_request` when it is not set up; `x-should-retry` follows from the code.
   */
  embed(texts: string[], use: EmbeddingUse, signal?: AbortSignal): Promise<Float32Array[]>
}

/** Finds the model of a handle. Throws an AppError: `not_found` for an unknown one, `bad_request` when its provider is not set up. */
export type EmbeddingCatalog = (handle: string) => EmbeddingModel

/** An index of vectors: the binding of Cloudflare Vectorize, or what stands in for it. All vectors of one index have as many dimensions. */
export type VectorIndex = Pick<Vectorize, 'describe' | 'query' | 'queryById' | 'insert' | 'upsert' | 'deleteByIds' | 'getByIds'>

/** Dimensions for which an index can be bound, as `VECTORIZE_<dimensions>`; Vectorize takes at most 1536. */
export const indexedDimensions = [384, 512, 768, 1024, 1536] as const
