import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings

async function agent(call: Call, fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/agents/', { name: 'ada', ...fields })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}
const block = async (call: Call, label: string) => (await call('POST', '/v1/blocks', { label, value: label })).body
const labels = async (call: Call, agentId: string) =>
  (await call('GET', `/v1/agents/${agentId}/core-memory/blocks?order=asc`)).body.map((row: { label: string }) => row.label)
const servantOf = async (call: Call, id: string): Promise<string> =>
  (await call('GET', `/v1/agents/${id}?include=agent.managed_group`)).body.managed_group?.agent_ids[0]
const count = async (table: string, organization_id: string) =>
  (
    await DB.prepare(`select count(*) as n from "${table}" where organization_id = ? and is_deleted = 0`)
      .bind(organization_id)
      .first<{ n: number }>()
  )?.n
const served = { enable_sleeptime: true, memory_blocks: [{ label: 'human', value: 'Ada' }] }

describe('an agent with enable_sleeptime', () => {
  it('comes with a sleeptime agent that shares its blocks, and a group of the two', async () => {
    const { call, user_id } = await freshOrganization()
    const known = await block(call, 'known')
    const main = await agent(call, { ...served, block_ids: [known.id], model: 'openai/gpt-4o', project_id: 'p', timezone: 'Europe/Berlin' })
    expect(main).toMatchObject({
      name: 'ada',
      agent_type: 'letta_v1_agent',
      enable_sleeptime: true,
      managed_group: {
        manager_type: 'sleeptime',
        manager_agent_id: main.id,
        sleeptime_agent_frequency: 5,
        turns_counter: -1,
        project_id: 'p',
        created_by_id: user_id,
      },
      multi_agent_group: main.managed_group,
    })
    expect(main.managed_group.agent_ids).toHaveLength(1)
    const servant = (await call('GET', `/v1/agents/${main.managed_group.agent_ids[0]}?include=agent.blocks&include=agent.tools`)).body
    expect(servant).toMatchObject({
      name: 'ada-sleeptime',
      agent_type: 'sleeptime_agent',
      model: 'openai/gpt-4o',
      project_id: 'p',
      timezone: 'Europe/Berlin',
      enable_sleeptime: null,
      created_by_id: user_id,
      system: expect.stringContaining('memory keeper'),
    })
    expect(servant.message_ids).toHaveLength(1)
    expect(servant.tools.map((tool: { name: string }) => tool.name)).toEqual(
      expect.arrayContaining(['memory_insert', 'memory_replace', 'memory_rethink']),
    )
    expect(servant.blocks.map((one: { label: string }) => one.label).sort()).toEqual(['human', 'known', 'memory_persona'])
    expect(servant.blocks).toEqual(expect.arrayContaining(main.blocks))
    expect(await labels(call, main.id)).toEqual(['known', 'human'])
  })

  it('speaking by voice gets one for voice', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, { ...served, agent_type: 'voice_convo_agent' })
    expect(main.managed_group).toMatchObject({
      manager_type: 'voice_sleeptime',
      max_message_buffer_length: 30,
      min_message_buffer_length: 15,
      sleeptime_agent_frequency: null,
    })
    expect((await call('GET', `/v1/agents/${main.managed_group.agent_ids[0]}`)).body.agent_type).toBe('voice_sleeptime_agent')
  })

  it('works both: a message to the sleeptime agent edits what the agent knows', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, served)
    const input = '/call memory_replace {"label":"human","old_string":"Ada","new_string":"Ada Lovelace"}'
    expect((await call('POST', `/v1/agents/${await servantOf(call, main.id)}/messages`, { input })).status).toBe(200)
    expect((await call('GET', `/v1/agents/${main.id}/core-memory/blocks/human`)).body.value).toBe('Ada Lovelace')
    expect((await call('POST', `/v1/agents/${main.id}/messages`, { input: 'hello' })).status).toBe(200)
  })

  it('is made once under an Idempotency-Key, both agents and the group', async () => {
    const { call, organization_id } = await freshOrganization()
    const headers = { 'idempotency-key': 'once' }
    const [first, second] = [
      await call('POST', '/v1/agents', { name: 'ada', ...served }, headers),
      await call('POST', '/v1/agents', { name: 'ada', ...served }, headers),
    ]
    expect(second.body).toEqual(first.body)
    expect([await count('agents', organization_id), await count('groups', organization_id)]).toEqual([2, 1])
  })

  it('is completed by a repeat of its key after a crash before the objects were opened', async () => {
    const { call, organization_id } = await freshOrganization()
    const headers = { 'idempotency-key': 'crashed' }
    const first = (await call('POST', '/v1/agents', { name: 'ada', ...served }, headers)).body
    // What a crash leaves: the rows, and a key whose lock ran out without an answer.
    await DB.prepare(
      "update idempotency_keys set status = null, body = null, locked_until = 0 where organization_id = ?1 and key = 'crashed'",
    )
      .bind(organization_id)
      .run()
    const again = await call('POST', '/v1/agents', { name: 'ada', ...served }, headers)
    expect([again.status, again.body.id]).toEqual([200, first.id])
    expect(again.body.managed_group).toEqual(first.managed_group)
    expect([await count('agents', organization_id), await count('groups', organization_id)]).toEqual([2, 1])
  })

  it('is not there at all when one of the two cannot be made', async () => {
    const { call, organization_id } = await freshOrganization()
    const answer = await call('POST', '/v1/agents', { name: 'ada', ...served, identity_ids: ['identity-1'] })
    expect(answer.status).toBe(404)
    const keeper = await call('POST', '/v1/agents', { ...served, agent_type: 'sleeptime_agent' })
    expect([keeper.status, keeper.body.errors[0].field]).toEqual([422, 'enable_sleeptime'])
    for (const table of ['agents', 'groups', 'block']) expect([table, await count(table, organization_id)]).toEqual([table, 0])
  })

  it('can have a block of the label that its sleeptime agent uses for itself', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, { enable_sleeptime: true, memory_blocks: [{ label: 'memory_persona', value: 'mine' }] })
    expect(await labels(call, await servantOf(call, main.id))).toEqual(['memory_persona'])
    const other = await agent(call, { enable_sleeptime: true })
    const clash = await block(call, 'memory_persona')
    expect((await call('PATCH', `/v1/agents/${other.id}/core-memory/blocks/attach/${clash.id}`)).status).toBe(200)
    expect(await labels(call, other.id)).toEqual(['memory_persona'])
    expect((await call('GET', `/v1/agents/${await servantOf(call, other.id)}/core-memory/blocks`)).body[0].id).not.toBe(clash.id)
  })

  it('shares what is attached and detached later, one by one and as a set', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, served)
    const servant = await servantOf(call, main.id)
    const [x, y] = [await block(call, 'x'), await block(call, 'y')]
    await call('PATCH', `/v1/agents/${main.id}/core-memory/blocks/attach/${x.id}`)
    expect((await labels(call, servant)).sort()).toEqual(['human', 'memory_persona', 'x'])
    await call('PATCH', `/v1/agents/${main.id}/core-memory/blocks/detach/${x.id}`)
    expect((await labels(call, servant)).sort()).toEqual(['human', 'memory_persona'])
    await call('PATCH', `/v1/agents/${main.id}`, { block_ids: [y.id] })
    expect(await labels(call, main.id)).toEqual(['y'])
    expect((await labels(call, servant)).sort()).toEqual(['memory_persona', 'y'])
  })

  it('is made of any agent by a change, once, also when two requests race for it', async () => {
    const { call, organization_id } = await freshOrganization()
    const main = await agent(call, { memory_blocks: served.memory_blocks })
    const known = await block(call, 'known')
    expect(main.managed_group).toBeNull()
    const change = { enable_sleeptime: true, block_ids: [known.id] }
    const racers = await Promise.all([1, 2, 3].map(() => call('PATCH', `/v1/agents/${main.id}`, change)))
    expect(racers.map((answer) => answer.status)).toContain(200)
    for (const answer of racers.filter(({ status }) => status !== 200))
      expect([answer.status, answer.body.code, answer.headers.get('x-should-retry')]).toEqual([409, 'busy', 'true'])
    const changed = (await call('PATCH', `/v1/agents/${main.id}`, { enable_sleeptime: true })).body
    expect(changed.managed_group.agent_ids).toHaveLength(1)
    expect((await labels(call, changed.managed_group.agent_ids[0])).sort()).toEqual(['known', 'memory_persona'])
    expect([await count('agents', organization_id), await count('groups', organization_id)]).toEqual([2, 1])
    expect(await count('block', organization_id)).toBe(3)
    const off = (await call('PATCH', `/v1/agents/${main.id}`, { enable_sleeptime: false })).body
    expect(off).toMatchObject({ enable_sleeptime: false, managed_group: { id: changed.managed_group.id } })
  })

  it('has one sleeptime group, however it is made', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, served)
    const manager_config = { manager_type: 'sleeptime', manager_agent_id: main.id }
    const refused = await call('POST', '/v1/groups', { agent_ids: [], description: '', manager_config })
    expect([refused.status, refused.body.code]).toEqual([409, 'sleeptime_taken'])
  })
})

describe('deleting', () => {
  it('the agent deletes its sleeptime agent and the group; the blocks stay', async () => {
    const { call, organization_id } = await freshOrganization()
    const main = await agent(call, served)
    const servant = await servantOf(call, main.id)
    await call('POST', `/v1/agents/${servant}/messages`, { input: 'hello' })
    await call('DELETE', `/v1/agents/${main.id}`)
    for (const path of [
      `/v1/agents/${main.id}`,
      `/v1/agents/${servant}`,
      `/v1/groups/${main.managed_group.id}`,
      `/v1/agents/${servant}/messages`,
    ])
      expect([path, (await call('GET', path)).status]).toEqual([path, 404])
    expect((await call('GET', '/v1/messages')).body).toEqual([])
    expect((await call('GET', `/v1/blocks/${main.blocks[0].id}`)).status).toBe(200)
    expect(await count('groups', organization_id)).toBe(0)
    expect((await call('POST', `/v1/agents/${servant}/messages`, { input: 'hello' })).status).toBe(404)
  })

  it('the sleeptime agent deletes the group, and the agent has none any more until it asks for a new one', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, served)
    const servant = await servantOf(call, main.id)
    await call('DELETE', `/v1/agents/${servant}`)
    expect((await call('GET', `/v1/groups/${main.managed_group.id}`)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${main.id}?include=agent.managed_group`)).body).toMatchObject({
      enable_sleeptime: null,
      managed_group: null,
    })
    const again = (await call('PATCH', `/v1/agents/${main.id}`, { enable_sleeptime: true })).body
    expect(again.managed_group.agent_ids[0]).not.toBe(servant)
  })

  it('the group leaves both agents', async () => {
    const { call } = await freshOrganization()
    const main = await agent(call, served)
    const servant = await servantOf(call, main.id)
    await call('DELETE', `/v1/groups/${main.managed_group.id}`)
    expect((await call('GET', `/v1/agents/${servant}`)).status).toBe(200)
    expect((await call('GET', `/v1/agents/${main.id}?include=agent.managed_group`)).body).toMatchObject({
      enable_sleeptime: null,
      managed_group: null,
    })
  })

  it('an agent spares agents that its sleeptime group merely names', async () => {
    const { call } = await freshOrganization()
    const [main, ordinary, keeper] = [await agent(call), await agent(call), await agent(call, { agent_type: 'sleeptime_agent' })]
    const manager_config = { manager_type: 'sleeptime', manager_agent_id: main.id }
    await call('POST', '/v1/groups', { agent_ids: [ordinary.id, keeper.id], description: '', manager_config })
    await call('POST', '/v1/groups', { agent_ids: [keeper.id], description: 'another' })
    await call('DELETE', `/v1/agents/${main.id}`)
    for (const { id } of [ordinary, keeper]) expect((await call('GET', `/v1/agents/${id}`)).status).toBe(200)
  })
})
