import { describe, expect, it } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { SendRequest } from '../../../src/resources/messages/schema'
import { idempotencyKey, modeOf, turnRequest } from '../../../src/resources/messages/service/request'

const ctx = { config: ConfigSchema.parse({ ENVIRONMENT: 'local' }) }
const mode = { streaming: false, background: false, run_type: 'send_message' }
const turn = (body: unknown) => turnRequest(ctx, SendRequest.parse(body), mode)

describe('a request for a turn', () => {
  it('has the defaults of the API', () => {
    expect(turn({ input: 'hi' })).toEqual({
      approval: null,
      client_tools: [],
      client_skills: [],
      input: [
        {
          role: 'user',
          content: [{ type: 'text', text: 'hi' }],
          name: null,
          otid: expect.stringMatching(/^[0-9a-f-]{36}$/),
          sender_id: null,
          group_id: null,
        },
      ],
      max_steps: 50,
      override_model: null,
      override_system: null,
      stream_tokens: false,
      background: false,
      callback_url: null,
      include_return_message_types: null,
      assistant_tool: { name: 'send_message', argument: 'message' },
      run_type: 'send_message',
    })
  })

  it('streams tokens only when it streams', () => {
    const body = SendRequest.parse({ input: 'hi', stream_tokens: true, streaming: true })
    expect(turnRequest(ctx, body, { ...mode, streaming: true }).stream_tokens).toBe(true)
    expect(turnRequest(ctx, body, mode).stream_tokens).toBe(false)
  })

  it('keeps the parts of a message and drops what databases cannot hold', () => {
    const content = [
      { type: 'text', text: 'a\0b', signature: 's' },
      { type: 'reasoning', reasoning: 'r' },
      { type: 'omitted_reasoning' },
      { type: 'redacted_reasoning', data: 'd' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
    ]
    expect(turn({ messages: [{ role: 'assistant', content }] }).input[0]?.content).toEqual([
      { type: 'text', text: 'ab', signature: 's' },
      { type: 'reasoning', reasoning: 'r', is_native: false, signature: null },
      { type: 'omitted_reasoning', signature: null },
      { type: 'redacted_reasoning', data: 'd' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=', detail: null } },
    ])
    expect(() => turn({ input: '\0' })).toThrow(/must not be empty/)
  })

  it('keeps answers to calls apart from messages, in one form for all that clients send', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } }
    const { approval, input } = turn({
      messages: [
        { role: 'user', content: 'and now?' },
        { approve: false, approval_request_id: 'message-1', reason: 'no' },
        { type: 'approval', approvals: [{ tool_call_id: 'a', approve: true }], otid: 'o' },
        {
          tool_returns: [
            { tool_call_id: 'b', tool_return: [{ type: 'text', text: 'a\0b' }, { type: 'text', text: 'c' }, image], status: 'error' },
          ],
        },
        { type: 'approval', approvals: [{ type: 'tool', tool_call_id: 'c', tool_return: 'x', stdout: ['line'] }] },
      ],
    })
    expect(input.map(({ content }) => content)).toEqual([[{ type: 'text', text: 'and now?' }]])
    expect(approval).toEqual({
      otid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      group_id: null,
      approvals: [
        { type: 'approval', tool_call_id: 'message-1', approve: false, reason: 'no' },
        { type: 'approval', tool_call_id: 'a', approve: true, reason: null },
        {
          type: 'tool',
          tool_call_id: 'b',
          tool_return: 'ab\nc',
          images: [{ type: 'base64', media_type: 'image/png', data: 'aGk=', detail: null }],
          status: 'error',
          stdout: null,
          stderr: null,
        },
        { type: 'tool', tool_call_id: 'c', tool_return: 'x', status: 'success', stdout: ['line'], stderr: null },
      ],
    })
  })

  it('takes of tools of one name the last, and gives them the parameters that they lack', () => {
    const { client_tools, client_skills } = turn({
      input: 'hi',
      client_tools: [
        { name: 'a', description: 'first' },
        { name: 'a', parameters: { type: 'object', properties: { x: {} } } },
        { name: 'b' },
      ],
      client_skills: [{ name: 'pdf', location: 'skills/pdf', unknown: 1 }],
    })
    expect(client_tools).toEqual([
      { name: 'a', description: null, parameters: { type: 'object', properties: { x: {} } } },
      { name: 'b', description: null, parameters: { type: 'object', properties: {} } },
    ])
    expect(client_skills).toEqual([{ name: 'pdf', description: '', location: 'skills/pdf' }])
  })

  it('prefers override_system to its alias', () => {
    expect(turn({ input: 'hi', override_system: 'a', system: 'b' }).override_system).toBe('a')
    expect(turn({ input: 'hi', system: 'b' }).override_system).toBe('b')
  })

  it('runs as the endpoint says unless it says otherwise itself', () => {
    const modeFor = (body: object, streams: boolean) => modeOf(SendRequest.parse({ input: 'x', ...body }), streams)
    expect(modeFor({}, true)).toEqual({ streaming: true, background: false, run_type: 'send_message_streaming' })
    expect(modeFor({ streaming: false }, true)).toEqual({ streaming: false, background: false, run_type: 'send_message' })
    expect(modeFor({ background: true }, true).background).toBe(true)
    expect(modeFor({ include_pings: true }, false).streaming).toBe(false)
    expect(() => modeFor({ background: true }, false)).toThrow(/without streaming enabled/)
  })

  it('may carry an Idempotency-Key of visible ASCII', () => {
    expect(idempotencyKey(undefined)).toBeNull()
    expect(idempotencyKey('a-key')).toBe('a-key')
    for (const key of ['', 'a key', 'ä', 'x'.repeat(256)]) expect(() => idempotencyKey(key)).toThrow(/Idempotency-Key/)
  })
})
