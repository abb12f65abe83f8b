import { describe, expect, it } from 'vitest'
import { giveTools } from '../support/agent'
import { type Answer, type Call, freshOrganization } from '../support/client'
import { readFrames, typesOf } from '../support/sse'

type Message = Record<string, unknown> & { id: string; message_type: string; tool_calls?: { tool_call_id: string }[] }

const insert = '/call memory_insert {"label":"human","new_string":"tea"}'
const rule = { type: 'requires_approval', tool_name: 'memory_insert' }

async function agent(): Promise<{ call: Call; id: string; send: (body: object) => Promise<Answer<Record<string, never>>> }> {
  const member = await freshOrganization()
  const { call } = member
  const { body } = await call('POST', '/v1/agents', { memory_blocks: [{ label: 'human', value: 'Ada' }], tool_rules: [rule] })
  await giveTools(member, body.id, ['send_message'])
  return { call, id: body.id, send: (request) => call('POST', `/v1/agents/${body.id}/messages`, request) }
}
const idsIn = (messages: Message[]) => (messages.at(-1)?.tool_calls ?? []).map((each) => each.tool_call_id)
const frames = (body: string) => readFrames(new Response(body).body as ReadableStream<Uint8Array>)

describe('an agent that waits for approval', () => {
  it('refuses messages with the 409 that clients know, whether they stream or not, and is told not to be retried', async () => {
    const { send } = await agent()
    const asked: Answer = await send({ input: insert })
    const { messages } = asked.body as { messages: Message[] }
    for (const mode of [{}, { streaming: true }, { streaming: true, stream_tokens: true, background: true }]) {
      const answer = await send({ input: 'hello?', ...mode })
      expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([409, 'false'])
      expect(answer.body).toMatchObject({
        code: 'PENDING_APPROVAL',
        pending_request_id: messages.at(-1)?.id,
        detail:
          'CONFLICT: Cannot send a new message: The agent is waiting for approval on a tool call. Please approve or deny the pending request before continuing.',
      })
    }
  })

  it('shows what waits when it is asked to, and nothing once it is answered', async () => {
    const { call, id, send } = await agent()
    const shown = async (query = '?include=agent.pending_approval') => (await call('GET', `/v1/agents/${id}${query}`)).body.pending_approval
    expect(await shown()).toBeNull()
    const asked: Answer = await send({ input: insert })
    const { messages } = asked.body as { messages: Message[] }
    expect(await shown()).toMatchObject({
      id: messages.at(-1)?.id,
      message_type: 'approval_request_message',
      tool_calls: [{ name: 'memory_insert' }],
    })
    expect(await shown('?include=agent.tools')).toBeNull()
    const [listed] = (await call('GET', '/v1/agents?include=agent.pending_approval')).body
    expect(listed.pending_approval).toEqual(await shown())
    expect((await call('PATCH', `/v1/agents/${id}`, { name: 'Eve' })).body.pending_approval).toEqual(await shown())
    expect((await call('GET', `/v1/agents/${id}/context`)).status).toBe(200)
    await send({ messages: [{ type: 'approval', approve: false, approval_request_id: idsIn(messages)[0], reason: 'no' }] })
    expect(await shown()).toBeNull()
  })

  it('is freed by cancel and by a reset', async () => {
    const { call, id, send } = await agent()
    await send({ input: insert })
    expect(Object.values((await call('POST', `/v1/agents/${id}/messages/cancel`)).body)).toEqual(['cancelled'])
    await send({ input: insert })
    const reset = await call('PATCH', `/v1/agents/${id}/reset-messages`, {})
    expect(reset.body).toMatchObject({ pending_approval: null, last_stop_reason: 'cancelled' })
    expect((await send({ input: '/say on' })).status).toBe(200)
  })

  it.each([
    ['approvals', (id: string) => ({ type: 'approval', approvals: [{ type: 'approval', tool_call_id: id, approve: true }] }), 'success'],
    ['approvals without types', (id: string) => ({ approvals: [{ tool_call_id: id, approve: true }] }), 'success'],
    ['the old single form', (id: string) => ({ type: 'approval', approve: true, approval_request_id: id }), 'success'],
    ['a refusal in the old form', (id: string) => ({ approve: false, approval_request_id: id, reason: 'no' }), 'error'],
    [
      'a result',
      (id: string) => ({ type: 'approval', approvals: [{ type: 'tool', tool_call_id: id, tool_return: 'x', status: 'error' }] }),
      'error',
    ],
    [
      'tool returns',
      (id: string) => ({ type: 'tool_return', tool_returns: [{ tool_call_id: id, tool_return: [{ type: 'text', text: 'x' }] }] }),
      'success',
    ],
  ])('takes %s', async (_, item, status) => {
    const { send } = await agent()
    const asked: Answer = await send({ input: `${insert}\n/then\n/say done` })
    const [id = ''] = idsIn((asked.body as { messages: Message[] }).messages)
    const answer: Answer = await send({ messages: [item(id)] })
    expect(answer.body).toMatchObject({
      messages: [{ message_type: 'tool_return_message', status, tool_call_id: id }, { content: 'done' }],
      stop_reason: { stop_reason: 'end_turn' },
    })
  })
})

describe('the stream of a run that waits', () => {
  it.each([
    ['steps', {}],
    ['tokens', { stream_tokens: true }],
    ['tokens in the background', { stream_tokens: true, background: true }],
  ])('of %s ends with the request, its stop reason and usage', async (_, mode) => {
    const { send } = await agent()
    const asked: Answer = await send({ input: `/say Hm.\n/call send_message {"message":"hi"}\n${insert}`, streaming: true, ...mode })
    const { frames: seen, done } = await frames(asked.body as string)
    const kinds = typesOf(seen).filter((type, i, all) => type !== all[i - 1])
    expect([done, kinds]).toEqual([
      true,
      ['ping', 'assistant_message', 'tool_call_message', 'approval_request_message', 'stop_reason', 'usage_statistics'],
    ])
    expect(seen.at(-2)?.data).toMatchObject({ stop_reason: 'requires_approval' })
    const pieces = seen.flatMap(({ data }) => (data.message_type === 'approval_request_message' ? [data] : []))
    expect(new Set(pieces.map((piece) => `${piece.id} ${piece.otid}`)).size).toBe(1)
    expect(Array.isArray(pieces[0]?.tool_calls)).toBe(!('stream_tokens' in mode))
  })
})

describe('a conversation', () => {
  it('waits for itself alone: others of the agent go on', async () => {
    const { call, id, send } = await agent()
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`, {})).body.id
    const path = `/v1/conversations/${conversation}`
    await call('POST', `${path}/messages`, { input: insert, streaming: false })
    expect((await call('POST', `${path}/messages`, { input: 'hello?', streaming: false })).status).toBe(409)
    expect((await send({ input: '/say on' })).status).toBe(200)
    expect(Object.values((await call('POST', `${path}/cancel`)).body)).toEqual(['cancelled'])
    expect((await call('POST', `${path}/messages`, { input: '/say on', streaming: false })).status).toBe(200)
    const listed: Message[] = (await call('GET', `${path}/messages?order=asc`)).body
    expect(typesOf(listed.map((data) => ({ data })) as never).slice(0, 5)).toEqual([
      'system_message',
      'user_message',
      'approval_request_message',
      'approval_response_message',
      'tool_return_message',
    ])
  })
})
