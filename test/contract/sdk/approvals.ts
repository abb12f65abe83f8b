import { BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import type { LettaResponse } from '@letta-ai/letta-client/resources/agents/messages'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf, until } from '../api'

const types = (messages: { message_type?: string | null }[]) => messages.map(({ message_type }) => message_type)
const insert = (text: string) => `/call memory_insert {"label":"human","new_string":"${text}"}`
const secret = { name: 'get_secret', description: 'Tells the secret.', parameters: { type: 'object', properties: {}, required: [] } }

const requestIn = (response: LettaResponse) => {
  const last = response.messages.at(-1)
  if (last?.message_type !== 'approval_request_message' || !Array.isArray(last.tool_calls)) throw new Error('nothing was asked for')
  return { id: last.id, calls: last.tool_calls, ids: last.tool_calls.map((call) => call.tool_call_id) }
}
const returnsIn = (response: LettaResponse) =>
  response.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))
const yes = (id = '') => ({ type: 'approval' as const, tool_call_id: id, approve: true })
const no = (id = '', reason = '') => ({ type: 'approval' as const, tool_call_id: id, approve: false, reason })
const done = (id = '', tool_return = '') => ({ type: 'tool' as const, tool_call_id: id, tool_return, status: 'success' as const })

export function approvals(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { client } = member
    const { id } = await client.agents.create({ memory_blocks: [{ label: 'human', value: 'Ada' }] })
    await client.agents.tools.updateApproval('memory_insert', { agent_id: id, body_requires_approval: true })
    member.exchanges()
    const { messages } = client.agents
    const say = (input: string, more: object = {}) => messages.create(id, { input, ...more }) as Promise<LettaResponse>
    const answer = (given: ReturnType<typeof yes | typeof no | typeof done>[], more: object = {}) =>
      messages.create(id, { messages: [{ type: 'approval', approvals: given }], ...more }) as Promise<LettaResponse>
    const since = async (cursor: string | undefined) => (await messages.list(id, { after: cursor, order: 'asc' })).items
    return { ...member, id, messages, say, answer, since }
  }

  describe('approvals', () => {
    it('are asked for by a message, in the agent while they wait, and given by its calls', async () => {
      const { client, id, messages, say, answer, since } = await agent()
      const [before] = (await messages.list(id)).items
      const asked = await say(`${insert('tea')}\n/then\n/say Noted.`)
      expect(asked.stop_reason.stop_reason).toBe('requires_approval')
      const { id: request, calls, ids } = requestIn(asked)
      expect(asked.messages.at(-1)).toMatchObject({ otid: request, tool_call: calls[0] })
      expect(calls).toMatchObject([{ name: 'memory_insert', arguments: '{"label":"human","new_string":"tea"}' }])
      const waiting = await client.agents.retrieve(id, { include: ['agent.pending_approval'] })
      expect(waiting).toMatchObject({ pending_approval: { id: request, tool_calls: calls }, last_stop_reason: 'requires_approval' })
      const [run] = (await client.runs.list({ agent_id: id })).items
      expect(run).toMatchObject({ status: 'completed', stop_reason: 'requires_approval' })

      const given = await answer([yes(ids[0])])
      expect(given.messages[0]).toMatchObject({ message_type: 'tool_return_message', status: 'success', tool_call_id: ids[0] })
      expect(given).toMatchObject({ messages: [{}, { content: 'Noted.' }], stop_reason: { stop_reason: 'end_turn' } })
      expect(await client.agents.retrieve(id, { include: ['agent.pending_approval'] })).toMatchObject({
        pending_approval: null,
        last_stop_reason: 'end_turn',
      })
      const [, , response, result] = await since(before?.id)
      expect(response).toMatchObject({
        message_type: 'approval_response_message',
        approve: true,
        approval_request_id: ids[0],
        approvals: [{ type: 'approval', approve: true, tool_call_id: ids[0] }],
      })
      expect(result).toMatchObject({ message_type: 'tool_return_message', tool_call_id: ids[0] })
      expect((await say('/say And on.')).messages).toMatchObject([{ content: 'And on.' }])
    })

    it('keep other messages out, in one request, and take no other calls', async () => {
      const { say, answer, exchanges } = await agent()
      const { id: request, ids } = requestIn(await say(insert('tea')))
      exchanges()
      const busy = await failureOf(say('Hello?'), ConflictError)
      expect(busy.message).toContain('Please approve or deny the pending request before continuing')
      expect(busy.error).toMatchObject({ code: 'PENDING_APPROVAL', pending_request_id: request })
      await failureOf(say('Hello?', { streaming: true }), ConflictError)
      expect(exchanges()).toHaveLength(2)
      expect((await failureOf(answer([yes('call_other')]), BadRequestError)).message).toContain('Invalid tool call IDs')
      await answer([yes(ids[0])])
    })

    it('are refused with a reason that the model reads', async () => {
      const { client, id, say, answer, since } = await agent()
      const asked = await say(insert('tea'))
      const { ids } = requestIn(asked)
      const given = await answer([no(ids[0], 'Cancelled by Ada')])
      expect(given.messages.at(-1)).toMatchObject({ content: expect.stringContaining('Cancelled by Ada') })
      const [response, result] = await since(asked.messages.at(-1)?.id)
      expect(response).toMatchObject({
        approve: false,
        reason: 'Cancelled by Ada',
        approvals: [{ approve: false, reason: 'Cancelled by Ada' }],
      })
      expect(result).toMatchObject({ status: 'error' })
      expect((await client.agents.blocks.retrieve('human', { agent_id: id })).value).toBe('Ada')
      expect((await say('/say On.')).stop_reason.stop_reason).toBe('end_turn')
    })

    it('of a batch are mixed: calls that need none ran at once, all results are one message', async () => {
      const { say, answer, since } = await agent()
      const asked = await say(
        `/say Well.\n/call conversation_search {"query":"tea"}\n${insert('a')}\n${insert('b')}\n/call get_secret {}\n/then\n/say Done.`,
        {
          client_tools: [secret],
        },
      )
      expect(types(asked.messages)).toEqual(['assistant_message', 'tool_call_message', 'approval_request_message'])
      const { ids } = requestIn(asked)
      expect(ids).toHaveLength(3)
      const given = await answer([yes(ids[0]), no(ids[1], 'one is enough'), done(ids[2], '4711')])
      expect(types(given.messages)).toEqual(['tool_return_message', 'assistant_message'])
      expect(returnsIn(given).map(({ status, tool_call_id }) => [ids.indexOf(tool_call_id), status])).toEqual([
        [-1, 'success'],
        [0, 'success'],
        [1, 'error'],
        [2, 'success'],
      ])
      expect(types(await since(asked.messages.at(-1)?.id))).toEqual([
        'approval_response_message',
        'tool_return_message',
        'assistant_message',
      ])
    })

    it('are streamed: the request is the last message, its result the first', async () => {
      const { id, messages } = await agent()
      const stream = async (params: object) => everyItem(await messages.create(id, { streaming: true, ...params }))
      for (const mode of [{}, { stream_tokens: true }, { stream_tokens: true, background: true }]) {
        const frames = await stream({ input: `/say Well.\n${insert('tea')}\n/then\n/say Noted.`, ...mode })
        const folded = types(frames).filter((type, i, all) => type !== all[i - 1])
        expect(folded).toEqual(['ping', 'assistant_message', 'approval_request_message', 'stop_reason', 'usage_statistics'])
        const request = frames.find((frame) => frame.message_type === 'approval_request_message')
        const call = request && 'tool_call' in request ? request.tool_call : null
        const answered = await stream({ messages: [{ type: 'approval', approvals: [yes(call?.tool_call_id ?? '')] }], ...mode })
        expect(types(answered).filter((type, i, all) => type !== all[i - 1])).toEqual([
          'ping',
          'tool_return_message',
          'assistant_message',
          'stop_reason',
          'usage_statistics',
        ])
      }
    })

    it('that were given are not carried out twice, and a cancel in between leaves a result', async () => {
      const { client, id, messages, say, answer, since } = await agent()
      const asked = await say(`${insert('tea')}\n/then\n/wait 60s\n/say Never.`)
      const { ids } = requestIn(asked)
      const approval = { type: 'approval' as const, approvals: [yes(ids[0])] }
      const stream = await messages.create(id, { messages: [approval], streaming: true, background: true })
      const frames: unknown[] = []
      for await (const frame of stream) {
        frames.push(frame.message_type === 'stop_reason' ? frame.stop_reason : frame.message_type)
        if (frame.message_type === 'tool_return_message') await messages.cancel(id)
      }
      expect(frames.filter((frame) => frame === 'cancelled')).toHaveLength(1)
      const [run] = await until(async () => {
        const { items } = await client.runs.list({ agent_id: id, stop_reason: 'cancelled', limit: 1 })
        return items.length > 0 && items
      })
      expect(run).toMatchObject({ status: 'cancelled' })
      expect(types(await since(asked.messages.at(-1)?.id))).toEqual(['approval_response_message', 'tool_return_message'])
      const again = await answer([yes(ids[0])])
      expect(again.stop_reason.stop_reason).toBe('end_turn')
      expect(JSON.stringify(await since(asked.messages.at(-1)?.id))).toContain('keep-alive')
      expect((await client.agents.blocks.retrieve('human', { agent_id: id })).value).toBe('Ada\ntea')
    })

    it('that nobody gives are ended by cancel', async () => {
      const { client, id, messages, say } = await agent()
      await say(insert('tea'))
      const [run] = (await client.runs.list({ agent_id: id })).items
      expect(await messages.cancel(id)).toEqual({ [run?.id ?? '']: 'cancelled' })
      expect(await client.runs.retrieve(run?.id ?? '')).toMatchObject({ status: 'cancelled', stop_reason: 'cancelled' })
      expect((await say('/say On.')).messages).toMatchObject([{ content: 'On.' }])
    })

    it('are needed or not, as the agent’s rules say', async () => {
      const { client, id, say } = await agent()
      const { tools } = client.agents
      expect(await tools.updateApproval('memory_insert', { agent_id: id, body_requires_approval: false })).toBeNull()
      expect(types((await say(`${insert('tea')}\n/then\n/say Noted.`)).messages)).toEqual([
        'tool_call_message',
        'tool_return_message',
        'assistant_message',
      ])
      await failureOf(tools.updateApproval('nothing', { agent_id: id, body_requires_approval: true }), NotFoundError)
    })
  })

  describe('client tools', () => {
    it('end the turn, take their result, and are remembered', async () => {
      const { say, answer, since } = await agent()
      const client_tools = [secret]
      const asked = await say('/call get_secret {}\n/then\n/say Thanks.', { client_tools })
      expect(asked).toMatchObject({ stop_reason: { stop_reason: 'requires_approval' } })
      const { ids } = requestIn(asked)
      const given = await answer([done(ids[0], 'The secret is 4711.')], { client_tools })
      expect(given.messages[0]).toMatchObject({
        message_type: 'tool_return_message',
        status: 'success',
        tool_return: 'The secret is 4711.',
        name: 'get_secret',
      })
      expect(given.stop_reason.stop_reason).toBe('end_turn')
      expect(types(await since(undefined))).toEqual([
        'system_message',
        'user_message',
        'approval_request_message',
        'approval_response_message',
        'tool_return_message',
        'assistant_message',
      ])
    })

    it('stand in for the agent’s own in the request that brings them', async () => {
      const { client, id, say, answer } = await agent()
      const mine = { ...secret, name: 'conversation_search' }
      const script = '/call conversation_search {"query":"tea"}\n/then\n/say Done.'
      const { ids } = requestIn(await say(script, { client_tools: [mine] }))
      expect(returnsIn(await answer([done(ids[0], 'mine')]))).toMatchObject([{ tool_return: 'mine' }])
      expect(returnsIn(await say(script))).toMatchObject([{ tool_return: expect.stringContaining('results') }])
      await failureOf(client.agents.messages.create(id, { input: 'Hi', client_tools: [{ name: 'no spaces' }] }), UnprocessableEntityError)
    })

    it('may fail: the agent reads the error and goes on', async () => {
      const { say, answer } = await agent()
      const { ids } = requestIn(await say('/call get_secret {}', { client_tools: [secret] }))
      const given = await answer([{ ...done(ids[0], 'No such file'), status: 'error' as never }])
      expect(given.messages).toMatchObject([{ status: 'error' }, { content: expect.stringContaining('No such file') }])
    })
  })
}
