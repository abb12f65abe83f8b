import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import { retryAfter, toModelError } from '../../../src/models/errors'
import { type Model, ModelError } from '../../../src/runtime/model'
import { deltas, modelRequest } from '../../support/fakes/model-request'
import { type Answer, type ModelServer, modelServer } from '../../support/fakes/model-server'
import { chatStream } from '../../support/fakes/model-streams'

let server: ModelServer
let model: Model

beforeAll(async () => {
  server = await modelServer()
  model = modelCatalog(ConfigSchema.parse({ OPENAI_BASE_URL: `${server.url}/v1` }))('openai/m')
})
afterAll(() => server.close())

async function failure(answer: Answer): Promise<ModelError> {
  server.answer(answer)
  const error: unknown = await deltas(model, modelRequest()).catch((thrown: unknown) => thrown)
  if (!(error instanceof ModelError)) throw new Error(`no ModelError: ${error}`)
  return error
}
const refusal = (status: number, message: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: { error: { message, type: 'error', code: null, ...more } },
})

test.each([
  [401, 'Incorrect API key provided', 'llm_authentication', false],
  [402, 'Pay first', 'llm_insufficient_credits', false],
  [403, 'Not your model', 'llm_permission_denied', false],
  [404, 'No such model', 'llm_not_found', false],
  [400, 'Bad tool schema', 'llm_bad_request', false],
  [422, 'Unprocessable', 'llm_bad_request', false],
  [400, 'API key not valid. Please pass a valid API key.', 'llm_authentication', false],
  [400, 'Your credit balance is too low to access the API', 'llm_insufficient_credits', false],
  [408, 'Too slow', 'llm_timeout', true],
  [504, 'Gateway timeout', 'llm_timeout', true],
  [409, 'Conflict', 'llm_error', true],
  [425, 'Too early', 'llm_error', true],
  [429, 'Slow down', 'llm_rate_limit', true],
  [500, 'Oops', 'llm_error', true],
  [503, 'Overloaded', 'llm_error', true],
] as const)('an answer of %i "%s" is %s, transient: %s', async (status, message, type, transient) => {
  const error = await failure(refusal(status, message))
  expect(error).toMatchObject({ type, options: { transient, status, retryAfterMs: null } })
  expect(error.message).toBe(`openai/m: HTTP ${status}: ${message}`)
  expect(error.options.detail).toContain(message)
})

test.each([
  "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  'prompt is too long: 210000 tokens > 200000 maximum',
  'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  'Your input exceeds the context window of this model. Please adjust your input and try again.',
  'the request exceeds the available context size. try increasing the context size',
  'Please reduce the length of the messages or completion.',
])('a request that is too long is told from a bad one: %s', async (message) => {
  expect(await failure(refusal(400, message))).toMatchObject({ type: 'context_window_exceeded', options: { transient: false } })
})

test('the code for context length is enough, whatever the message says', async () => {
  expect(await failure(refusal(400, 'No.', { code: 'context_length_exceeded' }))).toMatchObject({ type: 'context_window_exceeded' })
})

test('a spent quota is a matter of money, not of waiting', async () => {
  const error = await failure(refusal(429, 'You exceeded your current quota', { code: 'insufficient_quota' }))
  expect(error).toMatchObject({ type: 'llm_insufficient_credits', options: { transient: false } })
})

test('the provider’s wish for a pause is read in milliseconds, seconds or as a date', async () => {
  expect((await failure(refusal(429, 'x', {}, { 'retry-after': '3' }))).options.retryAfterMs).toBe(3000)
  expect((await failure(refusal(503, 'x', {}, { 'retry-after': '9', 'retry-after-ms': '250' }))).options.retryAfterMs).toBe(250)
  const now = Date.parse('2026-01-01T00:00:00Z')
  expect(retryAfter({ 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, '', now)).toBe(5000)
  expect(retryAfter({ 'retry-after': 'Wed, 31 Dec 2025 23:00:00 GMT' }, '', now)).toBe(0)
  expect(retryAfter({ 'retry-after': 'soon' }, '', now)).toBeNull()
})

test('an answer that is no JSON is told by its status and kept as detail', async () => {
  const error = await failure({ status: 502, body: '<html>Bad Gateway</html>' })
  expect(error).toMatchObject({ type: 'llm_error', options: { transient: true, detail: '<html>Bad Gateway</html>' } })
})

test('keys that a provider quotes are not passed on', async () => {
  const error = await failure(refusal(401, 'Incorrect API key provided: sk-abcdefghijklmnop1234.'))
  expect(`${error.message} ${error.options.detail}`).not.toContain('abcdefghijklmnop')
})

test('a refused connection is transient and names the endpoint and the reason', async () => {
  const gone = await modelServer()
  await gone.close()
  const dead = modelCatalog(ConfigSchema.parse({ OPENAI_BASE_URL: `${gone.url}/v1` }))('openai/m')
  await expect(deltas(dead, modelRequest())).rejects.toMatchObject({
    type: 'llm_error',
    message: expect.stringMatching(`^openai/m: Connection error \\(${gone.url}/v1\\): .*ECONNREFUSED`),
    options: { transient: true, status: null },
  })
})

test('a connection that breaks within a response is transient', async () => {
  const [opening, ...rest] = chatStream([{ content: 'Half' }, { content: ' done' }])
  const error = await failure({ events: [opening!, rest[0]!, 'drop'] })
  expect(error).toMatchObject({ type: 'llm_error', options: { transient: true } })
})

test('a stream that ends without a reason, or holds no JSON, is transient', async () => {
  const ended = await failure({ events: chatStream([{ content: 'Half' }]).slice(0, 2) })
  expect(ended).toMatchObject({ type: 'llm_error', options: { transient: true } })
  const garbled = await failure({ status: 200, body: 'data: {broken\n\n', headers: { 'content-type': 'text/event-stream' } })
  expect(garbled).toMatchObject({ type: 'llm_error', options: { transient: true } })
})

test('an error event within a stream is read like an answer', async () => {
  const error = await failure({ events: [{ error: { message: 'Rate limit reached', type: 'rate_limit_error', code: null } }] })
  expect(error).toMatchObject({ type: 'llm_rate_limit', options: { transient: true, status: 429 } })
})

test('an empty answer is a failure worth another try', async () => {
  const error = await failure({ events: chatStream([{ content: '' }]) })
  expect(error).toMatchObject({ type: 'llm_empty_response', options: { transient: true } })
})

test('a defect of our own is neither transient nor blamed on the network', () => {
  expect(toModelError(new TypeError('x is not a function'), 'h')).toMatchObject({ type: 'llm_error', options: { transient: false } })
  const lost = Object.assign(new Error('Network connection lost.'), { retryable: true })
  expect(toModelError(lost, 'h')).toMatchObject({ type: 'llm_error', options: { transient: true } })
})
