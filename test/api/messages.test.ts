import { describe, expect, it, vi } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, freshOrganization, type Member } from '../support/client'
import { readFrames, typesOf } from '../support/sse'

type Message = { id: string; message_type: string; content: string; otid: string; run_id: string; step_id: string }

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const send = (call: Call, id: string, input: unknown, more: Record<string, unknown> = {}) =>
  call('POST', `/v1/agents/${id}/messages`, { input, ...more })
const list = async (call: Call, id: string, query = 'order=asc'): Promise<Message[]> =>
  (await call('GET', `/v1/agents/${id}/messages?${query}`)).body
const types = (rows: { message_type: string }[]) => rows.map((row) => row.message_type)
/** Messages without their dates: an answer tells when a part was said, the history when it was stored. */
const undated = (rows: object[]) => rows.map((row) => ({ ...row, date: null }))
const frames = (body: string) => readFrames(new Response(body).body as ReadableStream<Uint8Array>)
const messagesOf = async ({ organization_id }: Member) =>
  (
    await bindings.DB.prepare("select count(*) as n from messages where organization_id = ? and role = 'user'")
      .bind(organization_id)
      .first<{ n: number }>()
  )?.n

describe('a message to an agent', () => {
  it('is answered by what the turn made', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { status, body } = await send(call, id, '/think hm\n/say Hello, Ada.')
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual(['logprobs', 'messages', 'stop_reason', 'turns', 'usage'])
    expect(body).toMatchObject({
      messages: [
        { message_type: 'reasoning_message', reasoning: 'hm' },
        { message_type: 'assistant_message', content: 'Hello, Ada.' },
      ],
      stop_reason: { message_type: 'stop_reason', stop_reason: 'end_turn' },
      usage: { message_type: 'usage_statistics', step_count: 1, run_ids: null, total_tokens: expect.any(Number) },
      logprobs: null,
      turns: null,
    })
    const [reasoning, said] = body.messages
    expect(reasoning.id).toBe(said.id)
    expect([reasoning.otid.at(-1), said.otid.at(-1)]).toEqual(['0', '1'])
    const after = await list(call, id, `order=asc&after=${(await list(call, id))[0]?.id}`)
    expect(types(after)).toEqual(['user_message', 'reasoning_message', 'assistant_message'])
    expect(after.every((m) => m.run_id)).toBe(true)
    expect(undated(after.slice(1))).toEqual(undated(body.messages))
  })

  it('may be several messages, parts and roles, with ids of the client', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { status } = await call('POST', `/v1/agents/${id}/messages`, {
      messages: [
        { role: 'system', content: 'A note.', otid: 'mine-1' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'text', text: 'Look:' },
            { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          ],
          otid: 'mine-2',
          name: 'Bob',
        },
        { role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'data:image/png;base64,aGk=' } }] },
      ],
    })
    expect(status).toBe(200)
    const [, note, look, picture] = await list(call, id)
    expect(note).toMatchObject({ message_type: 'system_message', content: 'A note.', otid: 'mine-1' })
    expect(look).toMatchObject({
      otid: 'mine-2',
      name: 'Bob',
      content: [
        { type: 'text', text: 'Look:' },
        { type: 'image', source: { type: 'url' } },
      ],
    })
    expect(picture?.content).toEqual([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=', detail: null } }])
    expect(picture?.otid).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('counts once however often it is sent, by otid and by Idempotency-Key, in every mode', async () => {
    const member = await freshOrganization()
    const { call } = member
    const id = await agent(call)
    const message = { messages: [{ role: 'user', content: 'once', otid: 'the-otid' }] }
    const first = await call('POST', `/v1/agents/${id}/messages`, message)
    expect((await call('POST', `/v1/agents/${id}/messages`, message)).body).toEqual(first.body)
    const streamed = await frames((await call('POST', `/v1/agents/${id}/messages`, { ...message, streaming: true })).body)
    expect(streamed.frames[0]?.data.run_id).toBe(first.body.messages[0].run_id)
    expect((await call('POST', `/v1/agents/${id}/messages/async`, message)).body.id).toBe(first.body.messages[0].run_id)
    expect(await messagesOf(member)).toBe(1)
    const keyed = () => call('POST', `/v1/agents/${id}/messages`, { input: 'again' }, { 'idempotency-key': 'k-1' })
    expect((await keyed()).body).toEqual((await keyed()).body)
    expect(await messagesOf(member)).toBe(2)
    const part = await call('POST', `/v1/agents/${id}/messages`, {
      messages: [...message.messages, { role: 'user', content: 'new', otid: 'new' }],
    })
    expect(part.status).toBe(409)
    expect((await call('POST', `/v1/agents/${id}/messages`, { input: 'x' }, { 'idempotency-key': 'a b' })).status).toBe(422)
  })

  it('is filtered to the message types that were asked for', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const only = { include_return_message_types: ['assistant_message'] }
    expect(types((await send(call, id, '/think hm\n/say Yes.', only)).body.messages)).toEqual(['assistant_message'])
    const stream = await frames((await send(call, id, '/think hm\n/say Yes.', { ...only, streaming: true, include_pings: false })).body)
    expect(typesOf(stream.frames)).toEqual(['assistant_message', 'stop_reason', 'usage_statistics'])
    expect(types(await list(call, id, 'include_return_message_types=user_message&include_return_message_types=reasoning_message'))).toEqual(
      ['reasoning_message', 'user_message', 'reasoning_message', 'user_message'],
    )
  })

  it('stops at max_steps', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const script = '/call conversation_search {"query": "a"}\n/then\n/call conversation_search {"query": "b"}\n/then\n/say done'
    expect((await send(call, id, script, { max_steps: 1 })).body).toMatchObject({
      stop_reason: { stop_reason: 'max_steps' },
      usage: { step_count: 1 },
    })
  })

  it('runs with another system prompt for this request only', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    for (const key of ['override_system', 'system']) expect((await send(call, id, 'hi', { [key]: 'You are a pirate.' })).status).toBe(200)
    expect((await list(call, id))[0]?.content).not.toContain('pirate')
  })

  const wrong: [what: string, body: Record<string, unknown>, status: number, says: RegExp][] = [
    [
      'both input and messages',
      { input: 'a', messages: [{ role: 'user', content: 'b' }] },
      422,
      /Cannot specify both 'input' and 'messages'\. Use one or the other\./,
    ],
    ['neither input nor messages', {}, 422, /Must specify either 'input' or 'messages'\./],
    ['no messages', { messages: [] }, 422, /messages: must not be empty/],
    ['an empty message', { input: '' }, 422, /must not be empty/],
    ['a message without parts', { messages: [{ role: 'user', content: [] }] }, 422, /must not be empty/],
    ['a message of blank parts', { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }, 422, /must not be empty/],
    ['an unknown role', { messages: [{ role: 'robot', content: 'x' }] }, 422, /role/],
    ['an unknown part', { messages: [{ role: 'user', content: [{ type: 'smell' }] }] }, 422, /content/],
    [
      'two messages with one otid',
      {
        messages: [
          { role: 'user', content: 'a', otid: 'o' },
          { role: 'user', content: 'b', otid: 'o' },
        ],
      },
      422,
      /otid of two messages/,
    ],
    [
      'an approval when nothing waits for one',
      { messages: [{ type: 'approval', approve: true, approval_request_id: 'message-1' }] },
      400,
      /No tool call is currently awaiting approval/,
    ],
    ['an approval without its type', { messages: [{ approvals: [] }] }, 400, /^Cannot process approval response/],
    [
      'a tool return when nothing waits for one',
      { messages: [{ tool_returns: [] }] },
      400,
      /Please send a regular message to interact with the agent\.$/,
    ],
    ['a tool of the client without a name', { input: 'a', client_tools: [{ description: 't' }] }, 422, /client_tools\.0\.name/],
    ['a tool of the client whose name no model takes', { input: 'a', client_tools: [{ name: 'read file' }] }, 422, /function name/],
    ['a skill of the client without a location', { input: 'a', client_skills: [{ name: 'pdf' }] }, 422, /client_skills\.0\.location/],
    ['an approval that says nothing', { messages: [{ type: 'approval', approve: true }] }, 422, /one answer for each call that waits/],
    ['a decision without one', { messages: [{ approvals: [{ tool_call_id: 'call_1' }] }] }, 422, /approvals\.0\.approve/],
    [
      'tools of the client that are too long',
      { input: 'a', client_tools: [{ name: 't', description: 'x'.repeat(1_000_001) }] },
      413,
      /over the limit/,
    ],
    ['stream options without streaming', { input: 'a', stream_tokens: true }, 422, /Streaming options set without streaming enabled/],
    ['no pings without streaming', { input: 'a', include_pings: false }, 422, /Streaming options/],
    ['no steps', { input: 'a', max_steps: 0 }, 422, /max_steps/],
    ['an unknown override model', { input: 'a', override_model: 'nobody/model' }, 404, /nobody/],
    ['a callback to a private address', { input: 'a', callback_url: 'http://10.0.0.1/hook' }, 422, /callback_url.*not a public address/],
    [
      'an image without data',
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'letta', file_id: 'file-1' } }] }] },
      422,
      /brings no data/,
    ],
    ['too much at once', { input: 'x'.repeat(1_000_001) }, 413, /over the limit/],
  ]
  it.each(wrong)('refuses %s and stores nothing', async (_, body, status, says) => {
    const member = await freshOrganization()
    const id = await agent(member.call)
    const answer = await member.call('POST', `/v1/agents/${id}/messages`, body)
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(says)])
    expect(await messagesOf(member)).toBe(0)
    expect((await member.call('GET', '/v1/runs')).body).toEqual([])
  })

  it('accepts every deprecated and unknown field', async () => {
    const { call } = await freshOrganization()
    const more = {
      use_assistant_message: false,
      assistant_message_tool_name: 'send_message',
      assistant_message_tool_kwarg: 'message',
      enable_thinking: 'true',
      client_tools: [],
      client_skills: [],
      include_compaction_messages: true,
      return_logprobs: true,
      top_logprobs: 2,
      return_token_ids: false,
      streaming: null,
      background: null,
      unheard_of: {},
    }
    expect((await send(call, await agent(call), 'hello', more)).status).toBe(200)
  })

  const failures: [kind: string, status: number, type: string][] = [
    ['rate_limit', 429, 'llm_rate_limit'],
    ['auth', 401, 'llm_authentication'],
    ['timeout', 504, 'llm_timeout'],
    ['credits', 402, 'llm_insufficient_credits'],
    ['bad_request', 400, 'llm_bad_request'],
    ['server', 500, 'llm_error'],
  ]
  it.each(failures)(
    'is an HTTP error when the model fails with %s',
    async (kind, status, type) => {
      const { call } = await freshOrganization()
      const id = await agent(call)
      const answer = await send(call, id, `/fail ${kind}`)
      expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([status, 'false'])
      expect(answer.body).toMatchObject({
        detail: expect.any(String),
        run_id: expect.stringMatching(/^run-/),
        error: { type, message: expect.any(String) },
      })
      expect((await call('GET', `/v1/runs/${answer.body.run_id}`)).body).toMatchObject({ status: 'failed' })
      expect((await list(call, id)).map((m) => m.message_type)).toContain('user_message')
    },
    60_000,
  )
})

describe('an asynchronous message', () => {
  it('answers with the run, which completes by itself', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { status, body: run } = await call('POST', `/v1/agents/${id}/messages/async`, {
      input: '/say done',
      include_return_message_types: ['assistant_message'],
    })
    expect(status).toBe(200)
    expect(run).toMatchObject({
      id: expect.stringMatching(/^run-/),
      agent_id: id,
      background: true,
      conversation_id: null,
      metadata: { run_type: 'send_message_async' },
      request_config: { include_return_message_types: ['assistant_message'] },
      callback_url: null,
      callback_sent_at: null,
      base_template_id: null,
    })
    expect(['created', 'running', 'completed']).toContain(run.status)
    await vi.waitFor(async () => expect((await call('GET', `/v1/runs/${run.id}`)).body.status).toBe('completed'), { timeout: 5000 })
    expect(types((await call('GET', `/v1/runs/${run.id}/messages`)).body)).toEqual(['user_message', 'assistant_message'])
  })

  it('is cancelled by run or all at once', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const async = async () => (await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 60s' })).body.id
    const [one, two] = [await async(), await async()]
    expect((await call('POST', `/v1/agents/${id}/messages/cancel`, { run_ids: [two] })).body).toEqual({ [two]: 'cancelled' })
    expect((await call('POST', `/v1/agents/${id}/messages/cancel`)).body).toEqual({ [one]: 'cancelled' })
    const none = await call('POST', `/v1/agents/${id}/messages/cancel`, {})
    expect([none.status, none.body.detail, none.headers.get('x-should-retry')]).toEqual([
      409,
      expect.stringMatching(/^CONFLICT: No active runs to cancel/),
      'false',
    ])
    expect((await call('GET', `/v1/runs/${one}`)).body).toMatchObject({ status: 'cancelled', stop_reason: 'cancelled' })
  })
})
