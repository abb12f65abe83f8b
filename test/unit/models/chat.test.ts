import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import type { Model } from '../../../src/runtime/model'
import { callsOf, deltas, finishOf, message, modelRequest, reasoningOf, textOf, weatherTool } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { chatStream } from '../../support/fakes/model-streams'

let server: ModelServer
let model: Model

beforeAll(async () => {
  server = await modelServer()
  model = modelCatalog(ConfigSchema.parse({ OPENAI_BASE_URL: `${server.url}/v1`, OPENAI_API_KEY: 'sk-test' }))('openai/qwen/qwen3')
})
afterAll(() => server.close())

test('another host than OpenAI is spoken to in chat completions, with the key and the whole name after the prefix', async () => {
  server.answer({ events: chatStream([{ content: 'Hel' }, { content: 'lo' }]) })
  const said = await deltas(model, modelRequest())
  expect(said.slice(0, 2)).toEqual([
    { type: 'text', text: 'Hel' },
    { type: 'text', text: 'lo' },
  ])
  const request = server.received.at(-1)!
  expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions', headers: { authorization: 'Bearer sk-test' } })
  expect(request.body).toEqual({
    model: 'qwen/qwen3',
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: 'system', content: 'You are a test.' },
      { role: 'user', content: 'Hello' },
    ],
  })
})

test('a server without a key gets no authorization header', async () => {
  const open = modelCatalog(ConfigSchema.parse({ OLLAMA_BASE_URL: `${server.url}/v1` }))('ollama/llama3.2:3b')
  server.answer({ events: chatStream([{ content: 'Hi' }]) })
  await deltas(open, modelRequest())
  expect(server.received.at(-1)?.headers.authorization).toBeUndefined()
  expect(server.received.at(-1)?.body.model).toBe('llama3.2:3b')
})

test('usage counts cached and reasoning tokens when the server names them, and is null where it does not', async () => {
  const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 }
  server.answer(
    { events: chatStream([{ content: 'a' }], 'stop', { ...usage, prompt_tokens_details: { cached_tokens: 64 } }) },
    { events: chatStream([{ content: 'a' }], 'length', { ...usage, completion_tokens_details: { reasoning_tokens: 0 } }) },
    { events: chatStream([{ content: 'a' }]) },
  )
  const known = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120, cache_write_tokens: null }
  expect(finishOf(await deltas(model, modelRequest()))).toEqual({
    type: 'finish',
    reason: 'stop',
    usage: { ...known, cached_input_tokens: 64, reasoning_tokens: null },
  })
  expect(finishOf(await deltas(model, modelRequest()))).toEqual({
    type: 'finish',
    reason: 'length',
    usage: { ...known, cached_input_tokens: null, reasoning_tokens: 0 },
  })
  expect(finishOf(await deltas(model, modelRequest())).usage).toMatchObject({ total_tokens: 0, cached_input_tokens: null })
})

test('parallel tool calls stream their arguments apart and end whole', async () => {
  server.answer({
    events: chatStream(
      [
        { tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }] },
        { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
        { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
        { tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
      ],
      'tool_calls',
    ),
  })
  const said = await deltas(model, modelRequest({ tools: [weatherTool] }))
  expect(said).toEqual([
    { type: 'tool_call_start', id: 'call_a', name: 'weather' },
    { type: 'tool_call_delta', id: 'call_a', arguments: '{"city":' },
    { type: 'tool_call_delta', id: 'call_a', arguments: '"Oslo"}' },
    { type: 'tool_call_start', id: 'call_b', name: 'weather' },
    { type: 'tool_call_delta', id: 'call_b', arguments: '{"city":"Rome"}' },
    { type: 'tool_call', call: { id: 'call_a', name: 'weather', arguments: '{"city":"Oslo"}' } },
    { type: 'tool_call', call: { id: 'call_b', name: 'weather', arguments: '{"city":"Rome"}' } },
    { type: 'finish', reason: 'tool_calls', usage: expect.anything() },
  ])
})

test('malformed arguments are passed on as the text they are, and none at all as an empty object', async () => {
  const call = (index: number, text: string) => ({
    tool_calls: [{ index, id: `c${index}`, type: 'function', function: { name: 'weather', arguments: text } }],
  })
  server.answer({ events: chatStream([call(0, '{"city": Oslo'), call(1, '')], 'tool_calls') })
  const calls = callsOf(await deltas(model, modelRequest({ tools: [weatherTool] })))
  expect(calls.map((one) => one.arguments)).toEqual(['{"city": Oslo', '{}'])
})

test('a call id that the history already has is made new', async () => {
  const event = { tool_calls: [{ index: 0, id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{}' } }] }
  server.answer({ events: chatStream([event], 'stop') })
  const earlier = [
    message('user', 'Weather?'),
    message('assistant', [], { tool_calls: [{ id: 'call_0', name: 'weather', arguments: '{}' }] }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'call_0', name: 'weather', status: 'success', content: 'sunny' }] }),
  ]
  const said = await deltas(model, modelRequest({ messages: earlier, tools: [weatherTool] }))
  expect(said.map((delta) => ('id' in delta ? delta.id : delta.type === 'tool_call' ? delta.call.id : null))).toEqual([
    'call_0-2',
    'call_0-2',
    'call_0-2',
    null,
  ])
  expect(finishOf(said).reason).toBe('tool_calls')
})

test('reasoning that a server streams beside the text comes as reasoning', async () => {
  server.answer({ events: chatStream([{ reasoning_content: 'Let me ' }, { reasoning_content: 'see.' }, { content: 'Yes.' }]) })
  const said = await deltas(model, modelRequest())
  expect([reasoningOf(said), textOf(said)]).toEqual(['Let me see.', 'Yes.'])
})

test('settings are sent when set: temperature, limit, serial calls, format, verbosity, tool choice; a default effort is not', async () => {
  server.answer({ events: chatStream([{ content: 'a' }]) })
  const settings = {
    temperature: 0.2,
    max_output_tokens: 77,
    parallel_tool_calls: false,
    verbosity: 'low',
    reasoning: { reasoning_effort: 'minimal' },
    provider_type: 'openai',
  }
  const json_schema = { name: 'answer', strict: true, schema: { type: 'object', properties: {}, additionalProperties: false } }
  await deltas(
    model,
    modelRequest({
      settings,
      tools: [weatherTool],
      tool_choice: { type: 'tool', name: 'weather' },
      response_format: { type: 'json_schema', json_schema },
    }),
  )
  const { body } = server.received.at(-1)!
  expect(body).toMatchObject({
    temperature: 0.2,
    max_tokens: 77,
    parallel_tool_calls: false,
    verbosity: 'low',
    tool_choice: { type: 'function', function: { name: 'weather' } },
    response_format: { type: 'json_schema', json_schema },
  })
  expect(body).not.toHaveProperty('reasoning_effort')
})

test('a strict tool is sent closed with every key required, and the nulls that forces are taken out of the call', async () => {
  const text = '{"city":"Oslo","days":null}'
  const event = { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'weather', arguments: text } }] }
  server.answer({ events: chatStream([event], 'tool_calls') })
  const free = { name: 'free', description: null, parameters: { type: 'object', additionalProperties: true } }
  const said = await deltas(model, modelRequest({ tools: [weatherTool, free], settings: { strict: true } }))
  const sent = server.received.at(-1)!.body.tools as { function: Record<string, unknown> }[]
  expect(sent[0]?.function).toMatchObject({
    strict: true,
    parameters: {
      additionalProperties: false,
      required: ['city', 'days'],
      properties: { city: { type: 'string' }, days: { type: ['integer', 'null'] } },
    },
  })
  expect(sent[1]?.function).not.toHaveProperty('strict')
  expect(callsOf(said)[0]?.arguments).toBe('{"city":"Oslo"}')
})
