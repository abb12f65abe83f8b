import { afterAll, describe, expect, it } from 'vitest'
import { readFrames, typesOf } from '../support/sse'
import { startApi } from './api'

// The requests of `@letta-ai/vercel-ai-sdk-provider` 1.4.0, which brings the older `@letta-ai/letta-client` 0.0.68665, as a proxy recorded
// them, and what that client reads of the answers. The provider itself is no dependency: with the AI SDK 5 that it needs it takes 70 MB.

const api = await startApi()
afterAll(() => api.stop())

const headers = {
  accept: '*/*',
  'user-agent': '@letta-ai/letta-client/0.0.68665',
  'x-fern-language': 'JavaScript',
  'x-fern-sdk-name': '@letta-ai/letta-client',
  'x-fern-sdk-version': '0.0.68665',
  'x-fern-runtime': 'node',
}

const script = '/think Hm.\n/call memory_insert {"label":"human","new_string":"Likes tea"}\n/then\n/say Noted it.'
const messages = [{ role: 'user', content: [{ type: 'text', text: script }] }]

/** What the older client requires of each message: it throws at a stream that lacks one of them. */
const required: Record<string, string[]> = {
  reasoning_message: ['id', 'date', 'reasoning'],
  tool_call_message: ['id', 'date', 'tool_call'],
  tool_return_message: ['id', 'date', 'tool_return', 'status', 'tool_call_id'],
  assistant_message: ['id', 'date', 'content'],
  approval_request_message: ['id', 'date', 'tool_call'],
  ping: [],
  stop_reason: ['stop_reason'],
  usage_statistics: [],
}

async function agent() {
  const member = await api.member()
  const call = (method: string, path: string, body?: unknown) => member.fetch(method, path, body, headers)
  const made = await call('POST', '/v1/agents/', { name: 'ada', memory_blocks: [{ label: 'human', value: 'Ada' }], embedding: null })
  const { id } = (await made.json()) as { id: string }
  return { call, id, path: `/v1/agents/${id}/messages` }
}

describe('the provider for the Vercel AI SDK', () => {
  it('generates: the text, the reasoning, and the call with the name of its tool', async () => {
    const { call, path } = await agent()
    const answer = await call('POST', path, { messages })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^application\/json/)])
    const body = (await answer.json()) as { messages: { message_type: string }[] }
    for (const message of body.messages)
      expect(Object.keys(message)).toEqual(expect.arrayContaining(required[message.message_type] ?? ['?']))
    expect(body.messages).toMatchObject([
      { message_type: 'reasoning_message', reasoning: 'Hm.', source: 'reasoner_model' },
      {
        message_type: 'tool_call_message',
        name: 'memory_insert',
        tool_call: { tool_call_id: expect.any(String), arguments: expect.any(String) },
      },
      { message_type: 'tool_return_message', name: 'memory_insert', status: 'success' },
      { message_type: 'assistant_message', content: 'Noted it.' },
    ])
  })

  it.each([
    ['steps', {}],
    ['tokens', { stream_tokens: true }],
    ['tokens in the background', { background: true, stream_tokens: true, include_pings: true }],
  ])('streams %s without saying so: the call whole, its result by the same id, then the text', async (_, options) => {
    const { call, path } = await agent()
    const answer = await call('POST', `${path}/stream`, { messages, ...options })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/event-stream/)])
    const { frames, done } = await readFrames(answer.body as ReadableStream<Uint8Array>)
    expect(done).toBe(true)
    for (const { event, data } of frames) {
      expect([event, Object.keys(data)]).toEqual([null, expect.arrayContaining(required[data.message_type] ?? ['?'])])
      if ('date' in data) expect(Number.isNaN(Date.parse(String(data.date)))).toBe(false)
    }
    expect(typesOf(frames).filter((type, i, all) => type !== all[i - 1])).toEqual([
      'ping',
      'reasoning_message',
      'tool_call_message',
      'tool_return_message',
      'assistant_message',
      'stop_reason',
      'usage_statistics',
    ])
    const pieces = frames.flatMap(({ data }) => (data.message_type === 'tool_call_message' ? [data] : []))
    // The provider joins the arguments by the call's id until they are JSON, and takes the name from the first piece.
    const calls = pieces.map((piece) => piece.tool_call as { name?: string; arguments?: string; tool_call_id: string })
    expect(new Set(calls.map((piece) => piece.tool_call_id)).size).toBe(1)
    expect([calls[0]?.name, pieces[0]?.name]).toEqual(['memory_insert', 'memory_insert'])
    expect(JSON.parse(calls.map((piece) => piece.arguments ?? '').join(''))).toEqual({ label: 'human', new_string: 'Likes tea' })
    const result = frames.find(({ data }) => data.message_type === 'tool_return_message')?.data
    expect(result).toMatchObject({ name: 'memory_insert', tool_call_id: calls[0]?.tool_call_id, status: 'success' })
    expect(frames.flatMap(({ data }) => (data.message_type === 'assistant_message' ? [data.content] : [])).join('')).toBe('Noted it.')
  })

  it('lists messages for useChat, all of types that it can convert', async () => {
    const { call, path } = await agent()
    await call('POST', path, { messages })
    const listed = (await (await call('GET', `${path}?limit=20`)).json()) as { message_type: string }[]
    expect(listed.map((message) => message.message_type)).toEqual([
      'assistant_message',
      'tool_return_message',
      'tool_call_message',
      'reasoning_message',
      'user_message',
      'system_message',
    ])
  })
})
