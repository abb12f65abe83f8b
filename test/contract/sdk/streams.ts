import { APIError, BadRequestError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import type { LettaStreamingResponse } from '@letta-ai/letta-client/resources/agents/messages'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf, until } from '../api'

type Frame = LettaStreamingResponse & {
  id?: string
  otid?: string | null
  run_id?: string | null
  seq_id?: number | null
  tool_call?: object
  tool_calls?: unknown
}

const types = (frames: { message_type?: string | null }[]) => frames.map(({ message_type }) => message_type)
const unpinged = (frames: Frame[]) => frames.filter(({ message_type }) => message_type !== 'ping')
const textOf = (frames: Frame[]) => frames.map((frame) => (frame.message_type === 'assistant_message' ? frame.content : '')).join('')

const turn = '/stream 4\n/think Look it up.\n/call conversation_search {"query":"tea"}\n/then\n/stream 4\n/say Found nothing about it.'

export function streams(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { id } = await member.client.agents.create({})
    const stream = async (params: object) =>
      (await everyItem(await member.client.agents.messages.create(id, { streaming: true, input: turn, ...params }))) as Frame[]
    return { ...member, id, stream }
  }

  describe('streams', () => {
    it('by step: a ping with the run, whole messages, stop reason, usage', async () => {
      const { client, id, stream } = await agent()
      const frames = await stream({})
      expect(types(frames)).toEqual([
        'ping',
        'reasoning_message',
        'tool_call_message',
        'tool_return_message',
        'assistant_message',
        'stop_reason',
        'usage_statistics',
      ])
      const [ping, , call] = frames
      expect(ping).toMatchObject({ id: expect.stringMatching(/^ping-/), run_id: expect.stringMatching(/^run-/), seq_id: 1, step_id: null })
      expect(call).toMatchObject({ tool_call: { name: 'conversation_search' }, tool_calls: [{ name: 'conversation_search' }] })
      expect(frames.at(-2)).toMatchObject({ stop_reason: 'end_turn' })
      expect(frames.at(-1)).toMatchObject({ step_count: 2, run_ids: null })
      expect(await client.runs.retrieve(ping?.run_id ?? '')).toMatchObject({ agent_id: id, status: 'completed', background: false })
      expect(types(await stream({ include_pings: false }))).toEqual(types(unpinged(frames)))
    })

    it('by token: pieces that share id and otid and add up to what is listed', async () => {
      const { client, id, stream } = await agent()
      const frames = unpinged(await stream({ stream_tokens: true }))
      const said = frames.filter(({ message_type }) => message_type === 'assistant_message')
      expect(said.length).toBeGreaterThan(3)
      expect(new Set(said.map((frame) => `${frame.id} ${frame.otid}`)).size).toBe(1)
      const calls = frames.filter((frame) => frame.message_type === 'tool_call_message')
      expect(calls.length).toBeGreaterThan(1)
      for (const [i, { tool_call = {}, tool_calls }] of calls.entries()) {
        expect(tool_calls).toEqual(tool_call)
        expect(Object.keys(tool_call).sort()).toEqual(i === 0 ? ['name', 'tool_call_id'] : ['arguments', 'tool_call_id'])
      }
      expect(frames.filter(({ message_type }) => message_type === 'tool_return_message')).toMatchObject([
        { tool_returns: [{ status: 'success' }] },
      ])
      const listed = (await client.agents.messages.list(id, { order: 'asc' })).items.slice(2)
      expect(textOf(frames)).toBe('Found nothing about it.')
      expect([...new Set(frames.slice(0, -2).map((frame) => `${frame.id} ${frame.otid} ${frame.message_type}`))]).toEqual(
        listed.map((message) => `${message.id} ${'otid' in message ? message.otid : ''} ${message.message_type}`),
      )
    })

    it('of a background run are dense, and taken up again from any place', async () => {
      const { client, id, stream } = await agent()
      const frames = await stream({ background: true, stream_tokens: true })
      const run_id = frames[0]?.run_id ?? ''
      const numbered = frames.flatMap(({ seq_id }) => seq_id ?? [])
      expect(numbered).toEqual(numbered.map((_, i) => i + 1))
      expect((await client.runs.list({ agent_ids: [id], background: true })).items[0]).toMatchObject({ id: run_id, status: 'completed' })
      const again = async (starting_after: number) =>
        (await everyItem(await client.runs.messages.stream(run_id, { starting_after }))) as Frame[]
      const content = (list: Frame[]) =>
        unpinged(list).map(({ message_type, seq_id, ...frame }) => ({ message_type, seq_id, otid: frame.otid }))
      expect(content(await again(0))).toEqual(content(frames))
      const cursor = frames.filter(({ message_type }) => message_type === 'assistant_message').at(-2)?.seq_id ?? 0
      const rest = unpinged(await again(cursor))
      expect(types(rest)).toEqual(['assistant_message', 'stop_reason', 'usage_statistics'])
      expect(rest[0]?.seq_id).toBe(cursor + 1)
      expect(unpinged(await again(frames.length + 10))).toEqual([])
    })

    it('of any run are followed live by a second reader, also when the first has left', async () => {
      const { client, id } = await agent()
      const first = await client.agents.messages.create(id, {
        input: '/say Before.\n/wait 1500ms\n/say After.',
        streaming: true,
        stream_tokens: true,
      })
      let run_id = ''
      for await (const frame of first) {
        run_id = (frame as Frame).run_id ?? ''
        if (frame.message_type === 'assistant_message') break
      }
      const followed = (await everyItem(await client.conversations.messages.stream('default', { agent_id: id }))) as Frame[]
      expect(textOf(followed)).toBe('Before.\nAfter.')
      expect(types(followed).slice(-2)).toEqual(['stop_reason', 'usage_statistics'])
      expect(await client.runs.retrieve(run_id)).toMatchObject({ status: 'completed' })
    })

    it('cancelled: what was said is kept, and there is one stop reason', async () => {
      const { client, id } = await agent()
      const reader = await client.agents.messages.create(id, {
        input: '/say Half\n/wait 60s\n/say whole',
        streaming: true,
        background: true,
        stream_tokens: true,
      })
      const frames: Frame[] = []
      for await (const frame of reader) {
        frames.push(frame as Frame)
        if (frame.message_type === 'assistant_message') await client.agents.messages.cancel(id)
      }
      const stops = frames.filter((frame) => frame.message_type === 'stop_reason')
      expect(stops).toMatchObject([{ stop_reason: 'cancelled' }])
      expect(textOf(frames)).toBe('Half')
      const run_id = frames[0]?.run_id ?? ''
      expect(await client.runs.retrieve(run_id)).toMatchObject({ status: 'cancelled', stop_reason: 'cancelled' })
      const replay = (await everyItem(await client.runs.messages.stream(run_id))) as Frame[]
      expect(types(unpinged(replay))).toEqual(types(unpinged(frames)))
      expect((await client.runs.messages.list(run_id)).items.at(-1)).toMatchObject({ message_type: 'assistant_message', content: 'Half' })
    })

    it('whose model fails end with an error that the SDK throws, after the stop reason', async () => {
      const { client, id, exchanges } = await agent()
      const frames: Frame[] = []
      const read = async () => {
        for await (const frame of await client.agents.messages.create(id, { input: '/fail auth', streaming: true }))
          frames.push(frame as Frame)
      }
      exchanges()
      const error = await failureOf(read(), APIError)
      expect(error.status).toBeUndefined()
      expect(error.error).toMatchObject({ message_type: 'error_message', error_type: 'llm_authentication', run_id: frames[0]?.run_id })
      expect(frames.at(-1)).toMatchObject({ message_type: 'stop_reason', stop_reason: 'llm_api_error' })
      expect(exchanges()).toMatchObject([{ status: 200 }])
    })

    it('that cannot begin are plain errors', async () => {
      const { client, id } = await agent()
      const create = client.agents.messages
      await failureOf(create.create(id, { input: '', streaming: true }), UnprocessableEntityError)
      await failureOf(
        create.create(
          id.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
          { input: 'Hi', streaming: true },
        ),
        NotFoundError,
      )
      const idle = await failureOf(client.conversations.messages.stream('default', { agent_id: id }), BadRequestError)
      expect(idle.message).toContain('No active runs found for this conversation.')
    })

    it('through the older method', async () => {
      const { client, id } = await agent()
      const frames = (await everyItem(
        await client.agents.messages.stream(id, { messages: [{ role: 'user', content: '/say Old.' }] }),
      )) as Frame[]
      expect(types(frames)).toEqual(['ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
    })

    it('leave no run behind that does not end', async () => {
      const { client, id, stream } = await agent()
      await Promise.all([1, 2, 3].map(() => stream({ input: '/say Hi.' })))
      const runs = await until(async () => {
        const { items } = await client.runs.list({ agent_id: id })
        return items.every(({ status }) => status === 'completed') && items
      })
      expect(runs).toHaveLength(3)
      expect((await client.runs.list({ active: true })).items).toEqual([])
    })
  })
}
