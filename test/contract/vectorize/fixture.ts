import type { VectorIndex } from '../../../src/retrieval/ports'
import { metadataIndexes } from '../../../src/retrieval/vectorize.ts'
import type { Filter, Made } from './model'

/** Metadata indexes of the index that the contract is run on: those of the application, a nested property and a boolean. */
export const contractMetadata = { ...metadataIndexes, 'place.floor': 'number', hidden: 'boolean' } as const

/** Dimensions of the index that the contract is run on. */
export const contractDimensions = 32

/** The index under test. */
export interface Subject {
  index: VectorIndex
  metric: VectorizeDistanceMetric
  /** Most vectors that one `insert` or `upsert` takes: 1000 by a binding, 5000 over HTTP. */
  vectorsPerCall: number
}

/** A generator of numbers in [0, 1) that repeats itself for a seed. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const randomVector = (random: () => number, dimensions = contractDimensions): number[] =>
  Array.from({ length: dimensions }, () => random() * 2 - 1)

/** Waits until a mutation can be seen. Nothing else may change the index meanwhile: an index tells the last mutation it has processed. */
export async function visible(index: VectorIndex, mutation: Promise<VectorizeAsyncMutation>): Promise<void> {
  const { mutationId } = await mutation
  const end = Date.now() + 180_000
  for (let wait = 20; ; wait = Math.min(2 * wait, 2000)) {
    const { processedUpToMutation } = await index.describe()
    if (String(processedUpToMutation) === mutationId) return
    if (Date.now() > end)
      throw new Error(`Mutation ${mutationId} was not processed within 3 minutes; the last one is ${processedUpToMutation}.`)
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}

const long = `${'ä'.repeat(31)}x`
const kinds = ['message', 'passage', 'file', 'agent', `${long}€ beginning`, `${long}€ other end`, '😀']

/** Vectors with every kind of metadata, in three namespaces and in none, all marked as belonging to `organization`. */
export function makeVectors(organization: string, count: number, seed: number): Made[] {
  const random = randomOf(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  return Array.from({ length: count }, (_, i) => {
    const namespace = pick([undefined, 'one', 'two', 'three'])
    const metadata = {
      organization_id: organization,
      note: `vector ${i}`,
      ...(random() < 0.9 && { kind: pick(kinds) }),
      ...(random() < 0.5 && { role: pick(['user', 'assistant', '']) }),
      ...(random() < 0.9 && { created_at: Math.floor(random() * 20) * 100 + 0.5 }),
      ...(random() < 0.7 && { place: { floor: Math.floor(random() * 5) } }),
      ...(random() < 0.7 && { hidden: random() < 0.5 }),
    }
    return {
      id: `${organization}-${i}`,
      values: randomVector(random),
      ...(namespace && { namespace: `${organization}-${namespace}` }),
      metadata,
    }
  })
}

/** Filters that must be told apart, beside the one on `organization_id` that every query of the contract has. */
export const filters: [what: string, filter: Filter][] = [
  ['equals, implicit', { kind: 'message' }],
  ['$eq', { kind: { $eq: 'passage' } }],
  ['$eq of a number', { created_at: { $eq: 500.5 } }],
  ['$eq of a boolean', { hidden: true }],
  ['$eq of an empty text', { role: '' }],
  ['$eq of a text that nothing has', { kind: 'nothing' }],
  ['$eq of a text that agrees in its first 64 bytes', { kind: `${long}€ which ending` }],
  ['$ne', { kind: { $ne: 'file' } }],
  ['$ne of a boolean', { hidden: { $ne: true } }],
  ['$in', { kind: { $in: ['file', 'agent', 'nothing'] } }],
  ['$in of numbers', { 'place.floor': { $in: [1, 3] } }],
  ['$nin', { kind: { $nin: ['file', 'message'] } }],
  ['$nin of numbers', { created_at: { $nin: [100.5, 200.5] } }],
  ['$lt', { created_at: { $lt: 700 } }],
  ['$lte', { created_at: { $lte: 700.5 } }],
  ['$gt', { created_at: { $gt: 1200.5 } }],
  ['$gte', { created_at: { $gte: 1200.5 } }],
  ['two bounds', { created_at: { $gte: 300.5, $lt: 900.5 } }],
  ['two bounds of texts', { kind: { $gte: 'f', $lt: 'n' } }],
  ['a lower bound of texts', { kind: { $gt: 'message' } }],
  ['a nested property', { 'place.floor': 2 }],
  ['several properties', { kind: { $in: ['message', 'passage'] }, created_at: { $gt: 400 }, 'place.floor': { $lte: 3 } }],
]
