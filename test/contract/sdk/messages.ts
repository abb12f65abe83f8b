import {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  UnprocessableEntityError,
} from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf, until } from '../api'

const types = (messages: { message_type?: string | null }[]) => messages.map(({ message_type }) => message_type)
const lastDigit = (otid: string | null | undefined) => Number.parseInt(otid?.slice(-1) ?? '', 16)

/** One turn with reasoning, a tool call and an answer. */
const turn = '/think Look it up.\n/call conversation_search {"query":"tea"}\n/then\n/say Found.'

export function messages(api: Api): void {
  const agent = async (fields: object = {}) => {
    const member = await api.member()
    const { id } = await member.client.agents.create({ memory_blocks: [{ label: 'human', value: 'Ada' }], ...fields })
    member.exchanges()
    return { ...member, id, messages: member.client.agents.messages }
  }

  describe('agents.messages', () => {
    it('are answered with what the turn said, its stop reason and its usage', async () => {
      const { client, id, messages } = await agent()
      const [before] = (await messages.list(id)).items
      const otid = crypto.randomUUID()
      const answer = await messages.create(id, { messages: [{ role: 'user', content: turn, otid }] })
      expect(types(answer.messages)).toEqual(['reasoning_message', 'tool_call_message', 'tool_return_message', 'assistant_message'])
      const [reasoning, call, result, said] = answer.messages
      expect(reasoning).toMatchObject({ reasoning: 'Look it up.', source: 'reasoner_model', signature: null, is_err: null, name: null })
      expect(call).toMatchObject({ tool_calls: [{ name: 'conversation_search', arguments: '{"query":"tea"}' }] })
      expect(result).toMatchObject({ status: 'success', name: 'conversation_search', tool_returns: [{ type: 'tool', status: 'success' }] })
      expect(said).toMatchObject({ content: 'Found.' })
      // The parts of one stored message share its id; the last digit of the otid counts them.
      expect(call?.id).toBe(reasoning?.id)
      expect(answer.messages.map((message) => lastDigit('otid' in message ? message.otid : null) % 8)).toEqual([0, 1, 0, 0])
      expect(answer.stop_reason).toEqual({ message_type: 'stop_reason', stop_reason: 'end_turn' })
      expect(answer.usage).toMatchObject({ message_type: 'usage_statistics', step_count: 2, run_ids: null })
      for (const tokens of ['prompt_tokens', 'completion_tokens', 'total_tokens'] as const) expect(answer.usage[tokens]).toBeGreaterThan(0)

      const listed = (await messages.list(id, { after: before?.id, order: 'asc' })).items
      expect(types(listed)).toEqual(['user_message', ...types(answer.messages)])
      expect(listed[0]).toMatchObject({ content: turn, otid })
      const said2 = (message: object) => ({ ...message, date: null })
      expect(listed.slice(1).map(said2)).toEqual(answer.messages.map(said2))
      const [runs] = [new Set(listed.map((message) => message.run_id))]
      expect(runs.size).toBe(1)
      expect(listed.slice(1).every((message) => message.step_id)).toBe(true)
      expect((await client.runs.list({ agent_id: id })).items).toMatchObject([
        { id: [...runs][0], status: 'completed', stop_reason: 'end_turn' },
      ])
      expect(await client.agents.retrieve(id)).toMatchObject({
        last_stop_reason: 'end_turn',
        last_run_completion: expect.stringMatching(/Z$/),
      })
    })

    it('are given as messages or as input, by one of them', async () => {
      const { messages, id } = await agent()
      const parts = await messages.create(id, { input: [{ type: 'text', text: '/say One.' }] })
      expect(parts.messages).toMatchObject([{ content: 'One.' }])
      const both = await failureOf(
        messages.create(id, { input: 'Hi', messages: [{ role: 'user', content: 'Hi' }] }),
        UnprocessableEntityError,
      )
      expect(both.message).toMatch(/input.*messages/)
      await failureOf(messages.create(id, {}), UnprocessableEntityError)
      await failureOf(messages.create(id, { messages: [] }), UnprocessableEntityError)
      await failureOf(messages.create(id, { input: 'Hi', stream_tokens: true }), UnprocessableEntityError)
      const shown = await messages.create(id, {
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }] },
        ],
      })
      expect(shown.messages).toMatchObject([{ content: expect.stringContaining('an image') }])
      const listed = await everyItem(messages.list(id, { order: 'asc' }))
      expect(types(listed).filter((type) => type !== 'assistant_message')).toEqual([
        'system_message',
        'user_message',
        'system_message',
        'user_message',
      ])
      expect(listed.at(-2)).toMatchObject({
        content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', detail: null } }],
      })
    })

    it('are filtered by type in answers and lists', async () => {
      const { messages, id } = await agent()
      const only = { include_return_message_types: ['assistant_message' as const] }
      const answer = await messages.create(id, { input: turn, ...only })
      expect(types(answer.messages)).toEqual(['assistant_message'])
      expect(types((await messages.list(id, only)).items)).toEqual(['assistant_message'])
      const streamed = await everyItem(await messages.create(id, { input: turn, streaming: true, ...only }))
      expect(types(streamed)).toEqual(['ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
    })

    it('page by the SDK’s own paging, each stored message once', async () => {
      const { messages, id } = await agent()
      for (const word of ['one', 'two', 'three']) await messages.create(id, { input: `/say ${word}` })
      const all = (await messages.list(id, { order: 'asc' })).items
      expect(types(all)).toHaveLength(7)
      for (const [order, expected] of [
        ['asc', all],
        ['desc', all.toReversed()],
      ] as const) {
        expect(await everyItem(messages.list(id, { order, limit: 2 }))).toEqual(expected)
      }
      expect((await messages.list(id, { limit: 1 })).items).toMatchObject([{ content: 'three' }])
    })

    it('stop at max_steps', async () => {
      const { messages, id } = await agent()
      const answer = await messages.create(id, { input: turn, max_steps: 1 })
      expect(answer).toMatchObject({ stop_reason: { stop_reason: 'max_steps' }, usage: { step_count: 1 } })
    })

    it('use another model or system prompt for one request', async () => {
      const { messages, id } = await agent()
      expect((await failureOf(messages.create(id, { input: 'Hi', override_model: 'nobody/gpt' }), NotFoundError)).message).toContain(
        'nobody/gpt',
      )
      const answer = await messages.create(id, { input: '/say Yes.', override_model: 'loci/scripted', override_system: 'Be a pirate.' })
      expect(answer.messages).toMatchObject([{ content: 'Yes.' }])
      expect((await messages.list(id, { order: 'asc', limit: 1 })).items[0]).not.toMatchObject({
        content: expect.stringContaining('pirate'),
      })
    })

    it('of the older kinds of agents are what they say through send_message', async () => {
      const { messages, id } = await agent({ agent_type: 'memgpt_v2_agent' })
      const input = '/call send_message {"message":"Hello"}'
      const spoken = await messages.create(id, { input })
      expect(spoken).toMatchObject({
        messages: [{ message_type: 'assistant_message', content: 'Hello' }],
        stop_reason: { stop_reason: 'tool_rule' },
      })
      const streamed = await everyItem(await messages.create(id, { input, streaming: true, stream_tokens: true }))
      expect(streamed.map((frame) => (frame.message_type === 'assistant_message' ? frame.content : '')).join('')).toBe('Hello')
      const raw = await messages.create(id, { input, use_assistant_message: false })
      expect(types(raw.messages)).toEqual(['tool_call_message', 'tool_return_message'])
      expect(types((await messages.list(id, { order: 'asc', limit: 3 })).items)).toEqual([
        'system_message',
        'user_message',
        'assistant_message',
      ])
    })

    it('begin with those that the agent was created with', async () => {
      const { messages, id } = await agent({
        initial_message_sequence: [
          { role: 'assistant', content: 'Welcome.' },
          { role: 'user', content: 'Thanks.' },
        ],
      })
      const listed = (await messages.list(id, { order: 'asc' })).items
      expect(types(listed)).toEqual(['system_message', 'assistant_message', 'user_message'])
      expect(listed.slice(1)).toMatchObject([{ content: 'Welcome.' }, { content: 'Thanks.' }])
    })

    it('sent again under their otid are the same run, in every mode, and one request is enough', async () => {
      const { client, messages, id } = await agent()
      const message = { role: 'user' as const, content: '/wait 300ms\n/say Once.', otid: crypto.randomUUID() }
      const first = messages.create(id, { messages: [message] })
      const again = await messages.create(id, { messages: [message] })
      expect((await first).messages).toEqual(again.messages)
      const streamed = await everyItem(await messages.create(id, { messages: [message], streaming: true, background: true }))
      const run = await messages.createAsync(id, { messages: [message] })
      expect(streamed.find(({ message_type }) => message_type === 'ping')).toMatchObject({ run_id: run.id })
      expect(streamed.find(({ message_type }) => message_type === 'assistant_message')).toMatchObject({ id: again.messages[0]?.id })
      expect((await client.runs.list({ agent_id: id })).items.map((one) => one.id)).toEqual([run.id])
      expect(types((await messages.list(id, { order: 'asc' })).items)).toEqual(['system_message', 'user_message', 'assistant_message'])
    })

    it('that are answers to an approval find none pending', async () => {
      const { messages, id } = await agent()
      const approval = { type: 'approval' as const, approvals: [{ type: 'approval' as const, tool_call_id: 'call_1', approve: true }] }
      const error = await failureOf(messages.create(id, { messages: [approval] }), BadRequestError)
      expect(error.message).toContain('No tool call is currently awaiting approval')
    })

    it('whose model fails are an error of the kind, sent once, and a failed run that keeps the message', async () => {
      const { client, messages, id, exchanges } = await agent()
      for (const [kind, type, error_type] of [
        ['auth', AuthenticationError, 'llm_authentication'],
        ['bad_request', BadRequestError, 'llm_bad_request'],
        ['credits', APIError, 'llm_insufficient_credits'],
      ] as const) {
        const error = await failureOf(messages.create(id, { input: `/fail ${kind}` }), type)
        expect(error.error).toMatchObject({
          detail: expect.stringMatching(/scripted/),
          error: { type: error_type },
          run_id: expect.stringMatching(/^run-/),
        })
      }
      expect(exchanges().map(({ headers }) => headers.get('x-should-retry'))).toEqual(['false', 'false', 'false'])
      const failed = (await client.runs.list({ agent_id: id, statuses: ['failed'] })).items
      expect(failed).toHaveLength(3)
      expect(failed[0]).toMatchObject({ stop_reason: 'llm_api_error', metadata: { error: { type: 'llm_insufficient_credits' } } })
      expect(types((await messages.list(id)).items).filter((type) => type === 'user_message')).toHaveLength(3)
      const transient = await failureOf(messages.create(id, { input: '/fail server' }), InternalServerError)
      expect(transient.error).toMatchObject({ error: { type: 'llm_error' } })
      expect(exchanges().filter(({ method }) => method === 'POST')).toHaveLength(1)
      expect(await messages.create(id, { input: '/fail server 1 1ms\n/say Recovered.' })).toMatchObject({
        messages: [{ content: 'Recovered.' }],
      })
    })

    it('cancel what is in progress; when nothing is, that is a conflict and one request', async () => {
      const { client, messages, id, exchanges } = await agent()
      const run = await messages.createAsync(id, { input: '/wait 60s\n/say Never.' })
      await until(async () => (await client.runs.retrieve(run.id)).status === 'running')
      expect(await messages.cancel(id, { run_ids: [run.id] })).toEqual({ [run.id]: 'cancelled' })
      expect(await client.runs.retrieve(run.id)).toMatchObject({
        status: 'cancelled',
        stop_reason: 'cancelled',
        completed_at: expect.stringMatching(/Z$/),
      })
      expect((await client.runs.list({ agent_id: id, stop_reason: 'cancelled', limit: 1 })).items).toMatchObject([{ id: run.id }])
      exchanges()
      const error = await failureOf(messages.cancel(id), ConflictError)
      expect(error.message).toContain('No active runs to cancel')
      expect(exchanges().map(({ headers }) => headers.get('x-should-retry'))).toEqual(['false'])
      expect(await messages.create(id, { input: '/say Free.' })).toMatchObject({ messages: [{ content: 'Free.' }] })
    })

    it('are sent to the background as a run', async () => {
      const { client, messages, id } = await agent()
      const run = await messages.createAsync(id, { input: turn })
      expect(run).toMatchObject({
        id: expect.stringMatching(/^run-/),
        agent_id: id,
        status: 'created',
        background: true,
        metadata: { run_type: 'send_message_async' },
        completed_at: null,
        callback_url: null,
      })
      const ended = await until(async () => {
        const now = await client.runs.retrieve(run.id)
        return now.status === 'completed' ? now : null
      })
      expect(ended).toMatchObject({
        stop_reason: 'end_turn',
        completed_at: expect.stringMatching(/Z$/),
        total_duration_ns: expect.any(Number),
      })
      const said = await client.runs.messages.list(run.id)
      expect(types(said.items)).toEqual([
        'user_message',
        'reasoning_message',
        'tool_call_message',
        'tool_return_message',
        'assistant_message',
      ])
      const list = await client.runs.list({ agent_ids: [id], background: true })
      expect(list.items.map((one) => one.id)).toEqual([run.id])
    })

    it('reset the context and stay in the history', async () => {
      const { client, messages, id } = await agent()
      await messages.create(id, { input: '/say Kept.' })
      const state = await messages.reset(id, { add_default_initial_messages: true })
      expect(state).toMatchObject({ id, message_ids: [expect.stringMatching(/^message-/)] })
      expect(types((await messages.list(id)).items)).toContain('assistant_message')
      expect((await client.agents.retrieve(id)).message_ids).toHaveLength(1)
    })
  })
}
