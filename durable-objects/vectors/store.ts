import type { Operation } from './check'
import { indexedText, valueAt } from './filter'
import { metrics } from './metric'
import { layoutOf } from './page'
import { Pages } from './pages'
import type { Parts } from './parts'
import { nearest } from './search'
import { rotation } from './sketch'
import type { CheckedQuery, CheckedVector, IndexSpec } from './spec'
import { Terms } from './terms'
import { Change, type Entry } from './write'

/** Bytes of pages that stay in memory between calls: what a query scans of some 400,000 vectors of 512 dimensions. */
export const keptBytes = 48 * 1024 * 1024

/** Counts up when pages or sketches are made in another way: then they are made anew. */
export const layoutVersion = 1

const schema = `
  create table if not exists mutations (one integer primary key check (one = 1), id text not null, processed_at integer not null);
  create table if not exists namespaces (key integer primary key, name text not null unique, count integer not null);
  create table if not exists entries (
    row integer primary key, id text not null unique, namespace integer not null, slot integer not null, metadata text
  );
  create table if not exists vectors (row integer primary key, body blob not null);
  create table if not exists pages (page integer primary key, body blob not null);
  create table if not exists terms (code integer primary key, text text not null unique, uses integer not null);
`

type Stored = { row: number; id: string; namespace: string; metadata: string | null; body: ArrayBuffer | null }
const storedColumns = 'e.row, e.id, n.name as namespace, e.metadata'
const storedTables = 'entries e join namespaces n on n.key = e.namespace'

const valuesOf = ({ body }: Stored): number[] => (body ? [...new Float32Array(body)] : [])

/** Metadata as far as it is indexed, texts cut to what a metadata index holds. */
function indexedPart(spec: IndexSpec, metadata: unknown): Record<string, VectorizeVectorMetadata> {
  const found: [string, VectorizeVectorMetadata][] = []
  for (const [path, type] of Object.entries(spec.metadata)) {
    const value = valueAt(metadata, path)
    if (typeof value === type) found.push([path, typeof value === 'string' ? indexedText(value) : (value as number | boolean)])
  }
  return Object.fromEntries(found)
}

/** The vectors of one index in an object's SQLite. Every mutation is one transaction, and visible to the next call. */
export class VectorStore {
  readonly parts: Parts
  readonly #storage: DurableObjectStorage

  constructor(storage: DurableObjectStorage, spec: IndexSpec, limit = keptBytes) {
    const layout = layoutOf(spec)
    const { sql } = storage
    this.#storage = storage
    this.parts = {
      sql,
      spec,
      layout,
      metric: metrics[spec.metric],
      pages: new Pages(sql, layout, limit),
      terms: new Terms(sql),
      rotate: rotation(spec.dimensions),
    }
    storage.transactionSync(() => sql.exec(schema))
  }

  /** Makes all pages anew, as other metadata indexes or another layout need them. */
  rebuild(): void {
    const { sql, pages } = this.parts
    const batch = 1000
    this.#transact((change) => {
      pages.forget()
      sql.exec('delete from pages')
      sql.exec('delete from terms')
      const statement = 'select row, namespace, slot, metadata from entries where row > ? order by row limit ?'
      for (let last = 0, read = batch; read === batch; ) {
        const entries = sql.exec<Entry & { metadata: string | null }>(statement, last, batch).toArray()
        for (const { metadata, ...entry } of entries) change.restore(entry, metadata)
        read = entries.length
        last = entries.at(-1)?.row ?? last
      }
    })
  }

  describe(): VectorizeIndexInfo {
    const { sql, spec } = this.parts
    const { count } = sql.exec<{ count: number }>('select coalesce(sum(count), 0) as count from namespaces').one()
    const last = sql.exec<{ id: string; processed_at: number }>('select id, processed_at from mutations').toArray()[0]
    const processed = {
      processedUpToDatetime: last ? new Date(last.processed_at).toISOString() : null,
      processedUpToMutation: last?.id ?? null,
    }
    // The declared types of these two are numbers; Vectorize answers an ISO date and a UUID.
    return { vectorCount: count, dimensions: spec.dimensions, ...processed } as unknown as VectorizeIndexInfo
  }

  /** Adds vectors; of several with one id, an `insert` keeps the first and an `upsert` the last. */
  write(operation: Operation, vectors: CheckedVector[]): VectorizeAsyncMutation {
    return this.#mutate((change) => {
      for (const vector of vectors) {
        const existing = change.find(vector.id)
        if (existing && operation === 'VECTOR_INSERT') continue
        if (existing) change.remove(existing)
        change.add(vector, existing?.row)
      }
    })
  }

  /** Removes the vectors of these ids; an id that is not there is nothing to do. */
  delete(ids: string[]): VectorizeAsyncMutation {
    return this.#mutate((change) => {
      for (const id of ids) {
        const existing = change.find(id)
        if (existing) change.remove(existing)
      }
    })
  }

  /** The vectors of these ids, in their order, without those that are not there. */
  get(ids: string[]): VectorizeVector[] {
    return ids.flatMap((id) => {
      const stored = this.#find(id)
      if (!stored) return []
      const { namespace, metadata } = stored
      return [
        { id, values: valuesOf(stored), ...(namespace && { namespace }), ...(metadata !== null && { metadata: JSON.parse(metadata) }) },
      ]
    })
  }

  /** The nearest vectors, best first; of equally near ones the longer known first. */
  query(vector: Float32Array, query: CheckedQuery): VectorizeMatches {
    const found = nearest(this.parts, vector, query)
    const columns = query.returnValues
      ? `${storedColumns}, (select body from vectors v where v.row = e.row) as body`
      : `${storedColumns}, null as body`
    const statement = `select ${columns} from ${storedTables} where e.row in (select value from json_each(?))`
    const rows = this.parts.sql.exec<Stored>(statement, JSON.stringify(found.map(({ row }) => row))).toArray()
    const stored = new Map(rows.map((each) => [each.row, each]))
    const matches = found.map(({ row, score }) => this.#match(stored.get(row) as Stored, score, query))
    this.parts.pages.trim()
    return { count: matches.length, matches }
  }

  /** As `query`, with the vector of an id; nothing when it is not there. */
  queryById(id: string, query: CheckedQuery): VectorizeMatches {
    const stored = this.#find(id)
    return stored?.body ? this.query(new Float32Array(stored.body), query) : { count: 0, matches: [] }
  }

  #find(id: string): Stored | undefined {
    const statement = `select ${storedColumns}, v.body from ${storedTables} join vectors v on v.row = e.row where e.id = ?`
    return this.parts.sql.exec<Stored>(statement, id).toArray()[0]
  }

  #match(stored: Stored, score: number, { returnValues, returnMetadata }: CheckedQuery): VectorizeMatch {
    const { id, namespace } = stored
    const metadata = returnMetadata !== 'none' && stored.metadata !== null ? JSON.parse(stored.metadata) : null
    return {
      id,
      score,
      ...(namespace && { namespace }),
      ...(returnValues && { values: valuesOf(stored) }),
      ...(metadata && { metadata: returnMetadata === 'all' ? metadata : indexedPart(this.parts.spec, metadata) }),
    }
  }

  #mutate(work: (change: Change) => void): VectorizeAsyncMutation {
    const mutationId = crypto.randomUUID()
    this.#transact((change) => {
      work(change)
      const statement = 'insert or replace into mutations (one, id, processed_at) values (1, ?, ?)'
      this.parts.sql.exec(statement, mutationId, Date.now())
    })
    return { mutationId }
  }

  /** All of the work is stored and in memory, or none of it. */
  #transact(work: (change: Change) => void): void {
    const { pages } = this.parts
    try {
      this.#storage.transactionSync(() => {
        const change = new Change(this.parts)
        work(change)
        change.finish()
      })
    } catch (error) {
      pages.forget()
      throw error
    }
    pages.trim()
  }
}
