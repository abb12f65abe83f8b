import { type APIError, Letta } from '@letta-ai/letta-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ModelServer, modelServer } from '../support/fakes/model-server'
import { anthropicStream, chatStream } from '../support/fakes/model-streams'
import { type RunningServer, startServer } from '../support/server'

let provider: ModelServer
let server: RunningServer
let client: Letta

beforeAll(async () => {
  provider = await modelServer()
  const env = {
    OPENAI_BASE_URL: `${provider.url}/v1`,
    OPENAI_API_KEY: 'sk-test',
    ANTHROPIC_API_KEY: 'ak-test',
    ANTHROPIC_BASE_URL: `${provider.url}/anthropic`,
    OLLAMA_BASE_URL: `${provider.url}/ollama`,
  }
  server = await startServer({ env })
  client = new Letta({ baseURL: server.url, maxRetries: 0 })
})
afterAll(async () => {
  await server?.stop()
  await provider?.close()
})

const agentWith = (model: string) => client.agents.create({ name: 'ada', model, memory_blocks: [{ label: 'human', value: 'Name: Ada' }] })
const usage = { prompt_tokens: 90, completion_tokens: 10, total_tokens: 100, prompt_tokens_details: { cached_tokens: 40 } }

describe('an agent whose model is configured', () => {
  it('takes a turn with any OpenAI-compatible server: the tool call is carried out and its result sent back', async () => {
    const agent = await agentWith('openai/test-model')
    const call = {
      index: 0,
      id: 'call_a',
      type: 'function',
      function: { name: 'memory_insert', arguments: '{"label":"human","new_string":"Likes tea"}' },
    }
    provider.answer(
      { events: chatStream([{ tool_calls: [call] }], 'tool_calls', usage) },
      { events: chatStream([{ content: 'Noted.' }], 'stop', usage) },
    )
    const before = provider.received.length
    const answer = await client.agents.messages.create(agent.id, { input: 'I like tea' })
    expect(answer.messages.map((m) => m.message_type)).toEqual(['tool_call_message', 'tool_return_message', 'assistant_message'])
    expect(answer.usage).toMatchObject({ prompt_tokens: 180, completion_tokens: 20, step_count: 2, cached_input_tokens: 80 })
    expect((await client.agents.blocks.retrieve('human', { agent_id: agent.id })).value).toBe('Name: Ada\nLikes tea')
    const [first, second] = provider.received.slice(before)
    expect(first).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer sk-test' },
      body: { model: 'test-model', stream: true },
    })
    const sent = second?.body.messages as { role: string; tool_call_id?: string; content?: string }[]
    expect(sent.at(-1)).toMatchObject({ role: 'tool', tool_call_id: 'call_a' })
    expect(JSON.parse(sent.at(-1)?.content ?? '')).toMatchObject({ status: 'OK', message: 'Name: Ada\nLikes tea' })
    expect(JSON.stringify(sent[0])).toContain('Likes tea')
  })

  it('streams the tokens of the provider', async () => {
    const agent = await agentWith('anthropic/claude-test')
    const text = ['Hel', 'lo ', 'Ada'].map((part) => ({ type: 'text_delta', text: part }))
    provider.answer({
      events: anthropicStream(
        [{ start: { type: 'text', text: '' }, deltas: text }],
        'end_turn',
        { input_tokens: 5, output_tokens: 1 },
        { output_tokens: 3 },
      ),
    })
    const said: unknown[] = []
    for await (const event of await client.agents.messages.create(agent.id, { input: 'hi', streaming: true, stream_tokens: true })) {
      if (event.message_type === 'assistant_message') said.push(event.content)
    }
    expect(said).toEqual(['Hel', 'lo ', 'Ada'])
  })

  it('waits as long as the provider asks and tries again', async () => {
    const agent = await agentWith('ollama/test-model')
    provider.answer(
      { status: 429, headers: { 'retry-after': '1' }, body: { error: { message: 'slow down' } } },
      { events: chatStream([{ content: 'Here I am.' }]) },
    )
    const answer = await client.agents.messages.create(agent.id, { input: 'hi' })
    expect(answer.messages[0]).toMatchObject({ content: 'Here I am.' })
  })

  it('reports a refused key as 401, once, and the run as failed', async () => {
    const agent = await agentWith('openai/test-model')
    provider.answer({ status: 401, body: { error: { message: 'Incorrect API key provided' } } })
    const before = provider.received.length
    const error = await client.agents.messages.create(agent.id, { input: 'hi' }).catch((e: APIError) => e)
    expect(error).toMatchObject({ status: 401, error: { error: { type: 'llm_authentication' }, run_id: expect.stringMatching(/^run-/) } })
    expect(provider.received.length - before).toBe(1)
    const [run] = (await client.runs.list({ agent_id: agent.id })).items
    expect(run).toMatchObject({ status: 'failed', stop_reason: 'llm_api_error' })
  })

  it('names the setting that is missing', async () => {
    const agent = await agentWith('google_ai/gemini-2.5-flash')
    const error = await client.agents.messages.create(agent.id, { input: 'hi' }).catch((e: APIError) => e)
    expect(error).toMatchObject({ status: 400, error: { detail: expect.stringContaining('GEMINI_API_KEY') } })
  })
})
