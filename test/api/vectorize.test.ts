import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { LocalVectorizeProps } from '../../durable-objects/vectors'
import type { Env } from '../../src/env'
import { indexedDimensions, type VectorIndex } from '../../src/retrieval/ports'
import { contractDimensions, contractMetadata, visible } from '../contract/vectorize/fixture'
import { vectorizeContract } from '../contract/vectorize/suite'

type Loopback = { LocalVectorize(options: { props: LocalVectorizeProps }): VectorIndex }

const local = (metric: VectorizeDistanceMetric): VectorIndex =>
  (exports as unknown as Loopback).LocalVectorize({
    props: { name: `contract-${metric}`, dimensions: contractDimensions, metric, metadata: { ...contractMetadata } },
  })

describe.each(['cosine', 'euclidean', 'dot-product'] as const)('LocalVectorize with the metric %s', (metric) => {
  vectorizeContract(() => ({ index: local(metric), metric, vectorsPerCall: 1000 }))
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
