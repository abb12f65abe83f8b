import { ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const labels = (blocks: { label?: string | null }[]) => blocks.map(({ label }) => label)

export function blocks(api: Api): void {
  describe('blocks', () => {
    it('are created, read, changed, listed and deleted', async () => {
      const { client } = await api.member()
      const block = await client.blocks.create({ label: 'project', value: 'Ada', metadata: { a: 1 }, tags: ['t'] })
      expect(block).toMatchObject({
        id: expect.stringMatching(/^block-/),
        limit: 100_000,
        read_only: false,
        description: null,
        hidden: null,
      })
      expect(block).toMatchObject({ metadata: { a: 1 }, tags: ['t'], is_template: false, project_id: null })
      expect(await client.blocks.retrieve(block.id)).toEqual(block)
      const changed = await client.blocks.update(block.id, { value: 'Grace', description: 'Who' })
      expect(changed).toMatchObject({ id: block.id, value: 'Grace', label: 'project', description: 'Who', metadata: { a: 1 } })
      expect(await client.blocks.retrieve(block.id)).toEqual(changed)
      await client.blocks.create({ label: 'persona', value: 'Brief', description: 'How' })
      expect(labels((await client.blocks.list()).items)).toEqual(['project', 'persona'])
      for (const [query, expected] of [
        [{ label: 'project' }, ['project']],
        [{ label_search: 'ERSO' }, ['persona']],
        [{ value_search: 'rac' }, ['project']],
        [{ description_search: 'How' }, ['persona']],
        [{ tags: ['t'] }, ['project']],
        [{ connected_to_agents_count_eq: [0] }, ['project', 'persona']],
        [{ connected_to_agents_count_gt: 0 }, []],
        [{ templates_only: true }, []],
        [{ order: 'desc' }, ['persona', 'project']],
      ] as const) {
        expect(labels((await client.blocks.list(query as object)).items), JSON.stringify(query)).toEqual(expected)
      }
      expect(await client.blocks.delete(block.id)).toBeNull()
      await failureOf(client.blocks.retrieve(block.id), NotFoundError)
      await failureOf(client.blocks.delete(block.id), NotFoundError)
    })

    it('hold no more than their limit, in code points', async () => {
      const { client } = await api.member()
      const block = await client.blocks.create({ label: 'short', value: '🌱🌱🌱', limit: 3 })
      const error = await failureOf(client.blocks.update(block.id, { value: 'four' }), UnprocessableEntityError)
      expect(error.message).toMatch(/3/)
      expect(await client.blocks.retrieve(block.id)).toEqual(block)
      await failureOf(client.blocks.create({ label: 'x', value: 'long', limit: 2 }), UnprocessableEntityError)
    })

    it('page by the SDK’s own paging', async () => {
      const { client } = await api.member()
      for (const label of ['a', 'b', 'c', 'd', 'e']) await client.blocks.create({ label, value: label })
      expect(labels(await everyItem(client.blocks.list({ limit: 2 })))).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(labels(await everyItem(client.blocks.list({ limit: 2, order: 'desc' })))).toEqual(['e', 'd', 'c', 'b', 'a'])
    })

    it('are the memory of agents, shared where they are attached', async () => {
      const { client, exchanges } = await api.member()
      const shared = await client.blocks.create({ label: 'a label, with / and ü', value: 'one' })
      const [first, second] = [await client.agents.create({}), await client.agents.create({ block_ids: [shared.id] })]
      const attached = await client.agents.blocks.attach(shared.id, { agent_id: first.id })
      expect(attached).toMatchObject({ id: first.id, blocks: [{ id: shared.id }] })
      expect(await client.agents.blocks.attach(shared.id, { agent_id: first.id })).toMatchObject({ blocks: [{ id: shared.id }] })
      const label = shared.label ?? ''
      expect(await client.agents.blocks.retrieve(label, { agent_id: first.id })).toMatchObject({ id: shared.id, value: 'one' })
      await client.agents.blocks.update(label, { agent_id: first.id, value: 'two' })
      expect((await client.agents.blocks.list(second.id)).items).toMatchObject([{ id: shared.id, value: 'two' }])
      const holders = await client.blocks.agents.list(shared.id, { order: 'asc' })
      expect(holders.items.map(({ id }) => id)).toEqual([first.id, second.id])
      expect(holders.items[0]).toMatchObject({ blocks: [], memory: { blocks: [] } })
      expect((await client.blocks.agents.list(shared.id, { include: ['agent.blocks'] })).items[0]?.blocks).toHaveLength(1)

      const twin = await client.blocks.create({ label, value: 'another of the same label' })
      exchanges()
      const conflict = await failureOf(client.agents.blocks.attach(twin.id, { agent_id: first.id }), ConflictError)
      expect(conflict.error).toMatchObject({ detail: expect.stringContaining(label) })
      expect(exchanges()).toHaveLength(1)

      const renamed = await client.agents.blocks.update(label, { agent_id: first.id, label: 'renamed' })
      expect(renamed).toMatchObject({ id: shared.id, label: 'renamed' })
      await failureOf(client.agents.blocks.retrieve(label, { agent_id: first.id }), NotFoundError)
      expect(await client.agents.blocks.detach(shared.id, { agent_id: first.id })).toMatchObject({ blocks: [] })
      expect((await client.agents.blocks.list(first.id)).items).toEqual([])
      expect((await client.agents.blocks.list(second.id)).items).toMatchObject([{ label: 'renamed' }])
      await client.blocks.delete(shared.id)
      expect((await client.agents.blocks.list(second.id)).items).toEqual([])
    })

    it('are edited by the agent’s tools, but not when they are read-only', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({
        memory_blocks: [
          { label: 'human', value: 'Ada' },
          { label: 'law', value: 'Be kind', read_only: true },
        ],
      })
      const edit = (label: string) =>
        client.agents.messages.create(id, { input: `/call memory_insert {"label":"${label}","new_string":"charles"}\n/then\n/say Done.` })
      await edit('human')
      expect(await client.agents.blocks.retrieve('human', { agent_id: id })).toMatchObject({ value: expect.stringContaining('charles') })
      const refused = await edit('law')
      expect(refused.messages.find(({ message_type }) => message_type === 'tool_return_message')).toMatchObject({ status: 'error' })
      expect(await client.agents.blocks.retrieve('law', { agent_id: id })).toMatchObject({ value: 'Be kind' })
      expect(await client.agents.blocks.update('law', { agent_id: id, value: 'Be kinder' })).toMatchObject({ value: 'Be kinder' })
    })
  })
}
