import type { VectorIndex } from '../../../src/retrieval/ports'
import { similarity } from '../../../src/retrieval/vector'

type Change = { upsert: VectorizeVector } | { remove: string }

/** An index whose changes are seen when it is told to `catchUp`, as those of Vectorize are seen after some seconds. It fails as it is told. */
export class FakeVectorIndex implements VectorIndex {
  readonly vectors = new Map<string, VectorizeVector>()
  #waiting: Change[] = []
  /** Thrown by the next changes, in turn. */
  failures: Error[] = []
  queries: VectorizeQueryOptions[] = []

  constructor(readonly dimensions = 384) {}

  catchUp(): void {
    for (const change of this.#waiting) {
      if ('remove' in change) this.vectors.delete(change.remove)
      else this.vectors.set(change.upsert.id, change.upsert)
    }
    this.#waiting = []
  }

  #change(changes: Change[]): VectorizeAsyncMutation {
    const failure = this.failures.shift()
    if (failure) throw failure
    this.#waiting.push(...changes)
    return { mutationId: crypto.randomUUID() }
  }

  async upsert(vectors: VectorizeVector[]) {
    return this.#change(vectors.map((upsert) => ({ upsert })))
  }

  insert = (vectors: VectorizeVector[]) => this.upsert(vectors)

  async deleteByIds(ids: string[]) {
    return this.#change(ids.map((remove) => ({ remove })))
  }

  async getByIds(ids: string[]) {
    return ids.flatMap((id) => this.vectors.get(id) ?? [])
  }

  async query(values: number[] | VectorFloatArray, options: VectorizeQueryOptions = {}): Promise<VectorizeMatches> {
    this.queries.push(options)
    const query = Float32Array.from(values)
    const matches = [...this.vectors.values()]
      .filter(({ namespace, metadata }) => {
        if (options.namespace !== undefined && namespace !== options.namespace) return false
        return Object.entries(options.filter ?? {}).every(([key, wanted]) => typeof wanted === 'object' || metadata?.[key] === wanted)
      })
      .map(({ id, values: stored }) => ({ id, score: similarity(query, Float32Array.from(stored)) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, options.topK ?? 5)
    return { matches, count: matches.length }
  }

  queryById(): Promise<VectorizeMatches> {
    throw new Error('nothing here asks by id')
  }

  async describe(): Promise<VectorizeIndexInfo> {
    return { vectorCount: this.vectors.size, dimensions: this.dimensions, processedUpToDatetime: 0, processedUpToMutation: 0 }
  }
}
