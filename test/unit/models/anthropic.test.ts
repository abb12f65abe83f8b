import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import type { Model } from '../../../src/runtime/model'
import { callsOf, deltas, finishOf, message, modelRequest, weatherTool } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { anthropicStream } from '../../support/fakes/model-streams'

let server: ModelServer
let model: Model
const handle = 'anthropic/claude-sonnet-4-5'

const usage = { input_tokens: 10, cache_creation_input_tokens: 20, cache_read_input_tokens: 70, output_tokens: 1 }
const speech = (text: string) => ({ start: { type: 'text', text: '' }, deltas: [{ type: 'text_delta', text }] })
const answer = (text = 'Hi') => ({ events: anthropicStream([speech(text)], 'end_turn', usage, { output_tokens: 5 }) })
const lastBody = () => server.received.at(-1)!.body as { messages: { role: string; content: unknown[] }[] } & Record<string, unknown>

beforeAll(async () => {
  server = await modelServer()
  model = modelCatalog(ConfigSchema.parse({ ANTHROPIC_BASE_URL: `${server.url}/v1`, ANTHROPIC_API_KEY: 'sk-ant' }))(handle)
})
afterAll(() => server.close())

test('thinking comes with its signature, redacted thinking as data, then text and parallel calls in order', async () => {
  const use = (id: string, city: string) => ({
    start: { type: 'tool_use', id, name: 'weather', input: {} },
    deltas: [
      { type: 'input_json_delta', partial_json: '{"city":' },
      { type: 'input_json_delta', partial_json: `"${city}"}` },
    ],
  })
  server.answer({
    events: anthropicStream(
      [
        {
          start: { type: 'thinking', thinking: '', signature: '' },
          deltas: [
            { type: 'thinking_delta', thinking: 'Two ' },
            { type: 'thinking_delta', thinking: 'cities.' },
            { type: 'signature_delta', signature: 'sig-1' },
          ],
        },
        { start: { type: 'redacted_thinking', data: 'hidden' }, deltas: [] },
        speech('I look.'),
        use('toolu_1', 'Oslo'),
        use('toolu_2', 'Rome'),
      ],
      'tool_use',
      usage,
      { output_tokens: 40 },
    ),
  })
  const said = await deltas(model, modelRequest({ tools: [weatherTool] }))
  expect(said.filter((delta) => !delta.type.startsWith('tool_call_'))).toEqual([
    { type: 'reasoning', reasoning: 'Two ' },
    { type: 'reasoning', reasoning: 'cities.' },
    { type: 'reasoning', reasoning: '', signature: 'sig-1' },
    { type: 'redacted_reasoning', data: 'hidden' },
    { type: 'text', text: 'I look.' },
    { type: 'tool_call', call: { id: 'toolu_1', name: 'weather', arguments: '{"city":"Oslo"}' } },
    { type: 'tool_call', call: { id: 'toolu_2', name: 'weather', arguments: '{"city":"Rome"}' } },
    expect.objectContaining({ type: 'finish', reason: 'tool_calls' }),
  ])
  expect(finishOf(said).usage).toEqual({
    prompt_tokens: 100,
    completion_tokens: 40,
    total_tokens: 140,
    cached_input_tokens: 70,
    cache_write_tokens: 20,
    reasoning_tokens: null,
  })
})

test('the system prompt, the last tool and the last message are marked for the cache; the key goes in its own header', async () => {
  server.answer(answer())
  await deltas(model, modelRequest({ tools: [{ ...weatherTool, name: 'other' }, weatherTool] }))
  const cache_control = { type: 'ephemeral' }
  expect(server.received.at(-1)).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': 'sk-ant' } })
  expect(lastBody()).toMatchObject({
    system: [{ type: 'text', text: 'You are a test.', cache_control }],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello', cache_control }] }],
    tools: [{ name: 'other' }, { name: 'weather', cache_control }],
  })
  expect((lastBody().tools as object[])[0]).not.toHaveProperty('cache_control')
})

test('a tool loop is replayed with its sealed thoughts first, and all results in one message, failures marked', async () => {
  server.answer(answer())
  const messages = [
    message('user', 'Weather?'),
    message(
      'assistant',
      [
        { type: 'reasoning', reasoning: 'Two cities.', is_native: true, signature: 'sig-1' },
        { type: 'redacted_reasoning', data: 'hidden' },
        { type: 'omitted_reasoning', signature: 'sig-2' },
        { type: 'text', text: 'I look.' },
      ],
      {
        model: handle,
        tool_calls: [
          { id: 'toolu_1', name: 'weather', arguments: '{"city":"Oslo"}' },
          { id: 'functions.weather:0', name: 'weather', arguments: '{broken' },
        ],
      },
    ),
    message('tool', [], {
      tool_returns: [
        { tool_call_id: 'toolu_1', name: 'weather', status: 'success', content: 'rain' },
        { tool_call_id: 'functions.weather:0', name: 'weather', status: 'error', content: 'Error: what city?' },
      ],
    }),
  ]
  const settings = { thinking: { type: 'enabled', budget_tokens: 2000 }, max_output_tokens: 1000 }
  await deltas(model, modelRequest({ messages, tools: [weatherTool], settings }))
  const [, assistant, results] = lastBody().messages
  expect(assistant?.content).toMatchObject([
    { type: 'thinking', thinking: 'Two cities.', signature: 'sig-1' },
    { type: 'redacted_thinking', data: 'hidden' },
    { type: 'thinking', thinking: '', signature: 'sig-2' },
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', id: 'toolu_1', input: { city: 'Oslo' } },
    { type: 'tool_use', input: {} },
  ])
  const renamed = (assistant!.content[5] as { id: string }).id
  expect(renamed).toMatch(/^[a-zA-Z0-9_-]{1,40}$/)
  expect(results?.content).toMatchObject([
    { type: 'tool_result', tool_use_id: 'toolu_1', content: 'rain' },
    { type: 'tool_result', tool_use_id: renamed, content: 'Error: what city?', is_error: true },
  ])
  expect(lastBody()).toMatchObject({ thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 3000 })
})

test('thinking is turned off for a loop that another model began, and for a forced tool', async () => {
  server.answer(answer(), answer())
  const settings = { thinking: { type: 'enabled', budget_tokens: 1024 }, parallel_tool_calls: false }
  const messages = [
    message('user', 'Weather?'),
    message('assistant', [{ type: 'reasoning', reasoning: 'Hm.', is_native: true, signature: 'foreign' }], {
      model: 'openai/gpt-5',
      tool_calls: [{ id: 'c1', name: 'weather', arguments: '{}' }],
    }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'c1', name: 'weather', status: 'success', content: 'rain' }] }),
  ]
  await deltas(model, modelRequest({ messages, tools: [weatherTool], settings }))
  expect(lastBody().thinking).toEqual({ type: 'disabled' })
  expect(JSON.stringify(lastBody())).not.toContain('foreign')
  await deltas(model, modelRequest({ tools: [weatherTool], settings, tool_choice: { type: 'required' } }))
  expect(lastBody()).toMatchObject({ thinking: { type: 'disabled' }, tool_choice: { type: 'any', disable_parallel_tool_use: true } })
})

test('a conversation is opened and closed by the user, and later system messages are told as events', async () => {
  server.answer(answer())
  const messages = [message('assistant', 'Welcome.'), message('system', 'It is night.'), message('assistant', 'So it is.')]
  await deltas(model, modelRequest({ messages }))
  expect(lastBody().messages).toMatchObject([
    { role: 'user', content: [{ text: expect.any(String) }] },
    { role: 'assistant', content: [{ text: 'Welcome.' }] },
    { role: 'user', content: [{ text: '<system_message>\nIt is night.\n</system_message>' }] },
    { role: 'assistant', content: [{ text: 'So it is.' }] },
    { role: 'user', content: [{ text: expect.any(String) }] },
  ])
})

test('after its tools a model may end its turn in silence, but an empty answer to a question is a failure worth another try', async () => {
  const nothing = { events: anthropicStream([], 'end_turn', usage, { output_tokens: 1 }) }
  server.answer(nothing, nothing)
  await expect(deltas(model, modelRequest())).rejects.toMatchObject({
    type: 'llm_empty_response',
    message: expect.stringContaining('empty content in'),
    options: { transient: true },
  })
  const messages = [
    message('user', 'Note it.'),
    message('assistant', [], { model: handle, tool_calls: [{ id: 'c1', name: 'weather', arguments: '{}' }] }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'c1', name: 'weather', status: 'success', content: 'done' }] }),
  ]
  const said = await deltas(model, modelRequest({ messages, tools: [weatherTool] }))
  expect(said).toEqual([expect.objectContaining({ type: 'finish', reason: 'stop' })])
  expect(callsOf(said)).toEqual([])
})

test('an overload told in place of the first event is a transient failure', async () => {
  server.answer({ events: [{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }] })
  await expect(deltas(model, modelRequest())).rejects.toMatchObject({
    type: 'llm_error',
    message: expect.stringContaining('Overloaded'),
    options: { transient: true, status: 529 },
  })
})
