import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers'
import type { Env } from '../src/env'
import type { VectorIndex } from '../src/retrieval/ports'
import { type MetadataType, metadataIndexes, vectorizeLimits } from '../src/retrieval/vectorize'
import { checkIds, checkOptions, checkQueryId, checkQueryVector, checkVectors, type Operation } from './vectors/check'
import type { CheckedQuery, CheckedVector, IndexSpec } from './vectors/spec'
import { layoutVersion, VectorStore } from './vectors/store'

/** The vectors of one index. What it is asked was checked by `LocalVectorize`. */
export class VectorsObject extends DurableObject<Env> {
  #store: VectorStore | undefined

  describe(spec: IndexSpec): VectorizeIndexInfo {
    return this.#open(spec).describe()
  }

  write(spec: IndexSpec, operation: Operation, vectors: CheckedVector[]): VectorizeAsyncMutation {
    return this.#open(spec).write(operation, vectors)
  }

  delete(spec: IndexSpec, ids: string[]): VectorizeAsyncMutation {
    return this.#open(spec).delete(ids)
  }

  get(spec: IndexSpec, ids: string[]): VectorizeVector[] {
    return this.#open(spec).get(ids)
  }

  query(spec: IndexSpec, vector: Float32Array, query: CheckedQuery): VectorizeMatches {
    return this.#open(spec).query(vector, query)
  }

  queryById(spec: IndexSpec, id: string, query: CheckedQuery): VectorizeMatches {
    return this.#open(spec).queryById(id, query)
  }

  /**
   * The store, made at the first call. Its pages are made anew when they were for other metadata indexes or laid out in another way; throws when
   * the index was made for other dimensions or another metric.
   */
  #open(spec: IndexSpec): VectorStore {
    if (this.#store) return this.#store
    const { kv } = this.ctx.storage
    const made = kv.get<string>('spec')
    const wanted = JSON.stringify({ ...spec, layout: layoutVersion })
    const store = new VectorStore(this.ctx.storage, spec)
    if (made !== wanted) {
      if (made !== undefined) {
        const { dimensions, metric }: IndexSpec = JSON.parse(made)
        if (dimensions !== spec.dimensions || metric !== spec.metric)
          throw new Error(
            `This index has ${dimensions} dimensions and the metric ${metric}; it cannot be used with ${spec.dimensions} and ${spec.metric}.`,
          )
        store.rebuild()
      }
      kv.put('spec', wanted)
    }
    this.#store = store
    return store
  }
}

/**
 * What an object answered, as a value of this Worker's own. The answer itself would be handed on with its disposer, and be kept until whoever
 * asked disposes of it, which nobody does with an answer of Vectorize.
 */
async function own<T>(answer: Promise<T & Partial<Disposable>>): Promise<T> {
  const value = await answer
  try {
    return structuredClone(value)
  } finally {
    value[Symbol.dispose]?.()
  }
}

/** What a binding hands over in `props`. */
export interface LocalVectorizeProps {
  dimensions: number
  /** `cosine` when it is not given. */
  metric?: VectorizeDistanceMetric
  /** Name of the index; its dimensions when it is not given. */
  name?: string
  /** Properties with a metadata index; those of the application when they are not given. */
  metadata?: Record<string, MetadataType>
}

/** Stands in for the binding of a Vectorize index where there is none, with the same answers: docs/vectorize.md has what differs. */
export class LocalVectorize extends WorkerEntrypoint<Env, LocalVectorizeProps> implements VectorIndex {
  async describe(): Promise<VectorizeIndexInfo> {
    return own(this.#object.describe(this.#spec))
  }

  async query(vector: VectorFloatArray | number[], options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    const values = checkQueryVector(vector, this.#spec.dimensions)
    return own(this.#object.query(this.#spec, values, checkOptions(options)))
  }

  async queryById(vectorId: string, options?: VectorizeQueryOptions): Promise<VectorizeMatches> {
    const id = checkQueryId(vectorId)
    return own(this.#object.queryById(this.#spec, id, checkOptions(options)))
  }

  async insert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return this.#write('VECTOR_INSERT', vectors)
  }

  async upsert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    return this.#write('VECTOR_UPSERT', vectors)
  }

  async deleteByIds(ids: string[]): Promise<VectorizeAsyncMutation> {
    const checked = checkIds('VECTOR_DELETE', ids, vectorizeLimits.deletedPerCall)
    return own(this.#object.delete(this.#spec, checked))
  }

  async getByIds(ids: string[]): Promise<VectorizeVector[]> {
    const checked = checkIds('VECTOR_GET', ids, vectorizeLimits.fetchedPerCall)
    return own(this.#object.get(this.#spec, checked))
  }

  async #write(operation: Operation, vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    const checked = checkVectors(operation, vectors, this.#spec.dimensions)
    return own(this.#object.write(this.#spec, operation, checked))
  }

  get #spec(): IndexSpec {
    const { dimensions, metric = 'cosine', metadata = metadataIndexes } = this.ctx.props
    return { dimensions, metric, metadata }
  }

  get #object() {
    const { name, dimensions } = this.ctx.props
    return this.env.VECTORS.getByName(name ?? String(dimensions))
  }
}
