import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { defaultModelSettings, describeModel, listEmbeddingModels, listModels, modelCatalog } from '../../../src/models'
import { deltas, modelRequest, textOf } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'

let server: ModelServer

beforeAll(async () => {
  server = await modelServer()
})
afterAll(() => server.close())

const bare = ConfigSchema.parse({})

test('an unknown provider or built-in model is not found, and the handles that can be used are named', () => {
  const catalog = modelCatalog(bare)
  const detail = (handle: string) => `NOT_FOUND: Handle ${handle} not found, must be one of ['loci/scripted']`
  for (const handle of ['nobody/gpt', 'loci/other']) {
    expect(() => catalog(handle)).toThrow(expect.objectContaining({ kind: 'not_found', message: detail(handle) }))
    expect(() => describeModel(handle, bare)).toThrow(expect.objectContaining({ kind: 'not_found' }))
  }
})

test('a handle without provider or model is a bad request', () => {
  for (const handle of ['gpt-4o', '', '/gpt-4o', 'openai/']) {
    expect(() => modelCatalog(bare)(handle)).toThrow(expect.objectContaining({ kind: 'bad_request' }))
  }
})

test.each([
  ['openai/gpt-4o', 'OPENAI_API_KEY'],
  ['anthropic/claude-sonnet-4-5', 'ANTHROPIC_API_KEY'],
  ['google_ai/gemini-2.5-pro', 'GEMINI_API_KEY'],
  ['ollama/llama3', 'OLLAMA_BASE_URL'],
  ['lmstudio/qwen', 'LMSTUDIO_BASE_URL'],
  ['vllm/qwen', 'VLLM_BASE_URL'],
  ['workers-ai/@cf/meta/llama-3.3-70b-instruct-fp8-fast', '[ai]'],
])('%s without its setup is a bad request that names %s', (handle, variable) => {
  expect(() => modelCatalog(bare)(handle)).toThrow(
    expect.objectContaining({ kind: 'bad_request', message: expect.stringContaining(variable) }),
  )
})

test('a handle is looked up once, and tells its endpoint and window', () => {
  const catalog = modelCatalog(ConfigSchema.parse({ OPENAI_API_KEY: 'k' }))
  expect(catalog('openai/gpt-4o')).toBe(catalog('openai/gpt-4o'))
  expect(catalog('openai/gpt-4o')).toMatchObject({
    handle: 'openai/gpt-4o',
    provider_name: 'openai',
    name: 'gpt-4o',
    endpoint: 'https://api.openai.com/v1',
    context_window: 128_000,
  })
})

test('Workers AI is called through its binding', async () => {
  const asked: unknown[] = []
  const events = [{ response: 'Hi' }, { response: ' there' }, { response: '', usage: { prompt_tokens: 5, completion_tokens: 2 } }]
  const ai = {
    run: async (...call: unknown[]) => {
      asked.push(call)
      const text = `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`
      return new Response(text).body
    },
  } as unknown as Ai
  const said = await deltas(modelCatalog(bare, ai)('workers-ai/@cf/meta/llama-4-scout-17b-16e-instruct'), modelRequest())
  expect(textOf(said)).toBe('Hi there')
  expect(asked[0]).toMatchObject([
    '@cf/meta/llama-4-scout-17b-16e-instruct',
    { stream: true, messages: [{ role: 'system' }, { role: 'user' }] },
    {},
  ])
})

test('a model is described without a key: a known one by its window up to 128000, an unknown one by modest guesses', () => {
  expect(describeModel('openai/gpt-4.1', bare)).toEqual({
    handle: 'openai/gpt-4.1',
    provider_name: 'openai',
    provider_type: 'openai',
    provider_category: 'base',
    name: 'gpt-4.1',
    endpoint: 'https://api.openai.com/v1',
    endpoint_type: 'openai',
    context_window: 128_000,
    max_context_window: 1_047_576,
    max_output_tokens: 32_768,
    reasoning: false,
  })
  expect(describeModel('openai/gpt-4o-mini-2024-07-18', bare)).toMatchObject({ max_output_tokens: 16_384 })
  expect(describeModel('anthropic/claude-nova-9', bare)).toMatchObject({ context_window: 128_000, max_output_tokens: 4_096 })
  expect(describeModel('workers-ai/@cf/qwen/qwen3-30b-a3b-fp8', bare)).toMatchObject({ context_window: 32_768, endpoint: null })
  expect(describeModel('ollama/llama3', bare)).toMatchObject({ provider_type: 'ollama', endpoint: null, context_window: 128_000 })
})

test('default settings follow the provider type', () => {
  expect(defaultModelSettings('openai/gpt-4o-mini')).toEqual({
    max_output_tokens: 16384,
    parallel_tool_calls: true,
    provider_type: 'openai',
    temperature: 1.0,
    reasoning: { reasoning_effort: 'minimal' },
    response_format: null,
    strict: false,
  })
  expect(defaultModelSettings('openai/gpt-5')).toMatchObject({ reasoning: { reasoning_effort: 'medium' } })
  expect(defaultModelSettings('loci/scripted')).toMatchObject({ provider_type: 'openai', max_output_tokens: 4096 })
  expect(defaultModelSettings('anthropic/claude-opus-4-5')).toMatchObject({
    provider_type: 'anthropic',
    thinking: { type: 'enabled', budget_tokens: 1024 },
  })
  expect(defaultModelSettings('google_ai/gemini-2.5-pro')).toMatchObject({ provider_type: 'google_ai', max_output_tokens: 65_536 })
})

test('without any setup the built-in model is the only one, in full', async () => {
  expect(await listModels(bare)).toEqual([
    expect.objectContaining({
      handle: 'loci/scripted',
      name: 'scripted',
      display_name: expect.any(String),
      provider_type: 'letta',
      provider_name: 'loci',
      provider_category: 'base',
      model_type: 'llm',
      model: 'scripted',
      model_endpoint_type: 'openai',
      max_context_window: 128_000,
      context_window: 128_000,
    }),
  ])
  expect(listEmbeddingModels(bare)).toEqual([])
})

test('configured providers list their known models, Workers AI when it is bound', async () => {
  const config = ConfigSchema.parse({ OPENAI_API_KEY: 'a', ANTHROPIC_API_KEY: 'b', GEMINI_API_KEY: 'c' })
  const handles = (await listModels(config, { ai: {} as Ai })).map((row) => row.handle)
  expect(handles[0]).toBe('loci/scripted')
  expect(handles).toEqual(expect.arrayContaining(['openai/gpt-4o-mini', 'anthropic/claude-opus-4-5', 'google_ai/gemini-2.5-pro']))
  expect(handles.filter((handle) => handle.startsWith('workers-ai/@cf/'))).not.toHaveLength(0)
  expect(listEmbeddingModels(config).map((row) => [row.handle, row.embedding_dim])).toEqual([
    ['openai/text-embedding-3-small', 1536],
    ['openai/text-embedding-3-large', 1536],
    ['google_ai/gemini-embedding-001', 1536],
  ])
})

test('compatible servers are asked what they serve, with the windows they name; embedding models are left out', async () => {
  const data = [{ id: 'qwen3:8b', max_model_len: 32_768 }, { id: 'nomic-embed-text' }, { id: 'llama3' }, { nonsense: true }]
  server.answer({ status: 200, body: { object: 'list', data } })
  const rows = await listModels(ConfigSchema.parse({ VLLM_BASE_URL: `${server.url}/v1/` }))
  expect(server.received.at(-1)).toMatchObject({ method: 'GET', path: '/v1/models' })
  expect(rows.map((row) => [row.handle, row.max_context_window])).toEqual([
    ['loci/scripted', 128_000],
    ['vllm/qwen3:8b', 32_768],
    ['vllm/llama3', 128_000],
  ])
})

test('a server that fails or hesitates costs at most two seconds, and OPENAI_MODELS stands in', async () => {
  server.answer({ status: 500 }, { silent: true })
  const config = ConfigSchema.parse({ OPENAI_BASE_URL: `${server.url}/v1`, OPENAI_MODELS: 'one, org/two' })
  const expected = ['loci/scripted', 'openai/one', 'openai/org/two']
  expect((await listModels(config)).map((row) => row.handle)).toEqual(expected)
  const before = performance.now()
  expect((await listModels(config)).map((row) => row.handle)).toEqual(expected)
  expect(performance.now() - before).toBeLessThan(2_500)
})
