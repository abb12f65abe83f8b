import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { embeddingCatalog } from '../../../src/models'
import { ownEmbedding } from '../../../src/models/embeddings'
import type { EmbeddingModel } from '../../../src/retrieval/ports'
import { type Answer, type ModelServer, modelServer } from '../../support/fakes/model-server'
import { lengthOf } from '../../support/vectors'

let server: ModelServer
let pauses: number[]

beforeEach(async () => {
  server = await modelServer()
  pauses = []
})
afterEach(() => server.close())

const sleep = async (ms: number) => void pauses.push(ms)
/** The catalog's model of a handle; requests to whatever address go to the fake server. */
function open(handle: string, set: Record<string, unknown> = {}, ai?: Ai): EmbeddingModel {
  const redirected: typeof fetch = (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    return fetch(`${server.url}${pathname}`, init)
  }
  const config = ConfigSchema.parse({ OPENAI_API_KEY: 'sk-test', GEMINI_API_KEY: 'AIza-test', ...set })
  return embeddingCatalog(config, ai, { fetch: redirected, sleep })(handle)
}
const compatible = (name: string, set: Record<string, unknown> = {}) => open(`vllm/${name}`, { VLLM_BASE_URL: `${server.url}/v1`, ...set })

const openai = (...vectors: number[][]): Answer => ({
  status: 200,
  body: { object: 'list', data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })) },
})
const google = (...vectors: number[][]): Answer =>
  vectors.length === 1
    ? { status: 200, body: { embedding: { values: vectors[0] } } }
    : { status: 200, body: { embeddings: vectors.map((values) => ({ values })) } }
const axis = (dimensions: number, at: number, length = 1) => Array.from({ length: dimensions }, (_, index) => (index === at ? length : 0))
const refusal = (status: number, message: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: { error: { message } },
})
const bodies = () => server.received.map(({ body }) => body)
const failed = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: Error & { kind: string; extra: Record<string, unknown> }) => error,
  )

describe('texts', () => {
  test('are sent in batches of what the provider takes, and answered in order', async () => {
    const texts = Array.from({ length: 70 }, (_, n) => `text ${n}`)
    for (const [from, to] of [
      [0, 32],
      [32, 64],
      [64, 70],
    ] as const)
      server.answer(openai(...texts.slice(from, to).map((_, n) => axis(80, from + n, 3))))
    const vectors = await compatible('unknown-model').embed(texts, 'document')
    expect(bodies().map(({ input }) => (input as string[]).length)).toEqual([32, 32, 6])
    expect(bodies().flatMap(({ input }) => input)).toEqual(texts)
    expect(vectors.map((vector) => vector.indexOf(1))).toEqual(texts.map((_, n) => n))
  })

  test('are split by their characters too', async () => {
    server.answer(openai(axis(1536, 0), axis(1536, 1), axis(1536, 2)), openai(axis(1536, 3)))
    await open('openai/text-embedding-3-small').embed(Array(4).fill('x'.repeat(30_001)), 'document')
    expect(bodies().map(({ input }) => (input as string[]).length)).toEqual([3, 1])
  })

  test('that the provider numbers in another order are put in order', async () => {
    const data = [
      { index: 1, embedding: [0, 2] },
      { index: 0, embedding: [2, 0] },
    ]
    server.answer({ status: 200, body: { data } })
    expect(await compatible('m').embed(['a', 'b'], 'document')).toEqual([Float32Array.of(1, 0), Float32Array.of(0, 1)])
  })

  test('none need no request', async () => {
    expect(await compatible('m').embed([], 'document')).toEqual([])
    expect(server.received).toEqual([])
  })

  test('without a character and with half a pair are made such that a provider takes them', async () => {
    server.answer(openai([1], [1], [1]))
    await compatible('m').embed(['', ' \n', 'a\ud83d'], 'document')
    expect(bodies()[0]?.input).toEqual(['.', '.', 'a\ufffd'])
  })

  test('longer than the model reads are cut', async () => {
    server.answer(openai(axis(384, 0)))
    await compatible('all-minilm').embed(['x'.repeat(100_000)], 'document')
    expect(bodies().map(({ input }) => (input as string[]).map((text) => text.length))).toEqual([[512 * 4]])
  })

  test('that are too much together are asked for apart; of one that is too long alone, the beginning is embedded', async () => {
    const tooLong = refusal(400, "This model's maximum context length is 512 tokens.")
    server.answer(tooLong, openai([1, 0]), tooLong, openai([0, 1]))
    const vectors = await compatible('m').embed(['short', '長'.repeat(1000)], 'document')
    expect(vectors).toEqual([Float32Array.of(1, 0), Float32Array.of(0, 1)])
    expect(bodies().map(({ input }) => (input as string[]).map((text) => text.length))).toEqual([[5, 1000], [5], [1000], [500]])
  })
})

describe('vectors', () => {
  test('have unit length, whatever the provider answers', async () => {
    server.answer(openai([3, 4], [1e-20, 0], [1e20, 1e20]))
    const vectors = await compatible('m').embed(['a', 'b', 'c'], 'document')
    expect(vectors[0]).toEqual(Float32Array.of(0.6, 0.8))
    for (const vector of vectors) expect(lengthOf(vector)).toBeCloseTo(1, 6)
  })

  test.each([
    ['fewer vectors than texts', [[1, 0]], /answered 1 vectors to 2 texts/],
    [
      'more vectors than texts',
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
      /answered 3 vectors to 2 texts/,
    ],
    [
      'vectors of different lengths',
      [
        [1, 0],
        [1, 0, 0],
      ],
      /a vector of 3 dimensions where 2 were expected/,
    ],
    [
      'zeros',
      [
        [1, 0],
        [0, 0],
      ],
      /no direction/,
    ],
  ])('%s are refused', async (_, answer, message) => {
    server.answer(openai(...answer))
    const error = await failed(compatible('m').embed(['a', 'b'], 'document'))
    expect(error).toMatchObject({ kind: 'llm_error', message: expect.stringMatching(message) })
    expect(error.message).toMatch(/^vllm\/m: /)
    expect(server.received).toHaveLength(1)
  })

  test('of another length than the model’s are refused', async () => {
    server.answer(openai([1, 0, 0]))
    const error = await failed(compatible('nomic-embed-text').embed(['a'], 'document'))
    expect(error.message).toBe('vllm/nomic-embed-text: the provider answered a vector of 3 dimensions where 768 were expected.')
  })

  test('of numbers that are none are refused', async () => {
    const ai = {
      run: async () => ({
        data: [
          [Number.NaN, 1],
          [Number.POSITIVE_INFINITY, 1],
        ],
      }),
    } as unknown as Ai
    const error = await failed(open('workers-ai/@cf/new', {}, ai).embed(['a', 'b'], 'document'))
    expect(error).toMatchObject({ kind: 'llm_error', message: expect.stringContaining('no number') })
  })
})

describe('a model with more dimensions than an index takes', () => {
  test('of OpenAI is asked for shorter vectors', async () => {
    server.answer(openai(axis(1536, 1, 5)))
    const model = open('openai/text-embedding-3-large')
    const [vector] = await model.embed(['a'], 'document')
    expect([model.dimensions, vector?.length, bodies()[0]?.dimensions]).toEqual([1536, 1536, 1536])
    expect(server.received[0]).toMatchObject({ path: '/v1/embeddings', headers: { authorization: 'Bearer sk-test' } })
  })

  test('of Google is asked for shorter vectors, and told what the text is for', async () => {
    server.answer(google(axis(1536, 0, 0.5)), google(axis(1536, 0), axis(1536, 1)))
    const model = open('google_ai/gemini-embedding-001')
    const [query] = await model.embed(['what?'], 'query')
    await model.embed(['a', 'b'], 'document')
    expect(lengthOf(query ?? [])).toBeCloseTo(1, 6)
    const [single, batch] = server.received
    expect(single).toMatchObject({
      path: '/v1beta/models/gemini-embedding-001:embedContent',
      headers: { 'x-goog-api-key': 'AIza-test' },
      body: { outputDimensionality: 1536, taskType: 'RETRIEVAL_QUERY', content: { parts: [{ text: 'what?' }] } },
    })
    expect(batch?.body.requests).toMatchObject([
      { outputDimensionality: 1536, taskType: 'RETRIEVAL_DOCUMENT' },
      { outputDimensionality: 1536, taskType: 'RETRIEVAL_DOCUMENT' },
    ])
  })

  test('of another server is not asked: its vectors are cut, and lengthened to one again', async () => {
    server.answer(openai(Array.from({ length: 2560 }, () => 1)))
    const [vector] = await compatible('Qwen/Qwen3-Embedding-4B').embed(['a'], 'document')
    expect([vector?.length, bodies()[0]?.dimensions]).toEqual([1536, undefined])
    expect(lengthOf(vector ?? [])).toBeCloseTo(1, 6)
  })
})

test.each([
  ['nomic-embed-text:v1.5', 768, 'search_query: x', 'search_document: x'],
  ['intfloat/multilingual-e5-base', 768, 'query: x', 'passage: x'],
  ['BAAI/bge-base-en-v1.5', 768, 'Represent this sentence for searching relevant passages: x', 'x'],
  ['BAAI/bge-large-zh-v1.5', 1024, 'x', 'x'],
  ['bge-m3', 1024, 'x', 'x'],
  ['embeddinggemma', 768, 'task: search result | query: x', 'title: none | text: x'],
  ['snowflake-arctic-embed2', 1024, 'query: x', 'x'],
  ['all-minilm', 384, 'x', 'x'],
])('%s is told by its own words what is looked for', async (name, dimensions, query, document) => {
  server.answer(openai(axis(dimensions, 0)), openai(axis(dimensions, 0)))
  const model = compatible(name)
  await model.embed(['x'], 'query')
  await model.embed(['x'], 'document')
  expect(bodies().map(({ input }) => input)).toEqual([[query], [document]])
})

describe('a failure', () => {
  test.each([
    [401, 'Incorrect API key provided', 'llm_authentication'],
    [402, 'Pay first', 'llm_insufficient_credits'],
    [403, 'Not your model', 'llm_error'],
    [404, 'No such model', 'not_found'],
    [400, 'Bad input', 'llm_bad_request'],
    [422, 'Unprocessable', 'llm_bad_request'],
  ])('of status %i is the caller’s at once', async (status, message, kind) => {
    server.answer(refusal(status, message))
    const error = await failed(compatible('m').embed(['a'], 'document'))
    expect(error).toMatchObject({ kind, message: expect.stringContaining(`vllm/m: HTTP ${status}: ${message}`) })
    expect([server.received.length, pauses]).toEqual([1, []])
  })

  test.each([
    [408, 'llm_timeout'],
    [429, 'llm_rate_limit'],
    [500, 'llm_error'],
    [503, 'llm_error'],
    [504, 'llm_timeout'],
  ])('of status %i is tried again, three times in all, with growing pauses', async (status, kind) => {
    server.answer(refusal(status, 'x'), refusal(status, 'x'), refusal(status, 'x'), openai([1]))
    expect(await failed(compatible('m').embed(['a'], 'document'))).toMatchObject({ kind })
    expect(server.received).toHaveLength(3)
    expect(pauses).toHaveLength(2)
    expect(pauses[1]).toBeGreaterThanOrEqual(pauses[0] ?? 0)
  })

  test('that passes is not noticed, and the pause is the one that was asked for', async () => {
    server.answer(refusal(429, 'slow down', { 'retry-after': '7' }), openai([1, 0]))
    expect(await compatible('m').embed(['a'], 'document')).toEqual([Float32Array.of(1, 0)])
    expect(pauses).toEqual([7000])
  })

  test('in one batch leaves the others as they are: only that one is asked for again', async () => {
    server.answer(openai(...Array(32).fill([1, 0])), refusal(500, 'x'), openai([0, 1]))
    expect(await compatible('m').embed(Array(33).fill('a'), 'document')).toHaveLength(33)
    expect(bodies().map(({ input }) => (input as string[]).length)).toEqual([32, 1, 1])
  })

  test('of the connection names the endpoint', async () => {
    const { url } = server
    const model = compatible('m')
    await server.close()
    const error = await failed(model.embed(['a'], 'document'))
    expect(error).toMatchObject({ kind: 'llm_error', message: expect.stringContaining(`Connection error (${url}/v1): `) })
    expect(pauses).toHaveLength(2)
  })

  test('to answer at all ends after MODEL_TIMEOUT_SECONDS, and so do its requests', async () => {
    server.answer({ silent: true }, { silent: true }, { silent: true })
    const error = await failed(compatible('m', { MODEL_TIMEOUT_SECONDS: 0.05 }).embed(['a'], 'document'))
    expect(error).toMatchObject({ kind: 'llm_timeout', message: expect.stringContaining('MODEL_TIMEOUT_SECONDS') })
    await Promise.all(server.received.map(({ gone }) => gone))
    expect(server.received).toHaveLength(3)
  })

  test('is none when the caller gave up: the signal’s reason is thrown, the request ended, nothing tried again', async () => {
    server.answer({ silent: true })
    const stop = new AbortController()
    const work = compatible('m').embed(Array(40).fill('a'), 'document', stop.signal)
    await expect.poll(() => server.received.length).toBe(1)
    stop.abort(new Error('given up'))
    await expect(work).rejects.toThrow('given up')
    await server.received[0]?.gone
    await expect(compatible('m').embed(['a'], 'query', stop.signal)).rejects.toThrow('given up')
    expect([server.received.length, pauses]).toEqual([1, []])
  })
})

describe('a query', () => {
  test('that was asked before is not sent again; a document is', async () => {
    server.answer(openai([1, 0]), openai([0, 1]), openai([0, 1]))
    const model = compatible('m')
    const [first] = await model.embed(['same'], 'query')
    first?.fill(7)
    expect(await compatible('m').embed(['same'], 'query')).toEqual([Float32Array.of(1, 0)])
    expect(server.received).toHaveLength(1)
    await model.embed(['same'], 'document')
    await model.embed(['same'], 'document')
    expect(server.received).toHaveLength(3)
  })

  test('is forgotten after 256 others', async () => {
    const model = compatible('m')
    const ask = async (text: string) => {
      server.answer(openai([1]))
      await model.embed([text], 'query')
      return server.received.length
    }
    for (let n = 0; n < 256; n++) await ask(`query ${n}`)
    expect(await ask('query 0')).toBe(256)
    await ask('one more')
    expect(await ask('query 0')).toBe(257)
    expect(await ask('query 1')).toBe(258)
  })
})

describe('Workers AI', () => {
  const calls: unknown[][] = []
  const ai = {
    run: async (...call: unknown[]) => {
      calls.push(call.slice(0, 2))
      return { shape: [1, 768], data: (call[1] as { text: string[] }).text.map(() => axis(768, 0)) }
    },
  } as unknown as Ai

  test('embeds through its binding, with the pooling that the model was trained for', async () => {
    const model = open('workers-ai/@cf/baai/bge-base-en-v1.5', {}, ai)
    expect(model.dimensions).toBe(768)
    expect(await model.embed(['a', 'b'], 'document')).toHaveLength(2)
    expect(calls).toEqual([['@cf/baai/bge-base-en-v1.5', { text: ['a', 'b'], pooling: 'cls' }]])
  })

  test('that does not bind is named in the refusal', () => {
    expect(() => open('workers-ai/@cf/baai/bge-m3')).toThrow(/Bind Workers AI as `AI`/)
  })
})

describe('a model of an organization’s own provider', () => {
  const key = 'own-secret-key-1'
  const provider = { id: 'provider-1', name: 'mine', provider_type: 'openai', base_url: null, api_key: key }
  const options = { dimensions: 3, timeoutMs: 1000, fetch, sleep }

  test('is called with its key, which no error repeats', async () => {
    server.answer(openai([2, 0, 0]), refusal(401, `The key ${key} is unknown`))
    const model = ownEmbedding('mine/custom', { ...provider, base_url: `${server.url}/v1` }, options)
    expect(model.dimensions).toBe(3)
    expect(await model.embed(['a'], 'document')).toEqual([Float32Array.of(1, 0, 0)])
    expect(server.received[0]).toMatchObject({ path: '/v1/embeddings', headers: { authorization: `Bearer ${key}` } })
    const error = await failed(model.embed(['a'], 'document'))
    expect(error).toMatchObject({ kind: 'llm_authentication', message: expect.stringContaining('The key [key] is unknown') })
    expect(JSON.stringify([error.message, error.extra])).not.toContain(key)
  })

  test('has the length that its name tells, else the one that is stored', async () => {
    const dimensions = (handle: string) => ownEmbedding(handle, provider, options).dimensions
    expect([dimensions('mine/text-embedding-3-large'), dimensions('mine/custom')]).toEqual([1536, 3])
  })

  test('is none of Anthropic’s', () => {
    expect(() => ownEmbedding('mine/claude', { ...provider, provider_type: 'anthropic' }, options)).toThrow(
      'Anthropic has no embedding models',
    )
  })
})
