import type Letta from '@letta-ai/letta-client'
import { ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

type Identity = Letta.AgentState['identities'] extends (infer I)[] | undefined ? I & { id: string } : never
type Group = NonNullable<Letta.AgentState['managed_group']>

const ids = (items: { id: string }[]) => items.map((item) => item.id)
const labels = (items: { label?: string | null }[]) => items.map((item) => item.label).sort()

/** What the SDK has no methods for goes through its plain requests, so that its parsing, errors and this server's document are met. */
const newIdentity = (client: Letta, identifier_key: string, fields: object = {}) =>
  client.post<Identity>('/v1/identities/', { body: { identifier_key, name: identifier_key, identity_type: 'user', ...fields } })
const newGroup = (client: Letta, fields: object) => client.post<Group>('/v1/groups/', { body: { description: 'team', ...fields } })

export function identities(api: Api): void {
  describe('identities', () => {
    it('are attached to agents and detached, and agents are listed by them', async () => {
      const { client } = await api.member()
      const [ada, acme] = [await newIdentity(client, 'ada'), await newIdentity(client, 'acme', { identity_type: 'org' })]
      const { id } = await client.agents.create({ name: 'caren', identity_ids: [ada.id] })
      await client.agents.create({ name: 'other' })
      expect(await client.agents.identities.attach(acme.id, { agent_id: id })).toBeNull()
      const shown = await client.agents.retrieve(id, { include: ['agent.identities'] })
      expect(shown.identity_ids).toEqual([ada.id, acme.id])
      expect(shown.identities).toMatchObject([
        { identifier_key: 'ada', agent_ids: [id], block_ids: [], properties: [] },
        { identifier_key: 'acme', identity_type: 'org' },
      ])
      expect(ids((await client.agents.list({ identity_id: acme.id })).items)).toEqual([id])
      expect(ids((await client.agents.list({ identifier_keys: ['ada', 'nobody'] })).items)).toEqual([id])
      expect(await client.agents.identities.detach(acme.id, { agent_id: id })).toBeNull()
      expect((await client.agents.list({ identity_id: acme.id })).items).toEqual([])
      expect((await client.agents.update(id, { identity_ids: [acme.id] })).identity_ids).toEqual([acme.id])
      expect((await client.agents.retrieve(id)).identities).toEqual([])
      await failureOf(client.agents.identities.detach(ada.id, { agent_id: id }), NotFoundError)
      await failureOf(client.agents.create({ identity_ids: ['identity-00000000-0000-4000-8000-00000000dead'] }), NotFoundError)
      await failureOf(client.agents.identities.attach('identity-1', { agent_id: id }), UnprocessableEntityError)
    })

    it('are kept by key, and blocks are listed by them', async () => {
      const { client } = await api.member()
      const block = await client.blocks.create({ label: 'human', value: 'Ada' })
      const ada = await newIdentity(client, 'ada', { block_ids: [block.id], properties: [{ key: 'age', value: 36, type: 'number' }] })
      expect(ada).toMatchObject({ block_ids: [block.id], properties: [{ key: 'age', value: 36, type: 'number' }] })
      expect((await failureOf(newIdentity(client, 'ada'), ConflictError)).error).toMatchObject({ code: 'identifier_key_taken' })
      const put = await client.put<Identity>('/v1/identities/', { body: { identifier_key: 'ada', name: 'Ada', identity_type: 'user' } })
      expect(put).toMatchObject({ id: ada.id, name: 'Ada' })
      expect(await client.get('/v1/identities/count')).toBe(1)
      expect(await client.get('/v1/identities/', { query: { name: 'ad' } })).toMatchObject([{ id: ada.id }])
      expect(ids((await client.blocks.list({ identity_id: ada.id })).items)).toEqual([block.id])
      expect(ids((await client.blocks.list({ identifier_keys: ['ada'] })).items)).toEqual([block.id])
      expect((await client.blocks.list({ identifier_keys: ['nobody'] })).items).toEqual([])
      const replaced = await client.put<Identity>(`/v1/identities/${ada.id}/properties`, { body: [] })
      expect(replaced.properties).toEqual([])
      expect(await client.delete(`/v1/identities/${ada.id}`)).toBeNull()
      expect((await client.blocks.list({ identity_id: ada.id })).items).toEqual([])
    })
  })

  describe('groups', () => {
    it('are kept with their members, manager and shared blocks', async () => {
      const { client } = await api.member()
      const [a, b, manager] = [await client.agents.create({}), await client.agents.create({}), await client.agents.create({})]
      const block = await client.blocks.create({ label: 'shared', value: '' })
      const manager_config = { manager_type: 'supervisor', manager_agent_id: manager.id }
      const group = await newGroup(client, { agent_ids: [b.id, a.id], manager_config, shared_block_ids: [block.id] })
      expect(group).toMatchObject({
        agent_ids: [b.id, a.id],
        manager_type: 'supervisor',
        manager_agent_id: manager.id,
        shared_block_ids: [block.id],
      })
      expect(ids(await everyItem(client.blocks.agents.list(block.id, { order: 'asc' })))).toEqual([a.id, b.id, manager.id])
      const shown = await client.agents.retrieve(manager.id, { include: ['agent.managed_group'] })
      expect([shown.managed_group, shown.multi_agent_group]).toEqual([group, group])
      expect(await client.get(`/v1/agents/${a.id}/groups`)).toEqual([group])
      expect((await failureOf(client.agents.delete(manager.id), ConflictError)).message).toContain(group.id)
      expect(await client.delete(`/v1/groups/${group.id}`)).toEqual({ message: `Group id=${group.id} successfully deleted` })
      expect(await client.agents.delete(manager.id)).toMatchObject({ message: expect.any(String) })
    })

    it('of an agent with sleeptime share what is attached to it', async () => {
      const { client } = await api.member()
      const agent = await client.agents.create({
        name: 'ada',
        enable_sleeptime: true,
        memory_blocks: [{ label: 'human', value: 'Ada' }],
        model: 'openai/gpt-4o-mini',
        embedding: 'openai/text-embedding-3-small',
      })
      expect(agent.managed_group).toMatchObject({ manager_type: 'sleeptime', manager_agent_id: agent.id, sleeptime_agent_frequency: 5 })
      const [servant = ''] = agent.managed_group?.agent_ids ?? []
      expect(await client.agents.retrieve(servant)).toMatchObject({ name: 'ada-sleeptime', agent_type: 'sleeptime_agent' })
      const block = await client.blocks.create({ label: 'project', value: 'Loci' })
      await client.agents.blocks.attach(block.id, { agent_id: agent.id })
      expect(labels((await client.agents.blocks.list(servant)).items)).toEqual(['human', 'memory_persona', 'project'])
      await client.agents.blocks.detach(block.id, { agent_id: agent.id })
      expect(labels((await client.agents.blocks.list(servant)).items)).toEqual(['human', 'memory_persona'])
      await client.agents.delete(agent.id)
      await failureOf(client.agents.retrieve(servant), NotFoundError)
    })
  })
}
