import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Config, ConfigSchema } from '../../../src/env'
import { AppError } from '../../../src/lib/errors'
import { modelCatalog } from '../../../src/models'
import { requestPayload as payloadThrough } from '../../../src/models/payload'
import type { ModelRequest } from '../../../src/runtime/model'
import { deltas, modelRequest, weatherTool } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { chatStream } from '../../support/fakes/model-streams'

const requestPayload = (config: Config, ai: Ai | undefined, handle: string, request: ModelRequest) =>
  payloadThrough(handle, request, (network) => modelCatalog(config, ai && network.ai, { fetch: network.fetch })(handle))

let server: ModelServer
beforeAll(async () => {
  server = await modelServer()
})
afterAll(() => server.close())

const request = modelRequest({ tools: [weatherTool], settings: { temperature: 0.5, max_output_tokens: 100 } })

it.each(['openai/gpt-4o-mini', 'openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5', 'google_ai/gemini-2.5-flash', 'ollama/qwen3'])(
  'the payload of %s is what its provider receives, and nothing is sent to show it',
  async (handle) => {
    const config = ConfigSchema.parse({
      OPENAI_API_KEY: 'sk-1',
      ANTHROPIC_API_KEY: 'sk-2',
      GEMINI_API_KEY: 'sk-3',
      ANTHROPIC_BASE_URL: `${server.url}/v1`,
      GEMINI_BASE_URL: `${server.url}/v1beta`,
      OLLAMA_BASE_URL: `${server.url}/v1`,
    })
    const before = server.received.length
    const payload = await requestPayload(config, undefined, handle, request)
    expect(server.received).toHaveLength(before)
    server.answer({ status: 400, body: { error: { message: 'enough' } } })
    const redirected: typeof fetch = (input, init) => fetch(String(input).replace('https://api.openai.com', server.url), init)
    await deltas(modelCatalog(config, undefined, { fetch: redirected })(handle), request).catch(() => {})
    expect(payload).toEqual(server.received.at(-1)?.body)
    expect(JSON.stringify(payload)).toContain('Tells the weather.')
    expect(JSON.stringify(payload)).not.toContain('sk-')
  },
)

it('a call tells what it sent', async () => {
  const config = ConfigSchema.parse({ OLLAMA_BASE_URL: `${server.url}/v1` })
  server.answer({ events: chatStream([{ content: 'Hi' }], 'stop', { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }) })
  const told: unknown[] = []
  for await (const _ of modelCatalog(config)('ollama/qwen3').stream(request, new AbortController().signal, (body) => told.push(body)));
  expect(JSON.parse(JSON.stringify(told))).toEqual([server.received.at(-1)?.body])
})

it('Workers AI is shown what its binding is called with', async () => {
  const refuses = { run: () => Promise.reject(new Error('called')) } as unknown as Ai
  const payload = await requestPayload(ConfigSchema.parse({}), refuses, 'workers-ai/@cf/meta/llama-3.1-8b-instruct', request)
  expect(payload).toMatchObject({ model: '@cf/meta/llama-3.1-8b-instruct', messages: expect.any(Array) })
})

it('the built-in model shows the request as it reads it; a model that cannot be used is refused', async () => {
  const config = ConfigSchema.parse({})
  expect(await requestPayload(config, undefined, 'loci/scripted', request)).toEqual({ model: 'loci/scripted', ...request })
  const failure = await requestPayload(config, undefined, 'openai/gpt-4o', request).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(AppError)
  expect(failure).toMatchObject({ kind: 'bad_request', message: expect.stringContaining('OPENAI_API_KEY') })
})
