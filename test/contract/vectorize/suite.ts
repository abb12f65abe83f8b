import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { vectorizeLimits } from '../../../src/retrieval/vectorize'
import { contractDimensions, contractMetadata, filters, makeVectors, randomOf, randomVector, type Subject, visible } from './fixture'
import { type Filter, type Made, ranked, score } from './model'

// What Cloudflare documents of Vectorize, as of 2026-11:
// - https://developers.cloudflare.com/vectorize/reference/client-api/ (operations, topK, returnMetadata)
// - https://developers.cloudflare.com/vectorize/best-practices/insert-vectors/ (insert and upsert, namespaces, keys of metadata)
// - https://developers.cloudflare.com/vectorize/best-practices/query-vectors/ (queryById; exact scores with returnValues)
// - https://developers.cloudflare.com/vectorize/reference/metadata-filtering/ (filters, the first 64 bytes of strings)
// - https://developers.cloudflare.com/vectorize/platform/limits/ (sizes and counts)
// and what its answers say of counts of ids: at most 20 in getByIds, at most 100 in deleteByIds.

/** What is left between a score that was computed in single precision and one from the definition. */
const tolerance = 2e-4
const counted = 300

/** Registers the contract of an index as tests. They are run in order, and nothing else may write to the index meanwhile. */
export function vectorizeContract(open: () => Promise<Subject> | Subject): void {
  const organization = `contract-${Date.now().toString(36)}`
  const vectors = makeVectors(organization, counted, 7)
  const byId = new Map(vectors.map((vector) => [vector.id, vector]))
  const mine = { organization_id: organization }
  let subject: Subject
  let before: number

  beforeAll(async () => {
    subject = await open()
    before = (await subject.index.describe()).vectorCount
    await visible(subject.index, subject.index.upsert(vectors))
  }, 200_000)

  /** Every answer is right: in order, of the right scores, nothing that does not belong there, and nothing better left out. */
  const check = (
    matches: VectorizeMatch[],
    query: number[],
    topK: number,
    scope: { namespace?: string; filter: Filter },
    all: Made[] = vectors,
  ) => {
    const best = ranked(all, query, subject.metric, scope, contractMetadata)
    const scores = new Map(best.map((each) => [each.id, each.score]))
    expect(matches).toHaveLength(Math.min(topK, best.length))
    expect(new Set(matches.map(({ id }) => id)).size).toBe(matches.length)
    matches.forEach((match, i) => {
      expect(Math.abs(match.score - (scores.get(match.id) ?? Number.NaN)), `the score of ${match.id}`).toBeLessThan(tolerance)
      expect(Math.abs(match.score - (best[i]?.score ?? Number.NaN)), `the score at place ${i}`).toBeLessThan(tolerance)
    })
  }

  describe('an index', () => {
    it('tells its dimensions, how many vectors it has and what it has processed', async () => {
      const { dimensions, vectorCount, processedUpToDatetime, processedUpToMutation } = await subject.index.describe()
      expect({ dimensions, vectorCount }).toEqual({ dimensions: contractDimensions, vectorCount: before + counted })
      expect(Date.parse(String(processedUpToDatetime))).toBeGreaterThan(0)
      expect(String(processedUpToMutation)).toMatch(/^[0-9a-f-]{36}$/)
    })

    it('gives vectors back by id, in single precision, and says nothing of ids that it does not have', async () => {
      const wanted = vectors.slice(0, vectorizeLimits.fetchedPerCall - 1)
      const found = await subject.index.getByIds([...wanted.map(({ id }) => id), `${organization}-missing`])
      expect(found).toHaveLength(wanted.length)
      for (const { id, values, namespace, metadata } of found) {
        const vector = byId.get(id)
        expect(metadata).toEqual(vector?.metadata)
        expect(namespace ?? '').toBe(vector?.namespace ?? '')
        expect([...Float32Array.from(values)]).toEqual([...Float32Array.from(vector?.values ?? [])])
      }
    })
  })

  describe('a query', () => {
    const query = randomVector(randomOf(11))

    it('answers the five nearest vectors, best first, with id and score only', async () => {
      const { matches, count } = await subject.index.query(query, { filter: mine })
      expect(count).toBe(5)
      expect(matches).toHaveLength(5)
      for (const match of matches) expect(match).not.toMatchObject({ values: expect.anything() })
      for (const match of matches) expect(match).not.toMatchObject({ metadata: expect.anything() })
      const scores = matches.map((match) => match.score)
      expect(scores).toEqual(scores.toSorted((a, b) => (subject.metric === 'euclidean' ? a - b : b - a)))
    })

    it('answers exact scores with values', async () => {
      const { matches } = await subject.index.query(query, { topK: 20, filter: mine, returnValues: true })
      check(matches, query, 20, { filter: mine })
      for (const { id, values } of matches)
        expect([...Float32Array.from(values ?? [])]).toEqual([...Float32Array.from(byId.get(id)?.values ?? [])])
    })

    it('takes typed arrays', async () => {
      for (const Values of [Float32Array, Float64Array]) {
        const { matches } = await subject.index.query(Values.from(query), { topK: 3, filter: mine, returnValues: true })
        check(matches, query, 3, { filter: mine })
      }
    })

    it('answers a hundred matches without values and metadata', async () => {
      expect(await subject.index.query(query, { topK: 100, filter: mine })).toMatchObject({ count: 100 })
    })

    it('looks in one namespace, or in all of them when it names none', async () => {
      for (const namespace of [`${organization}-one`, `${organization}-two`]) {
        const { matches } = await subject.index.query(query, { topK: 20, namespace, returnValues: true })
        check(matches, query, 20, { namespace, filter: mine })
        expect(new Set(matches.map((match) => match.namespace))).toEqual(new Set([namespace]))
      }
      const { matches } = await subject.index.query(query, { topK: 50, filter: mine, returnValues: true })
      const found = new Set(matches.map(({ id }) => byId.get(id)?.namespace))
      expect(found.size).toBe(4)
      expect(await subject.index.query(query, { namespace: `${organization}-nothing` })).toEqual({ count: 0, matches: [] })
    })

    it('answers all metadata, what is indexed of it, or none', async () => {
      const options = { topK: 20, filter: mine }
      const [all, yes, indexed] = await Promise.all([
        subject.index.query(query, { ...options, returnMetadata: 'all' }),
        subject.index.query(query, { ...options, returnMetadata: true }),
        subject.index.query(query, { ...options, returnMetadata: 'indexed' }),
      ])
      for (const { id, metadata } of [...all.matches, ...yes.matches]) expect(metadata).toEqual(byId.get(id)?.metadata)
      for (const { id, metadata } of indexed.matches) {
        expect(metadata).toMatchObject(mine)
        expect(metadata).not.toHaveProperty('note')
        expect(metadata?.created_at).toBe(byId.get(id)?.metadata?.created_at)
      }
    })

    it('looks for what is like a vector that it has', async () => {
      const [vector] = vectors as [Made]
      const { matches } = await subject.index.queryById(vector.id, { topK: 10, filter: mine, returnValues: true })
      check(matches, vector.values, 10, { filter: mine })
    })

    it.each(filters)('filters: %s', async (_, filter) => {
      const scope = { filter: { ...mine, ...filter } }
      const { matches } = await subject.index.query(query, { topK: 50, returnValues: true, ...scope })
      check(matches, query, 50, scope)
    })

    it('finds nothing by a property without a metadata index', async () => {
      expect(await subject.index.query(query, { filter: { ...mine, note: 'vector 1' } })).toEqual({ count: 0, matches: [] })
    })

    it('answers as an exact search does, whatever is asked', async () => {
      const scopes = fc.record({
        seed: fc.nat(),
        topK: fc.integer({ min: 1, max: 50 }),
        namespace: fc.option(fc.constantFrom('one', 'two', 'three'), { nil: undefined }),
        parts: fc.uniqueArray(fc.constantFrom(...filters.map(([, filter]) => filter)), { maxLength: 2 }),
      })
      await fc.assert(
        fc.asyncProperty(scopes, async ({ seed, topK, namespace, parts }) => {
          const values = randomVector(randomOf(seed))
          const scope = {
            ...(namespace && { namespace: `${organization}-${namespace}` }),
            filter: Object.assign({}, mine, ...parts) as Filter,
          }
          const { matches } = await subject.index.query(values, { topK, returnValues: true, ...scope })
          check(matches, values, topK, scope)
        }),
        { numRuns: 60 },
      )
    })
  })

  refusals(() => subject)
  mutations(() => subject, organization)
}

/** The call fails for this reason. It is awaited in a function of its own: `rejects` would let a rejection of a binding pass as unhandled. */
async function refused(call: () => Promise<unknown>, why: RegExp): Promise<void> {
  const attempt = async () => {
    await call()
  }
  await expect(attempt()).rejects.toThrow(why)
}

/** What an index must not take, and that it says why. */
function refusals(subject: () => Subject): void {
  describe('an index refuses', () => {
    const values = randomVector(randomOf(3))
    const many = (count: number) => Array.from({ length: count }, (_, i) => `many-${i}`)
    const long = 'x'.repeat(65)
    const cases: [what: string, call: (index: Subject['index']) => Promise<unknown>, why: RegExp][] = [
      ['a query of other dimensions', (index) => index.query([1, 2, 3]), /32 dimensions.*3 dimensions/],
      ['a topK above 100', (index) => index.query(values, { topK: 101 }), /100.*101/],
      ['a topK above 50 with values', (index) => index.query(values, { topK: 51, returnValues: true }), /50.*51/],
      ['a topK above 50 with all metadata', (index) => index.query(values, { topK: 51, returnMetadata: 'all' }), /50.*51/],
      ['a filter of 2048 bytes', (index) => index.query(values, { filter: { kind: { $in: many(300) } } }), /2048/],
      ['an operator that there is not', (index) => index.query(values, { filter: { kind: { $like: 'a' } } as Filter }), /\$like|filter/],
      ['a vector of other dimensions', (index) => index.upsert([{ id: 'refused', values: [1, 2] }]), /32 dimensions.*2 dimensions/],
      ['an id of 65 bytes', (index) => index.upsert([{ id: long, values }]), /64 bytes.*65 bytes/],
      ['a namespace of 65 bytes', (index) => index.upsert([{ id: 'refused', values, namespace: long }]), /64/],
      [
        'metadata of more than 10 KiB',
        (index) => index.upsert([{ id: 'refused', values, metadata: { text: 'x'.repeat(11_000) } }]),
        /10|metadata/i,
      ],
      ['21 ids to get', (index) => index.getByIds(many(21)), /20.*21/],
      ['101 ids to delete', (index) => index.deleteByIds(many(101)), /100.*101/],
    ]
    it.each(cases)('%s', async (_, call, why) => {
      await refused(() => call(subject().index), why)
    })

    it('more vectors in a call than it takes', async () => {
      const { index, vectorsPerCall } = subject()
      await refused(() => index.upsert(many(vectorsPerCall + 1).map((id) => ({ id, values }))), /vector/i)
    })
  })
}

/** What inserts, upserts and deletions leave behind. */
function mutations(subject: () => Subject, organization: string): void {
  describe('a mutation', () => {
    const [first, second] = [randomVector(randomOf(21)), randomVector(randomOf(22))]
    const id = `${organization}-changed`
    const one = async () => (await subject().index.getByIds([id]))[0]
    const found = async (namespace: string, filter: Filter) => {
      const { matches } = await subject().index.query(first, { namespace, filter, returnValues: true, topK: 5 })
      return matches.map((match) => match.id)
    }

    it('inserts, and leaves a vector alone whose id is there', async () => {
      const { index } = subject()
      const namespace = `${organization}-first`
      await visible(index, index.insert([{ id, values: first, namespace, metadata: { kind: 'first' } }]))
      await visible(index, index.insert([{ id, values: second, metadata: { kind: 'second' } }]))
      expect(await one()).toMatchObject({ namespace, metadata: { kind: 'first' } })
      expect(await found(namespace, { kind: 'first' })).toEqual([id])
    })

    it('upserts: the new vector replaces the old one with its namespace and metadata', async () => {
      const { index, metric } = subject()
      const namespace = `${organization}-second`
      await visible(index, index.upsert([{ id, values: second, namespace, metadata: { kind: 'second' } }]))
      expect(await one()).toMatchObject({ namespace, metadata: { kind: 'second' } })
      expect(await found(`${organization}-first`, { kind: 'first' })).toEqual([])
      const { matches } = await index.query(first, { namespace, filter: { kind: 'second' }, returnValues: true })
      expect(matches).toMatchObject([{ id, score: expect.closeTo(score(metric, first, second), 3) }])
    })

    it('deletes, and has nothing to do for an id that is not there', async () => {
      const { index } = subject()
      await visible(index, index.deleteByIds([id, `${organization}-missing`]))
      expect(await one()).toBeUndefined()
      expect(await found(`${organization}-second`, { kind: 'second' })).toEqual([])
    })

    it('deletes all that it is given, a hundred at a time', async () => {
      const { index } = subject()
      const { vectorCount } = await index.describe()
      for (let i = 0; i < counted; i += vectorizeLimits.deletedPerCall) {
        const ids = Array.from({ length: vectorizeLimits.deletedPerCall }, (_, n) => `${organization}-${i + n}`)
        await visible(index, index.deleteByIds(ids))
      }
      expect((await index.describe()).vectorCount).toBe(vectorCount - counted)
      expect(await index.query(first, { filter: { organization_id: organization } })).toEqual({ count: 0, matches: [] })
    })
  })
}
