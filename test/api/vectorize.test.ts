import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { LocalVectorizeProps } from '../../durable-objects/vectors'
import type { Env } from '../../src/env'
import { indexedDimensions, type VectorIndex } from '../../src/retrieval/ports'
import { contractDimensions, contractMetadata, visible } from '../contract/vectorize/fixture'
import { RestVectorIndex } from '../contract/vectorize/rest'
import { vectorizeContract } from '../contract/vectorize/suite'
import { vectorizeApi } from '../support/vectorize-api'

type Loopback = { LocalVectorize(options: { props: LocalVectorizeProps }): VectorIndex }

const local = (metric: VectorizeDistanceMetric, name = `contract-${metric}`): VectorIndex =>
  (exports as unknown as Loopback).LocalVectorize({
    props: { name, dimensions: contractDimensions, metric, metadata: { ...contractMetadata } },
  })

describe.each(['cosine', 'euclidean', 'dot-product'] as const)('LocalVectorize with the metric %s', (metric) => {
  vectorizeContract(() => ({ index: local(metric), metric, vectorsPerCall: 1000 }))
})

describe('an index over the REST API', () => {
  const known = { account: 'account', token: 'token', index: 'loci-contract' }
  const name = 'contract-rest'
  const fetch = vectorizeApi(local('cosine', name), known)

  vectorizeContract(() => ({ index: new RestVectorIndex({ ...known, fetch }), metric: 'cosine', vectorsPerCall: 5000 }))

  it('says what the API refuses', async () => {
    const query = (changed: object) => new RestVectorIndex({ ...known, fetch, ...changed }).query([1])
    await expect(query({ token: 'other' })).rejects.toThrow('Authentication error [code: 10000]')
    await expect(query({ index: 'other' })).rejects.toThrow('vectorize.index.not_found [code: 3000]')
    await expect(query({})).rejects.toThrow('invalid query vector, expected 32 dimensions, and got 1 dimensions [code: 40006]')
    await expect(query({ fetch: async () => new Response('<html>', { status: 502 }) })).rejects.toThrow('answered 502 to /query: <html>')
  })
})

it.each(indexedDimensions)('VECTORIZE_%i is an index of so many dimensions', async (dimensions) => {
  const index = (env as unknown as Env)[`VECTORIZE_${dimensions}`] as VectorIndex
  const id = crypto.randomUUID()
  const values = Array.from({ length: dimensions }, (_, i) => Math.sin(i))
  await visible(index, index.upsert([{ id, values, namespace: id }]))
  expect(await index.describe()).toMatchObject({ dimensions })
  expect(await index.query(values, { namespace: id })).toEqual({ count: 1, matches: [{ id, namespace: id, score: expect.closeTo(1, 6) }] })
  await visible(index, index.deleteByIds([id]))
})
