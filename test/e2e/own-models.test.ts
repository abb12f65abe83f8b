import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type APIError, Letta } from '@letta-ai/letta-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ModelServer, modelServer } from '../support/fakes/model-server'
import { chatStream } from '../support/fakes/model-streams'
import { type RunningServer, startServer } from '../support/server'

const key = 'own-key-7f3a9c1e5b'
let provider: ModelServer
let server: RunningServer
let client: Letta

beforeAll(async () => {
  provider = await modelServer()
  server = await startServer({ env: { LOG_LEVEL: 'info' } })
  client = new Letta({ baseURL: server.url, maxRetries: 0 })
})
afterAll(async () => {
  await server?.stop()
  await provider?.close()
})

const list = { status: 200, body: { data: [{ id: 'test-model', context_length: 32_000 }] } }
const usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 }

/** A provider that the organization brought, with its models. */
async function brought(name: string): Promise<{ id: string }> {
  provider.answer(list)
  const body = { name, provider_type: 'openai', api_key: key, base_url: `${provider.url}/v1` }
  return client.post('/v1/providers/', { body })
}

/** Files of the server's state in which `text` occurs. */
const filesWith = (text: string): string[] =>
  readdirSync(server.state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file, 'latin1').includes(text))

describe('an agent whose model is of a provider that its organization brought', () => {
  it('is answered by that provider, called with the organization’s key, and its steps say so', async () => {
    const { id } = await brought('mine')
    const agent = await client.agents.create({ model: 'mine/test-model' })
    provider.answer({ events: chatStream([{ content: 'Hello from mine.' }], 'stop', usage) })
    const answer = await client.agents.messages.create(agent.id, { input: 'hi' })
    expect(answer.messages).toMatchObject([{ message_type: 'assistant_message', content: 'Hello from mine.' }])
    expect(provider.received.at(-1)).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${key}` },
      body: { model: 'test-model', stream: true },
    })
    const [step] = (await client.steps.list({ agent_id: agent.id })).items
    expect(step).toMatchObject({
      provider_name: 'mine',
      provider_category: 'byok',
      provider_id: id,
      model: 'test-model',
      model_handle: 'mine/test-model',
      model_endpoint: `${provider.url}/v1`,
      context_window_limit: 32_000,
    })
  })

  it('uses another key as soon as it is stored, and fails clearly when the provider is deleted', async () => {
    const { id } = await brought('rotating')
    const agent = await client.agents.create({ model: 'rotating/test-model' })
    provider.answer(list)
    await client.patch(`/v1/providers/${id}`, { body: { api_key: 'next-key-0a1b2c3d' } })
    provider.answer({ events: chatStream([{ content: 'Still here.' }]) })
    await client.agents.messages.create(agent.id, { input: 'hi' })
    expect(provider.received.at(-1)?.headers.authorization).toBe('Bearer next-key-0a1b2c3d')
    await client.delete(`/v1/providers/${id}`)
    const before = provider.received.length
    const error = await client.agents.messages.create(agent.id, { input: 'hi' }).catch((e: APIError) => e)
    expect(error).toMatchObject({ error: { detail: expect.stringContaining('Handle rotating/test-model not found') } })
    expect(provider.received).toHaveLength(before)
    expect((await client.runs.list({ agent_id: agent.id })).items[0]).toMatchObject({ status: 'failed', stop_reason: 'llm_api_error' })
  })

  it('shows a refusal in the provider’s words, without the key', async () => {
    await brought('refusing')
    const agent = await client.agents.create({ model: 'refusing/test-model' })
    provider.answer({ status: 401, body: { error: { message: `The key ${key} is not known here` } } })
    const error = await client.agents.messages.create(agent.id, { input: 'hi' }).catch((e: APIError) => e)
    expect(error).toMatchObject({ status: 401, error: { error: { type: 'llm_authentication' } } })
    expect(JSON.stringify((error as APIError).error)).toContain('The key [key] is not known here')
  })

  it('leaves the key in no log line, and sealed on disk', async () => {
    expect(filesWith('refusing/test-model')).not.toEqual([])
    expect(filesWith(key)).toEqual([])
    expect(server.logs).toContain('"msg":"request"')
    expect(server.logs).not.toContain(key)
  })
})

describe('without leave for private addresses', () => {
  it('a provider on this machine is refused', async () => {
    const strict = await startServer({ env: { EGRESS_ALLOW: '192.0.2.1' } })
    try {
      const body = { provider_type: 'openai', api_key: key, base_url: `${provider.url}/v1` }
      const error = await new Letta({ baseURL: strict.url, maxRetries: 0 }).post('/v1/providers/check', { body }).catch((e: APIError) => e)
      expect(error).toMatchObject({
        status: 422,
        error: { errors: [{ field: 'base_url', message: expect.stringContaining('EGRESS_ALLOW') }] },
      })
    } finally {
      await strict.stop()
    }
  })
})
