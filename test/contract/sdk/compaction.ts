import { BadRequestError, ConflictError, NotFoundError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, failureOf, until } from '../api'

const all = { mode: 'all' as const, prompt: '/say They met.' }

export function compaction(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { id } = await member.client.agents.create({})
    return { ...member, id, say: (input: string) => member.client.agents.messages.create(id, { input }) }
  }

  describe('compacting', () => {
    it('puts a summary in the place of an agent’s messages, which stay in the history', async () => {
      const { client, id, say } = await agent()
      expect((await failureOf(client.agents.messages.compact(id), BadRequestError)).message).toContain(
        'would not reduce the number of messages',
      )
      for (const word of ['one', 'two', 'three']) await say(`/say ${word}`)
      const slid = await client.agents.messages.compact(id, { compaction_settings: { ...all, mode: 'sliding_window' } })
      expect(slid).toEqual({ summary: 'They met.', num_messages_before: 7, num_messages_after: 6 })
      const compacted = await client.agents.messages.compact(id, { compaction_settings: all })
      expect(compacted).toEqual({ summary: 'They met.', num_messages_before: 6, num_messages_after: 2 })
      expect((await client.agents.retrieve(id)).message_ids).toHaveLength(2)
      const { items } = await client.agents.messages.list(id, { order: 'asc' })
      expect(items).toHaveLength(9)
      expect(items.at(-1)).toMatchObject({ message_type: 'user_message', content: expect.stringContaining('They met.') })
      const [summary] = (await client.agents.messages.list(id, { include_return_message_types: ['summary_message'] })).items
      expect(summary).toMatchObject({
        message_type: 'summary_message',
        compaction_stats: { messages_count_before: 6, messages_count_after: 2 },
      })
      expect(await say('/say go on')).toMatchObject({ messages: [{ content: 'go on' }] })
    })

    it('compacts a conversation by its id, and an agent’s own context as `default` or by the id of the agent', async () => {
      const { client, id, say } = await agent()
      const { id: conversation } = await client.conversations.create({ agent_id: id })
      for (const word of ['one', 'two']) {
        await say(`/say ${word}`)
        for await (const _ of await client.conversations.messages.create(conversation, { input: `/say ${word}` }));
      }
      const body = { compaction_settings: all }
      expect(await client.conversations.messages.compact(conversation, body)).toMatchObject({
        num_messages_before: 5,
        num_messages_after: 2,
      })
      expect((await client.agents.retrieve(id)).message_ids).toHaveLength(5)
      expect(await client.conversations.messages.compact('default', { ...body, agent_id: id })).toMatchObject({ num_messages_after: 2 })
      await say('/say three')
      expect(await client.conversations.messages.compact(id, body)).toMatchObject({ num_messages_before: 4 })
      await failureOf(client.conversations.messages.compact(conversation), BadRequestError)
      await failureOf(client.conversations.messages.compact('conv-00000000-0000-4000-8000-00000000dead'), NotFoundError)
    })

    it('is a conflict while a turn is running, which is not sent again', async () => {
      const { client, id, say, exchanges } = await agent()
      await say('/say one')
      const run = await client.agents.messages.createAsync(id, { input: '/wait 20s' })
      await until(async () => (await client.runs.retrieve(run.id)).status === 'running')
      exchanges()
      const conflict = await failureOf(client.agents.messages.compact(id), ConflictError)
      expect(conflict.message).toContain(`(run_id=${run.id}) is currently being processed`)
      expect(exchanges()).toHaveLength(1)
      await client.agents.messages.cancel(id)
    })
  })
}
