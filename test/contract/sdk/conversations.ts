import { BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf, until } from '../api'

const ids = (rows: { id?: string }[]) => rows.map(({ id }) => id)
const types = (messages: { message_type?: string | null }[]) => messages.map(({ message_type }) => message_type)
const unknown = 'conv-00000000-0000-4000-8000-00000000dead'

export function conversations(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { id } = await member.client.agents.create({ memory_blocks: [{ label: 'human', value: 'Ada' }] })
    const say = async (conversation: string, input: string, params: object = {}) =>
      everyItem(await member.client.conversations.messages.create(conversation, { input, ...params }))
    const all = async (conversation: string) => (await member.client.conversations.messages.list(conversation, { order: 'asc' })).items
    return { ...member, id, say, all, conversations: member.client.conversations }
  }

  describe('conversations', () => {
    it('are created with a system message of their own', async () => {
      const { id, conversations, all } = await agent()
      const made = await conversations.create({
        agent_id: id,
        summary: 'Tea',
        description: 'About tea',
        hidden: false,
        context_window_limit: 9000,
      })
      expect(made).toMatchObject({
        id: expect.stringMatching(/^conv-/),
        agent_id: id,
        summary: 'Tea',
        description: 'About tea',
        model: null,
      })
      expect(made).toMatchObject({
        archived: false,
        archived_at: null,
        last_message_at: null,
        context_window_limit: 9000,
        isolated_block_ids: [],
      })
      expect(await conversations.retrieve(made.id)).toEqual(made)
      const [system, ...others] = await all(made.id)
      expect(others).toEqual([])
      expect(system).toMatchObject({ message_type: 'system_message', content: expect.stringMatching(`Ada[^]*CONVERSATION_ID: ${made.id}`) })
      expect(made.in_context_message_ids).toEqual([system?.id])
      await failureOf(conversations.create({ agent_id: id.replace(/.{8}$/, '00000000') }), NotFoundError)
    })

    it('are talked to in a stream unless asked otherwise, each for itself', async () => {
      const { id, conversations, say, all } = await agent()
      const [apple, banana] = [await conversations.create({ agent_id: id }), await conversations.create({ agent_id: id })]
      expect(types(await say(apple.id, '/say APPLE'))).toEqual(['ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
      await say(banana.id, '/say BANANA', { stream_tokens: true, background: true })
      expect(types(await all(apple.id))).toEqual(['system_message', 'user_message', 'assistant_message'])
      expect(JSON.stringify(await all(apple.id))).not.toContain('BANANA')
      expect(ids(await all(apple.id))[0]).not.toBe(ids(await all(banana.id))[0])
      const seen = await conversations.retrieve(apple.id)
      expect(seen.in_context_message_ids).toEqual([...new Set(ids(await all(apple.id)))])
      expect(seen.last_message_at).toMatch(/Z$/)
      expect(ids(await conversations.list({ agent_id: id, order_by: 'last_message_at' }))).toEqual([banana.id, apple.id])
    })

    it('list their messages both ways, and page by the SDK’s own paging', async () => {
      const { client, id, conversations, say, all } = await agent()
      const { id: conversation } = await conversations.create({ agent_id: id })
      for (const word of ['one', 'two', 'three']) await say(conversation, `/say ${word}`)
      const messages = await all(conversation)
      const list = client.conversations.messages
      expect(messages).toHaveLength(7)
      expect((await list.list(conversation, { limit: 2 })).items).toEqual(messages.slice(-2).toReversed())
      expect(await everyItem(list.list(conversation, { limit: 3 }))).toEqual(messages.toReversed())
      expect(await everyItem(list.list(conversation, { limit: 3, order: 'asc' }))).toEqual(messages)
      const [, second, third] = messages
      expect((await list.list(conversation, { order: 'asc', after: third?.id })).items).toEqual(messages.slice(3))
      expect((await list.list(conversation, { order: 'asc', before: third?.id })).items).toEqual(messages.slice(0, 2))
      expect((await list.list(conversation, { order: 'asc', limit: 1, before: third?.id })).items).toEqual([second])
    })

    it('are changed, archived, hidden and found by their summary', async () => {
      const { id, conversations } = await agent()
      const made = await conversations.create({ agent_id: id, summary: 'About Tea' })
      const hidden = await conversations.create({ agent_id: id, hidden: true })
      expect(await conversations.update(made.id, { summary: 'About Coffee', model: 'loci/scripted' })).toMatchObject({
        summary: 'About Coffee',
        model: 'loci/scripted',
        description: null,
      })
      expect(ids(await conversations.list({ agent_id: id, summary_search: 'Coffee' }))).toEqual([made.id])
      expect(await conversations.list({ agent_id: id, summary_search: 'coffee' })).toEqual([])
      expect(ids(await conversations.list())).not.toContain(hidden.id)
      expect(await conversations.update(made.id, { archived: true })).toMatchObject({
        archived: true,
        archived_at: expect.stringMatching(/Z$/),
      })
      expect(await conversations.list({ agent_id: id })).toEqual([])
      expect(ids(await conversations.list({ agent_id: id, archive_status: 'archived' }))).toEqual([made.id])
      expect(await conversations.update(made.id, { archived: false })).toMatchObject({ archived: false, archived_at: null })
      expect(ids(await conversations.list({ agent_id: id, archive_status: 'all', limit: 1 }))).toEqual([made.id])
      await failureOf(conversations.update(made.id, { model: 'nobody/gpt' }), NotFoundError)
    })

    it('fork with what was said, under a system message of their own', async () => {
      const { id, conversations, say, all } = await agent()
      const origin = await conversations.create({ agent_id: id })
      await say(origin.id, '/say APPLE')
      await say(origin.id, '/say BANANA')
      const before = await all(origin.id)
      const fork = await conversations.fork(origin.id)
      const shared = await all(fork.id)
      expect(ids(shared).slice(1)).toEqual(ids(before).slice(1))
      expect(shared[0]?.id).not.toBe(before[0]?.id)
      await say(fork.id, '/say CHERRY')
      expect(await all(origin.id)).toEqual(before)
      const cut = await conversations.fork(origin.id, { message_id: before[2]?.id ?? '', hidden: true })
      expect(ids(await all(cut.id)).slice(1)).toEqual(ids(before).slice(1, 3))
      await say('default', '/say DIRECT', { agent_id: id })
      const direct = await conversations.fork('default', { agent_id: id })
      expect(await all(direct.id)).toMatchObject([{ message_type: 'system_message' }, {}, { content: 'DIRECT' }])
      await failureOf(conversations.fork(unknown), NotFoundError)
    })

    it('recompile their prompt, and store it unless it is a dry run', async () => {
      const { client, id, conversations, all } = await agent()
      const { id: conversation } = await conversations.create({ agent_id: id })
      const before = await all(conversation)
      await client.agents.blocks.update('human', { agent_id: id, value: 'Grace' })
      expect(await conversations.recompile(conversation, { dry_run: true })).toContain('Grace')
      expect(await all(conversation)).toEqual(before)
      const compiled = await conversations.recompile(conversation)
      expect(await all(conversation)).toMatchObject([{ id: before[0]?.id, content: compiled }])
      expect(await conversations.recompile('default', { agent_id: id })).toContain('CONVERSATION_ID: default')
      const later = await conversations.create({ agent_id: id })
      expect((await all(later.id))[0]).toMatchObject({ content: expect.stringContaining('Grace') })
    })

    it('name an agent’s own context as default, or by the agent’s id', async () => {
      const { client, id, conversations, say } = await agent()
      await say('default', '/say One.', { agent_id: id })
      await say(id, '/say Two.')
      const list = client.conversations.messages
      const own = (await list.list('default', { agent_id: id, order: 'asc' })).items
      expect(types(own)).toEqual(['system_message', 'user_message', 'assistant_message', 'user_message', 'assistant_message'])
      expect((await list.list(id, { order: 'asc' })).items).toEqual(own)
      expect((await client.agents.messages.list(id, { order: 'asc', conversation_id: 'default' })).items).toEqual(own)
      expect((await client.runs.list({ agent_id: id })).items.map(({ conversation_id }) => conversation_id)).toEqual([null, null])
      await failureOf(conversations.retrieve('default'), UnprocessableEntityError)
      await failureOf(list.list('default'), BadRequestError)
    })

    it('are cancelled, and taken up again by run, by otid, or as they run', async () => {
      const { client, id, conversations, exchanges } = await agent()
      const { id: conversation } = await conversations.create({ agent_id: id })
      const otid = crypto.randomUUID()
      const message = { role: 'user' as const, content: '/say Slow.\n/wait 60s\n/say Never.', otid }
      const reader = await conversations.messages.create(conversation, { messages: [message], stream_tokens: true })
      let run_id = ''
      for await (const frame of reader) {
        if ('run_id' in frame) run_id = frame.run_id ?? ''
        if (frame.message_type === 'assistant_message') break
      }
      const live = conversations.messages.stream(conversation)
      const followers = [
        live,
        conversations.messages.stream(conversation, { run_id }),
        conversations.messages.stream(conversation, { otid }),
      ]
      const followed = Promise.all(followers.map(async (stream) => everyItem(await stream)))
      await live
      expect(await conversations.cancel(conversation)).toEqual({ [run_id]: 'cancelled' })
      for (const frames of await followed) {
        expect(types(frames).filter((type) => type === 'stop_reason')).toHaveLength(1)
        expect(frames).toContainEqual(expect.objectContaining({ message_type: 'stop_reason', stop_reason: 'cancelled' }))
      }
      expect((await client.runs.list({ conversation_id: conversation })).items).toMatchObject([{ id: run_id, status: 'cancelled' }])
      exchanges()
      const nothing = await failureOf(conversations.cancel(conversation), ConflictError)
      expect(nothing.message).toContain('No active runs to cancel')
      expect(exchanges()).toHaveLength(1)
      await failureOf(conversations.messages.stream(conversation), BadRequestError)
    })

    it('run one turn at a time, in the order of arrival', async () => {
      const { id, conversations, say, all } = await agent()
      const { id: conversation } = await conversations.create({ agent_id: id })
      const words = ['one', 'two', 'three', 'four']
      const turns = await Promise.all(words.map((word) => say(conversation, `/wait 50ms\n/say ${word}`)))
      expect(turns.map((frames) => types(frames).at(-1))).toEqual(words.map(() => 'usage_statistics'))
      const messages = (await all(conversation)).slice(1)
      expect(types(messages)).toEqual(words.flatMap(() => ['user_message', 'assistant_message']))
      for (let i = 0; i < messages.length; i += 2) {
        const [asked, answered] = [messages[i], messages[i + 1]] as { content?: unknown; run_id?: string | null }[]
        expect(`/wait 50ms\n/say ${answered?.content}`).toBe(asked?.content)
        expect(answered?.run_id).toBe(asked?.run_id)
      }
    })

    it('are gone once deleted', async () => {
      const { client, id, conversations, say } = await agent()
      const { id: conversation } = await conversations.create({ agent_id: id })
      await say(conversation, '/say Gone.')
      expect(await conversations.delete(conversation)).toBeNull()
      for (const gone of [
        conversations.retrieve(conversation),
        conversations.update(conversation, { summary: 'x' }),
        conversations.delete(conversation),
        client.conversations.messages.list(conversation),
        client.conversations.messages.create(conversation, { input: 'Hi' }),
      ]) {
        await failureOf(gone, NotFoundError)
      }
      expect(await conversations.list({ agent_id: id })).toEqual([])
      await until(async () => (await client.messages.search({ query: 'Gone' })).length === 0)
      await failureOf(conversations.retrieve('conv-123'), UnprocessableEntityError)
    })
  })
}
