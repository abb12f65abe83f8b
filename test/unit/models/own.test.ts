import { expect, test } from 'vitest'
import { baseUrlOf, brands, brandTypes } from '../../../src/models/brands'
import { knownEmbedding } from '../../../src/models/embeddings/known'
import { brandOf, describeOwn, endpointOf, ownModel, surveyable } from '../../../src/models/own'
import { type Surveyable, surveyModels } from '../../../src/models/survey'
import { deltas, modelRequest } from '../../support/fakes/model-request'

const openai = { id: 'provider-1', name: 'mine', provider_type: 'openai', base_url: null }
const compatible: Surveyable = { protocol: 'compatible', base_url: 'https://models.example/v1', api_key: 'secret-key-1' }

/** What a survey asks, and what it makes of one answer. */
async function asked(server: Surveyable, answer: unknown, status = 200) {
  const requests: { url: string; headers: Record<string, string> }[] = []
  const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
  const models = await surveyModels(server, async (url, headers) => {
    requests.push({ url, headers })
    return { status, body }
  })
  return { models, requests }
}
const refused = (status: number, body: unknown, server = compatible) =>
  asked(server, body, status).then(
    () => expect.fail('the survey succeeded'),
    (error: Error & { kind: string }) => error,
  )

test('every kind of provider has an https address or none, and a path for addresses without one', () => {
  for (const { base_url, path } of brands.values()) {
    expect(base_url ?? 'https://').toMatch(/^https:\/\//)
    expect(path).toMatch(/^\/\S/)
  }
})

test.each([
  ['openai', null, 'https://api.openai.com/v1'],
  ['openai', 'https://proxy.example', 'https://proxy.example/v1'],
  ['openai', 'https://proxy.example/openai/', 'https://proxy.example/openai'],
  ['anthropic', 'https://proxy.example/', 'https://proxy.example/v1'],
  ['google_ai', 'https://proxy.example', 'https://proxy.example/v1beta'],
  ['groq', null, 'https://api.groq.com/openai/v1'],
  ['ollama', 'http://127.0.0.1:11434', 'http://127.0.0.1:11434/v1'],
  ['vllm', null, null],
])('%s at %s is %s', (type, given, expected) => {
  expect(baseUrlOf(brandOf(type), given)).toBe(expected)
})

test('an unknown kind is refused with the kinds there are, a server of one’s own without an address too', () => {
  expect(() => brandOf('bedrock')).toThrow(`Use one of ${brandTypes.join(', ')}.`)
  expect(() => endpointOf({ provider_type: 'vllm', base_url: null })).toThrow('base_url')
})

test('OpenAI’s own server is spoken to as such, another at its protocol as a compatible one', () => {
  expect(surveyable(openai, 'k').protocol).toBe('openai')
  expect(surveyable({ ...openai, base_url: 'https://eu.api.openai.com/v1' }, 'k').protocol).toBe('openai')
  expect(surveyable({ ...openai, base_url: 'https://proxy.example' }, 'k').protocol).toBe('compatible')
})

test('facts come from what the provider told, then from what is known of the model', () => {
  expect(describeOwn('mine/gpt-4o', openai, null)).toMatchObject({
    handle: 'mine/gpt-4o',
    provider_name: 'mine',
    provider_type: 'openai',
    provider_category: 'byok',
    name: 'gpt-4o',
    endpoint: 'https://api.openai.com/v1',
    endpoint_type: 'openai',
    context_window: 128_000,
    max_output_tokens: 16_384,
  })
  expect(describeOwn('mine/org/model:7b', { ...openai, provider_type: 'openrouter' }, 8_000)).toMatchObject({
    name: 'org/model:7b',
    context_window: 8_000,
    max_context_window: 8_000,
  })
})

test('each protocol is asked with its own header and understood in its own words', async () => {
  const chat = await asked(compatible, {
    data: [{ id: 'a', context_length: 8192 }, { id: 'nomic-embed-text' }, { id: 'whisper-1' }, { nonsense: true }, 7],
  })
  expect(chat.requests).toEqual([
    { url: 'https://models.example/v1/models', headers: { accept: 'application/json', authorization: 'Bearer secret-key-1' } },
  ])
  expect(chat.models).toEqual([
    { name: 'a', display_name: 'a', model_type: 'llm', context_window: 8192 },
    { name: 'nomic-embed-text', display_name: 'nomic-embed-text', model_type: 'embedding', context_window: null },
  ])
  const bare = await asked(compatible, [
    { id: 'org/one', display_name: 'One', type: 'chat' },
    { id: 'org/two', type: 'embedding' },
  ])
  expect(bare.models?.map(({ name, model_type }) => [name, model_type])).toEqual([
    ['org/one', 'llm'],
    ['org/two', 'embedding'],
  ])
  const claude = await asked(
    { ...compatible, protocol: 'anthropic' },
    { data: [{ type: 'model', id: 'claude-x', display_name: 'Claude X' }] },
  )
  expect(claude.requests[0]).toMatchObject({ url: 'https://models.example/v1/models?limit=1000', headers: { 'x-api-key': 'secret-key-1' } })
  expect(claude.models).toMatchObject([{ name: 'claude-x', display_name: 'Claude X' }])
  const gemini = await asked(
    { ...compatible, protocol: 'google_ai' },
    {
      models: [
        { name: 'models/gemini-x', displayName: 'Gemini X', inputTokenLimit: 1000, supportedGenerationMethods: ['generateContent'] },
        { name: 'models/aqa', supportedGenerationMethods: ['generateAnswer'] },
      ],
    },
  )
  expect(gemini.requests[0]?.headers).toMatchObject({ 'x-goog-api-key': 'secret-key-1' })
  expect(gemini.models).toEqual([{ name: 'gemini-x', display_name: 'Gemini X', model_type: 'llm', context_window: 1000 }])
})

test('a server that shows its models to anyone is asked about the key first', async () => {
  const { requests } = await asked(surveyable({ provider_type: 'openrouter', base_url: null }, 'k'), { data: [] })
  expect(requests.map(({ url }) => url)).toEqual(['https://openrouter.ai/api/v1/key', 'https://openrouter.ai/api/v1/models'])
})

test('a server that has no list of models says nothing', async () => {
  for (const status of [404, 405, 501]) expect((await asked(compatible, 'no', status)).models).toBeNull()
})

test.each([
  [401, { error: { message: 'Incorrect API key provided: secret-key-1' } }, 'llm_authentication', 'Incorrect API key provided: [key]'],
  [403, 'forbidden', 'llm_authentication', 'answered 403: forbidden'],
  [400, { error: { message: 'API key not valid. Please pass a valid API key.' } }, 'llm_authentication', 'not valid'],
  [402, {}, 'llm_insufficient_credits', '402'],
  [429, { error: 'slow down' }, 'llm_rate_limit', 'slow down'],
  [500, '<html>secret-key-1</html>', 'provider_unreachable', 'base_url'],
  [200, '<html>hello</html>', 'provider_unreachable', 'is no list of models'],
  [200, { data: 'none' }, 'provider_unreachable', 'is no list of models'],
])('an answer %s %j is a %s that says why, without the key', async (status, body, kind, text) => {
  const error = await refused(status, body)
  expect(error).toMatchObject({ kind, message: expect.stringContaining(text) })
  expect(error.message).not.toContain('secret-key-1')
})

test('a model is called with the key, which no error repeats', async () => {
  const sent: Request[] = []
  const key = 'a1b2c3d4e5f6a7b8c9d0'
  const model = ownModel(
    'mine/test-model',
    { ...openai, base_url: 'https://proxy.example/v1', api_key: key },
    {
      window: 4_000,
      timeoutMs: 1_000,
      fetch: async (input, init) => {
        sent.push(new Request(input, init))
        return Response.json({ error: { message: `The key ${key} is unknown` } }, { status: 401 })
      },
    },
  )
  expect(model).toMatchObject({ provider_name: 'mine', provider_category: 'byok', provider_id: 'provider-1', context_window: 4_000 })
  const error = await deltas(model, modelRequest()).catch((thrown) => thrown)
  expect(sent.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([
    ['https://proxy.example/v1/chat/completions', `Bearer ${key}`],
  ])
  expect(error).toMatchObject({ type: 'llm_authentication', message: expect.stringContaining('The key [key] is unknown') })
  expect(JSON.stringify([error.message, error.options])).not.toContain(key)
})

test('embedding models are known by what their names begin with', () => {
  const dimensions = (name: string) => knownEmbedding(name)?.dimensions
  expect(dimensions('text-embedding-3-small')).toBe(1536)
  expect(dimensions('text-embedding-nomic-embed-text-v1.5')).toBe(768)
  expect(dimensions('BAAI/bge-m3')).toBe(1024)
  expect(dimensions('models/text-embedding-004')).toBe(768)
  expect(dimensions('nobodys-embedding')).toBeUndefined()
})
