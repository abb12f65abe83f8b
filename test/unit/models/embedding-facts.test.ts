import { expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { defaultEmbedding, describeEmbedding, embeddingCatalog, listEmbeddingModels } from '../../../src/models'
import { knownEmbeddings } from '../../../src/models/embeddings/known'
import { indexedDimensions } from '../../../src/retrieval/ports'

const ai = {} as Ai
const config = (set: Record<string, unknown> = {}) => ConfigSchema.parse(set)
const LOCAL_EMBEDDER_URL = 'http://127.0.0.1:9/v1'

test('every listed model has vectors that an index can be bound for', () => {
  for (const { dimensions } of Object.values(knownEmbeddings).flat()) expect(indexedDimensions).toContain(dimensions)
})

test.each([
  ['loci/use-lite', 512],
  ['openai/text-embedding-3-large', 1536],
  ['google_ai/gemini-embedding-001', 1536],
  ['ollama/nomic-embed-text', 768],
  ['workers-ai/@cf/baai/bge-small-en-v1.5', 384],
  ['workers-ai/@cf/baai/bge-base-en-v1.5', 768],
  ['workers-ai/@cf/baai/bge-large-en-v1.5', 1024],
  ['workers-ai/@cf/baai/bge-m3', 1024],
  ['workers-ai/@cf/google/embeddinggemma-300m', 768],
  ['workers-ai/@cf/qwen/qwen3-embedding-0.6b', 1024],
])('%s has %i dimensions, compared by their angle', (handle, embedding_dim) => {
  expect(describeEmbedding(handle, config())).toMatchObject({ handle, embedding_dim, metric: 'cosine' })
})

test.each(['openai/of-the-future', 'loci/scripted', 'anthropic/claude', 'workers-ai/@cf/new/one'])('nothing is known of %s', (handle) => {
  expect(describeEmbedding(handle, config())).toBeNull()
})

test('the built-in model is listed first where it runs, those of Workers AI where it is bound', () => {
  const handles = (set: Record<string, unknown>, bound?: Ai) => listEmbeddingModels(config(set), bound).map(({ handle }) => handle)
  expect(handles({})).toEqual([])
  expect(handles({ LOCAL_EMBEDDER_URL, OPENAI_API_KEY: 'k' }, ai)).toEqual([
    'loci/use-lite',
    'openai/text-embedding-3-small',
    'openai/text-embedding-3-large',
    ...(knownEmbeddings['workers-ai'] ?? []).map(({ name }) => `workers-ai/${name}`),
  ])
})

test('the default is what is set, else the built-in model, else one of Workers AI, else none', () => {
  expect(defaultEmbedding(config({ DEFAULT_EMBEDDING: 'openai/x', LOCAL_EMBEDDER_URL }), ai)).toBe('openai/x')
  expect(defaultEmbedding(config({ LOCAL_EMBEDDER_URL }), ai)).toBe('loci/use-lite')
  expect(defaultEmbedding(config(), ai)).toBe('workers-ai/@cf/baai/bge-base-en-v1.5')
  expect(defaultEmbedding(config())).toBeNull()
})

test.each([
  ['nobody/model', {}, 'not_found', /must be one of \['loci\/use-lite', /],
  ['loci/scripted', { LOCAL_EMBEDDER_URL }, 'not_found', /loci\/scripted/],
  ['loci/use-lite', {}, 'bad_request', /LOCAL_EMBEDDER_URL/],
  ['openai/text-embedding-3-small', {}, 'bad_request', /OPENAI_API_KEY/],
  ['google_ai/gemini-embedding-001', {}, 'bad_request', /GEMINI_API_KEY/],
  ['ollama/nomic-embed-text', {}, 'bad_request', /OLLAMA_BASE_URL/],
  ['anthropic/claude', { ANTHROPIC_API_KEY: 'k' }, 'bad_request', /Anthropic has no embedding models/],
  ['nonsense', {}, 'bad_request', /provider\/model/],
])('%s cannot be used, and the refusal says why', (handle, set, kind, message) => {
  const open = () => embeddingCatalog(config(set))(handle)
  expect(open).toThrow(expect.objectContaining({ kind, message: expect.stringMatching(message) }))
})
