import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import type { ModelCatalog } from '../../../src/runtime/model'
import { callsOf, deltas, finishOf, message, modelRequest, textOf, weatherTool } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { chatStream, responsesStream } from '../../support/fakes/model-streams'

let server: ModelServer
let catalog: ModelCatalog

/** Requests to OpenAI's own host, answered by the server of this test. */
const redirected: typeof fetch = (input, init) => fetch(String(input).replace('https://api.openai.com', server.url), init)

const usage = {
  input_tokens: 50,
  input_tokens_details: { cached_tokens: 32 },
  output_tokens: 30,
  output_tokens_details: { reasoning_tokens: 12 },
  total_tokens: 80,
}
const item = (index: number, fields: Record<string, unknown>) => ({ output_index: index, ...fields })
const words = (text: string) => [
  item(0, { type: 'response.output_item.added', item: { id: 'msg_1', type: 'message', role: 'assistant', content: [] } }),
  item(0, { type: 'response.output_text.delta', item_id: 'msg_1', content_index: 0, delta: text }),
  item(0, {
    type: 'response.output_item.done',
    item: { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] },
  }),
]

beforeAll(async () => {
  server = await modelServer()
  catalog = modelCatalog(ConfigSchema.parse({ OPENAI_API_KEY: 'sk-test' }), undefined, { fetch: redirected })
})
afterAll(() => server.close())

test('OpenAI’s other models are called by chat completions, and never told a reasoning effort', async () => {
  server.answer({ events: chatStream([{ content: 'Hi' }], 'stop', { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }) })
  const settings = { reasoning: { reasoning_effort: 'minimal' }, max_output_tokens: 16_384, temperature: 1, parallel_tool_calls: true }
  const said = await deltas(catalog('openai/gpt-4o-mini'), modelRequest({ settings, tools: [weatherTool] }))
  expect(textOf(said)).toBe('Hi')
  const { path, body } = server.received.at(-1)!
  expect(path).toBe('/v1/chat/completions')
  expect(body).toMatchObject({ model: 'gpt-4o-mini', max_tokens: 16_384, temperature: 1, tool_choice: 'auto' })
  expect(body).not.toHaveProperty('reasoning_effort')
  expect(body).not.toHaveProperty('parallel_tool_calls')
})

test('reasoning families are called by the Responses API, nothing stored, reasoning encrypted', async () => {
  server.answer({ events: responsesStream(words('Done.'), usage) })
  const settings = { reasoning: { reasoning_effort: 'low' }, temperature: 0.3, verbosity: 'high', max_output_tokens: 900 }
  const said = await deltas(catalog('openai/gpt-5-mini'), modelRequest({ settings }))
  const { path, body } = server.received.at(-1)!
  expect(path).toBe('/v1/responses')
  expect(body).toMatchObject({
    model: 'gpt-5-mini',
    store: false,
    include: ['reasoning.encrypted_content'],
    reasoning: { effort: 'low' },
    text: { verbosity: 'high' },
    max_output_tokens: 900,
  })
  expect(body).not.toHaveProperty('temperature')
  expect(textOf(said)).toBe('Done.')
  expect(finishOf(said)).toEqual({
    type: 'finish',
    reason: 'stop',
    usage: {
      prompt_tokens: 50,
      completion_tokens: 30,
      total_tokens: 80,
      cached_input_tokens: 32,
      cache_write_tokens: null,
      reasoning_tokens: 12,
    },
  })
})

test('summaries of reasoning are joined, and the encrypted content of the finished item seals them', async () => {
  const summary = (index: number, text: string) => [
    item(0, { type: 'response.reasoning_summary_part.added', item_id: 'rs_1', summary_index: index }),
    item(0, { type: 'response.reasoning_summary_text.delta', item_id: 'rs_1', summary_index: index, delta: text }),
    item(0, { type: 'response.reasoning_summary_part.done', item_id: 'rs_1', summary_index: index }),
  ]
  const reasoning = (encrypted_content: string) => ({ id: 'rs_1', type: 'reasoning', summary: [], encrypted_content })
  const call = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}', status: 'completed' }
  server.answer({
    events: responsesStream(
      [
        item(0, { type: 'response.output_item.added', item: reasoning('unfinished') }),
        ...summary(0, 'First.'),
        ...summary(1, 'Second.'),
        item(0, { type: 'response.output_item.done', item: reasoning('sealed') }),
        item(1, { type: 'response.output_item.added', item: { ...call, arguments: '', status: 'in_progress' } }),
        item(1, { type: 'response.function_call_arguments.delta', item_id: 'fc_1', delta: '{"city":"Oslo"}' }),
        item(1, { type: 'response.output_item.done', item: call }),
      ],
      usage,
    ),
  })
  const said = await deltas(catalog('openai/gpt-5'), modelRequest({ tools: [weatherTool] }))
  expect(said.filter((delta) => delta.type === 'reasoning')).toEqual([
    { type: 'reasoning', reasoning: 'First.' },
    { type: 'reasoning', reasoning: '\n\n' },
    { type: 'reasoning', reasoning: 'Second.' },
    { type: 'reasoning', reasoning: '', signature: 'sealed' },
  ])
  expect(callsOf(said)).toEqual([{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }])
  expect(finishOf(said).reason).toBe('tool_calls')
})

test('sealed reasoning goes back to the model it came from before its call, and to no other', async () => {
  const history = (model: string) => [
    message('user', 'Weather in Oslo?'),
    message('assistant', [{ type: 'reasoning', reasoning: 'I look.', is_native: true, signature: 'sealed' }], {
      model,
      tool_calls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }],
    }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'call_1', name: 'weather', status: 'error', content: 'Error: no sky' }] }),
  ]
  server.answer({ events: responsesStream(words('a'), usage) }, { events: responsesStream(words('b'), usage) })
  await deltas(catalog('openai/gpt-5'), modelRequest({ messages: history('openai/gpt-5') }))
  expect(server.received.at(-1)?.body.input).toMatchObject([
    { role: 'developer', content: 'You are a test.' },
    { role: 'user', content: [{ type: 'input_text', text: 'Weather in Oslo?' }] },
    { type: 'reasoning', encrypted_content: 'sealed', summary: [{ type: 'summary_text', text: 'I look.' }] },
    { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' },
    { type: 'function_call_output', call_id: 'call_1', output: 'Error: no sky' },
  ])
  await deltas(catalog('openai/gpt-5'), modelRequest({ messages: history('openai/o3') }))
  expect(JSON.stringify(server.received.at(-1)?.body.input)).not.toContain('sealed')
})

test('a failure inside a stream is the provider’s failure', async () => {
  server.answer({
    events: [
      ...responsesStream(words('Half'), usage).slice(0, 4),
      { type: 'response.failed', sequence_number: 9, response: { error: { code: 'server_error', message: 'Sorry, something broke.' } } },
    ],
  })
  await expect(deltas(catalog('openai/gpt-5'), modelRequest())).rejects.toMatchObject({
    type: 'llm_error',
    message: expect.stringContaining('Sorry, something broke.'),
    options: { transient: true, status: 500 },
  })
})
