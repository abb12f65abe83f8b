import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkOptions, checkVectors } from '../../durable-objects/vectors/check'
import { layoutOf } from '../../durable-objects/vectors/page'
import type { IndexSpec } from '../../durable-objects/vectors/spec'
import { VectorStore } from '../../durable-objects/vectors/store'
import type { Env } from '../../src/env'
import { metadataIndexes } from '../../src/retrieval/vectorize'
import { randomOf, randomVector } from '../contract/vectorize/fixture'
import { type Made, ranked } from '../contract/vectorize/model'

const dimensions = 64
const spec: IndexSpec = { dimensions, metric: 'cosine', metadata: metadataIndexes }
const { VECTORS } = env as unknown as Env
const newObject = () => VECTORS.getByName(`test-${crypto.randomUUID()}`)
const write = (stub: ReturnType<typeof newObject>, made: Made[], operation: 'VECTOR_UPSERT' | 'VECTOR_INSERT' = 'VECTOR_UPSERT') =>
  stub.write(spec, operation, checkVectors(operation, made, dimensions))
const ask = (stub: ReturnType<typeof newObject>, vector: number[], options?: VectorizeQueryOptions) =>
  stub.query(spec, Float32Array.from(vector), checkOptions(options))
const counts = (stub: ReturnType<typeof newObject>) =>
  runInDurableObject(stub, (_, { storage }) =>
    Object.fromEntries(
      ['entries', 'vectors', 'pages', 'terms', 'namespaces'].map((table) => [
        table,
        storage.sql.exec<{ n: number }>(`select count(*) as n from ${table}`).one().n,
      ]),
    ),
  )

/** Vectors around a hundred points, so that some are much nearer than others. */
function clustered(count: number, seed: number): Made[] {
  const random = randomOf(seed)
  const points = Array.from({ length: 100 }, () => randomVector(random, dimensions))
  return Array.from({ length: count }, (_, i) => ({
    id: `v${i}`,
    namespace: 'all',
    values: randomVector(random, dimensions).map((value, j) => 0.5 * value + (points[i % 100]?.[j] as number)),
    metadata: { kind: `kind-${i % 7}`, created_at: i },
  }))
}

async function fill(stub: ReturnType<typeof newObject>, made: Made[]): Promise<void> {
  for (let i = 0; i < made.length; i += 1000) await write(stub, made.slice(i, i + 1000))
}

describe('the vectors of an index', () => {
  it('are found by sketches nearly as by an exact search, also in a half of them, and after the object was evicted', async () => {
    const stub = newObject()
    const made = clustered(3000, 1)
    await fill(stub, made)
    const recall = async (filter?: VectorizeVectorMetadataFilter) => {
      let hits = 0
      for (const { values } of clustered(20, 1).map(({ values }, i) => ({ values: values.map((value) => value + i / 1000) }))) {
        const { matches } = await ask(stub, values, { topK: 10, namespace: 'all', filter })
        const best = new Set(
          ranked(made, values, 'cosine', { filter }, metadataIndexes)
            .slice(0, 10)
            .map(({ id }) => id),
        )
        hits += matches.filter(({ id }) => best.has(id)).length
      }
      return hits / 200
    }
    expect(await recall()).toBeGreaterThan(0.99)
    expect(await recall({ created_at: { $lt: 1500 } })).toBeGreaterThan(0.99)
    expect(await recall({ kind: 'kind-3', created_at: { $lt: 1500 } })).toBe(1)
    const before = await ask(stub, made[7]!.values, { topK: 20 })
    await evictDurableObject(stub)
    expect(await ask(stub, made[7]!.values, { topK: 20 })).toEqual(before)
  })

  it('are the same with a memory of one page as with all pages in it', async () => {
    const stub = newObject()
    const made = clustered(2500, 2)
    await fill(stub, made)
    await runInDurableObject(stub, (_, { storage }) => {
      const [small, large] = [new VectorStore(storage, spec, layoutOf(spec).bytes), new VectorStore(storage, spec)]
      for (const { values } of made.slice(0, 20)) {
        const vector = Float32Array.from(values)
        expect(small.query(vector, checkOptions({ topK: 20 }))).toEqual(large.query(vector, checkOptions({ topK: 20 })))
      }
      expect(small.parts.pages.bytes).toBe(small.parts.layout.bytes)
      expect(large.parts.pages.bytes).toBe(10 * large.parts.layout.bytes)
    })
  })

  it('leave nothing behind when they are deleted', async () => {
    const stub = newObject()
    const made = clustered(600, 3)
    await fill(stub, made)
    expect(await counts(stub)).toEqual({ entries: 600, vectors: 600, pages: 3, terms: 7, namespaces: 1 })
    await stub.delete(
      spec,
      made.slice(0, 300).map(({ id }) => id),
    )
    expect(await counts(stub)).toEqual({ entries: 300, vectors: 300, pages: 2, terms: 7, namespaces: 1 })
    await stub.delete(
      spec,
      made.map(({ id }) => id),
    )
    expect(await counts(stub)).toEqual({ entries: 0, vectors: 0, pages: 0, terms: 0, namespaces: 0 })
    expect(await stub.describe(spec)).toMatchObject({ vectorCount: 0 })
  })

  it('of equal nearness come in the order in which they were first written', async () => {
    const stub = newObject()
    const values = randomVector(randomOf(4), dimensions)
    const made = Array.from({ length: 30 }, (_, i) => ({ id: `t${(i * 7) % 30}`, values }))
    await write(stub, made)
    await write(stub, made.slice(5, 9))
    const { matches } = await ask(stub, values, { topK: 30 })
    expect(matches.map(({ id }) => id)).toEqual(made.map(({ id }) => id))
  })

  it('of one call with one id: an insert keeps the first, an upsert the last', async () => {
    const stub = newObject()
    const twice = (kind: string): Made[] =>
      ['first', 'last'].map((note) => ({ id: kind, values: randomVector(randomOf(5), dimensions), metadata: { note } }))
    await write(stub, twice('inserted'), 'VECTOR_INSERT')
    await write(stub, twice('upserted'))
    const found = await stub.get(spec, ['inserted', 'upserted'])
    expect(found.map(({ metadata }) => metadata)).toEqual([{ note: 'first' }, { note: 'last' }])
  })

  it('are as they were when a mutation fails in the middle', async () => {
    const stub = newObject()
    const made = clustered(600, 6)
    await fill(stub, made)
    const query = made[3]!.values
    const before = await ask(stub, query, { topK: 20 })
    const stored = await counts(stub)
    await runInDurableObject(stub, (_, { storage }) => {
      const store = new VectorStore(storage, spec)
      expect(store.query(Float32Array.from(query), checkOptions({ topK: 20 }))).toEqual(before)
      const [good] = checkVectors('VECTOR_UPSERT', [{ id: 'v3', values: randomVector(randomOf(1), dimensions) }], dimensions)
      const bad = { ...good!, id: 'bad', metadata: '{' }
      expect(() => store.write('VECTOR_UPSERT', [good!, bad])).toThrow(SyntaxError)
      expect(store.query(Float32Array.from(query), checkOptions({ topK: 20 }))).toEqual(before)
    })
    expect(await counts(stub)).toEqual(stored)
  })

  it('can be filtered by other properties when the index gets other metadata indexes', async () => {
    const stub = newObject()
    const made = clustered(600, 7)
    await fill(stub, made)
    const [{ values }] = made as [Made]
    const options = checkOptions({ topK: 10, filter: { 'place.floor': 3 } })
    await write(stub, [{ id: 'floor', values, namespace: 'all', metadata: { place: { floor: 3 } } }])
    expect(await stub.query(spec, Float32Array.from(values), options)).toMatchObject({ count: 0 })
    await evictDurableObject(stub)
    const more = { ...spec, metadata: { kind: 'string', 'place.floor': 'number' } } as const
    expect(await stub.query(more, Float32Array.from(values), options)).toMatchObject({ matches: [{ id: 'floor' }] })
    const kinds = await stub.query(more, Float32Array.from(values), checkOptions({ topK: 50, filter: { kind: 'kind-2' } }))
    expect(kinds.matches.every(({ id }) => Number(id.slice(1)) % 7 === 2)).toBe(true)
    expect(await counts(stub)).toMatchObject({ entries: 601, pages: 3, terms: 7 })
    await evictDurableObject(stub)
    const attempt = async () => {
      await stub.describe({ ...more, dimensions: 65 })
    }
    await expect(attempt()).rejects.toThrow('This index has 64 dimensions and the metric cosine; it cannot be used with 65 and cosine.')
  })

  it('are what a plain map would hold after any mutations, in answers and in storage', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `m${i}`)
    const some = fc.uniqueArray(fc.constantFrom(...ids), { minLength: 1, maxLength: 6 })
    const step = fc.record({
      kind: fc.constantFrom('insert', 'upsert', 'upsert', 'delete', 'evict'),
      ids: some,
      namespace: fc.constantFrom(undefined, 'a', 'b'),
      role: fc.constantFrom('user', 'assistant', undefined),
      seed: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const stub = newObject()
        await stub.describe(spec)
        const model = new Map<string, Made>()
        for (const { kind, ids, namespace, role, seed } of steps) {
          const random = randomOf(seed)
          const metadata: Made['metadata'] = {}
          if (role) metadata.role = role
          const made = ids.map((id) => ({ id, values: randomVector(random, dimensions), namespace, metadata }))
          if (kind === 'evict') await evictDurableObject(stub)
          if (kind === 'delete') await stub.delete(spec, ids)
          if (kind === 'insert') await write(stub, made, 'VECTOR_INSERT')
          if (kind === 'upsert') await write(stub, made)
          for (const vector of made) {
            if (kind === 'delete') model.delete(vector.id)
            if (kind === 'upsert' || (kind === 'insert' && !model.has(vector.id))) model.set(vector.id, vector)
          }
          const query = randomVector(random, dimensions)
          for (const scope of [{}, { namespace: 'a' }, { filter: { role: 'user' } }]) {
            const expected = ranked([...model.values()], query, 'cosine', scope, metadataIndexes)
            const { matches } = await ask(stub, query, { topK: 50, ...scope })
            expect(matches.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
          }
        }
        const namespaces = new Set([...model.values()].map(({ namespace }) => namespace)).size
        const terms = new Set([...model.values()].flatMap(({ metadata }) => (metadata?.role ? [metadata.role] : []))).size
        const { size } = model
        await stub.describe(spec)
        expect(await counts(stub)).toEqual({ entries: size, vectors: size, pages: namespaces, terms, namespaces })
      }),
      { numRuns: 15 },
    )
  })
})
