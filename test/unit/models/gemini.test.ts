import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import type { ModelCatalog } from '../../../src/runtime/model'
import { callsOf, deltas, finishOf, message, modelRequest, reasoningOf, textOf, weatherTool } from '../../support/fakes/model-request'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { geminiStream } from '../../support/fakes/model-streams'

let server: ModelServer
let catalog: ModelCatalog
const handle = 'google_ai/gemini-3-pro-preview'
const usage = {
  promptTokenCount: 40,
  candidatesTokenCount: 8,
  thoughtsTokenCount: 5,
  cachedContentTokenCount: 16,
  totalTokenCount: 53,
}

beforeAll(async () => {
  server = await modelServer()
  catalog = modelCatalog(ConfigSchema.parse({ GEMINI_BASE_URL: `${server.url}/v1beta`, GEMINI_API_KEY: 'AIza-test' }))
})
afterAll(() => server.close())

test('thoughts, text and parallel calls of Gemini come apart, the call with its thought signature', async () => {
  server.answer({
    events: geminiStream(
      [
        [{ text: 'Let me think.', thought: true }],
        [{ text: 'I look.' }],
        [
          { functionCall: { id: 'g1', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'seal' },
          { functionCall: { id: 'g2', name: 'weather', args: { city: 'Rome' } } },
        ],
      ],
      usage,
    ),
  })
  const said = await deltas(catalog(handle), modelRequest({ tools: [weatherTool] }))
  expect([reasoningOf(said), textOf(said)]).toEqual(['Let me think.', 'I look.'])
  expect(callsOf(said)).toEqual([
    { id: 'g1', name: 'weather', arguments: '{"city":"Oslo"}', signature: 'seal' },
    { id: 'g2', name: 'weather', arguments: '{"city":"Rome"}' },
  ])
  expect(finishOf(said)).toEqual({
    type: 'finish',
    reason: 'tool_calls',
    usage: {
      prompt_tokens: 40,
      completion_tokens: 13,
      total_tokens: 53,
      cached_input_tokens: 16,
      cache_write_tokens: null,
      reasoning_tokens: 5,
    },
  })
})

test('the system prompt, the history with its signatures and the thinking budget reach Gemini in its form', async () => {
  server.answer({ events: geminiStream([[{ text: 'Rain.' }]], usage) })
  const messages = [
    message('user', 'Weather?'),
    message('assistant', 'I look.', {
      model: handle,
      tool_calls: [{ id: 'g1', name: 'weather', arguments: '{"city":"Oslo"}', signature: 'seal' }],
    }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'g1', name: 'weather', status: 'success', content: 'rain' }] }),
  ]
  const settings = { thinking_config: { include_thoughts: true, thinking_budget: 512 }, max_output_tokens: 100, temperature: 0.5 }
  await deltas(catalog(handle), modelRequest({ messages, settings, tools: [weatherTool], tool_choice: { type: 'required' } }))
  const { path, headers, body } = server.received.at(-1)!
  expect(path).toBe('/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse')
  expect(headers['x-goog-api-key']).toBe('AIza-test')
  expect(body).toMatchObject({
    systemInstruction: { parts: [{ text: 'You are a test.' }] },
    contents: [
      { role: 'user', parts: [{ text: 'Weather?' }] },
      {
        role: 'model',
        parts: [{ text: 'I look.' }, { functionCall: { name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'seal' }],
      },
      { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { content: 'rain' } } }] },
    ],
    generationConfig: { maxOutputTokens: 100, temperature: 0.5, thinkingConfig: { thinkingBudget: 512, includeThoughts: true } },
    toolConfig: { functionCallingConfig: { mode: 'ANY' } },
  })
})

test('a model that does not think is not given a thinking budget', async () => {
  server.answer({ events: geminiStream([[{ text: 'Hi' }]], usage) })
  const settings = { thinking_config: { include_thoughts: true, thinking_budget: 1024 } }
  await deltas(catalog('google_ai/gemini-2.0-flash'), modelRequest({ settings }))
  expect(server.received.at(-1)?.body.generationConfig).not.toHaveProperty('thinkingConfig')
})

test('a blocked answer ends as filtered, and a quota failure carries the delay that Google names', async () => {
  server.answer({ events: geminiStream([[]], usage, 'SAFETY') })
  expect(await deltas(catalog(handle), modelRequest())).toEqual([expect.objectContaining({ type: 'finish', reason: 'content_filter' })])
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '17s' }]
  const message = 'You exceeded your current quota, please check your plan and billing details.'
  server.answer({ status: 429, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message, details } } })
  await expect(deltas(catalog(handle), modelRequest())).rejects.toMatchObject({
    type: 'llm_rate_limit',
    options: { transient: true, retryAfterMs: 17_000, status: 429 },
  })
})

test('images go along: inline data as it is, an address as an address', async () => {
  server.answer({ events: geminiStream([[{ text: 'A cat.' }]], usage) })
  const messages = [
    message('user', [
      { type: 'text', text: 'What is this?' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/cat.webp' } },
      { type: 'image', source: { type: 'letta', file_id: 'file-1' } },
    ]),
  ]
  await deltas(catalog(handle), modelRequest({ messages }))
  expect(server.received.at(-1)?.body.contents).toEqual([
    {
      role: 'user',
      parts: [
        { text: 'What is this?' },
        { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
        { fileData: { mimeType: 'image/webp', fileUri: 'https://example.com/cat.webp' } },
        { text: '[Image file-1: its content is not available]' },
      ],
    },
  ])
})
