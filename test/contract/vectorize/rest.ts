import type { VectorIndex } from '../../../src/retrieval/ports'
import type { MetadataType } from '../../../src/retrieval/vectorize'

export interface RestOptions {
  /** Id of the Cloudflare account. */
  account: string
  /** API token that may edit Vectorize. */
  token: string
  /** Name of the index. */
  index: string
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

interface Answer<T> {
  success: boolean
  result: T
  errors: { code: number; message: string }[]
}

const api = 'https://api.cloudflare.com/client/v4'
const lines = (vectors: VectorizeVector[]): string =>
  vectors.map((vector) => JSON.stringify({ ...vector, values: [...vector.values] })).join('\n')

/** An index of Vectorize over Cloudflare's REST API: https://developers.cloudflare.com/api/resources/vectorize/ */
export class RestVectorIndex implements VectorIndex {
  readonly #options: RestOptions

  constructor(options: RestOptions) {
    this.#options = options
  }

  /** What the index was created with. */
  config(): Promise<{ config: { dimensions: number; metric: VectorizeDistanceMetric } }> {
    return this.#call('')
  }

  /** The metadata indexes that were created for it. */
  metadataIndexes(): Promise<{ metadataIndexes: { propertyName: string; indexType: MetadataType }[] }> {
    return this.#call('/metadata_index/list')
  }

  describe(): Promise<VectorizeIndexInfo> {
    return this.#call('/info')
  }

  query(vector: VectorFloatArray | number[], options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    return this.#query({ vector: [...vector] }, options)
  }

  queryById(vectorId: string, options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    return this.#query({ vectorId }, options)
  }

  insert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return this.#call('/insert?unparsable-behavior=error', 'application/x-ndjson', lines(vectors))
  }

  upsert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return this.#call('/upsert?unparsable-behavior=error', 'application/x-ndjson', lines(vectors))
  }

  deleteByIds(ids: string[]): Promise<VectorizeAsyncMutation> {
    return this.#call('/delete_by_ids', 'application/json', JSON.stringify({ ids }))
  }

  getByIds(ids: string[]): Promise<VectorizeVector[]> {
    return this.#call('/get_by_ids', 'application/json', JSON.stringify({ ids }))
  }

  #query(by: object, options: VectorizeQueryOptions = {}): Promise<VectorizeMatches> {
    // As the binding does it: the API knows the three levels only.
    const { returnMetadata } = options
    const level = typeof returnMetadata === 'boolean' ? (returnMetadata ? 'all' : 'none') : returnMetadata
    return this.#call('/query', 'application/json', JSON.stringify({ ...options, returnMetadata: level, ...by }))
  }

  async #call<T>(path: string, type?: string, body?: string): Promise<T> {
    const { account, token, index, fetch = globalThis.fetch } = this.#options
    const response = await fetch(`${api}/accounts/${account}/vectorize/v2/indexes/${index}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(type && { 'content-type': type }) },
      body,
    })
    const text = await response.text()
    let answer: Answer<T>
    try {
      answer = JSON.parse(text)
    } catch {
      throw new Error(`Vectorize answered ${response.status} to ${path}: ${text.slice(0, 500)}`)
    }
    if (!answer.success) throw new Error(answer.errors.map(({ code, message }) => `${message} [code: ${code}]`).join('; '))
    return answer.result
  }
}
