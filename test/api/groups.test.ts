import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings

async function made(call: Call, path: string, body: Record<string, unknown>) {
  const answer = await call('POST', path, body)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return answer.body
}
const agent = (call: Call, name = 'agent', fields: Record<string, unknown> = {}) =>
  made(call, '/v1/agents', { name, include_base_tools: false, ...fields })
const block = (call: Call, label = 'shared') => made(call, '/v1/blocks', { label, value: label })
const group = (call: Call, fields: Record<string, unknown> = {}) =>
  made(call, '/v1/groups/', { agent_ids: [], description: 'team', ...fields })
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
const labels = async (call: Call, agentId: string) =>
  (await call('GET', `/v1/agents/${agentId}/core-memory/blocks?order=asc`)).body.map((row: { label: string }) => row.label)
const count = async (table: string, organization_id: string) =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>())?.n
const texts = (rows: { content?: unknown }[]) => rows.map((row) => row.content)

describe('groups', () => {
  it('are created, read, changed and deleted', async () => {
    const { call, user_id } = await freshOrganization()
    const [a, b, c] = [await agent(call), await agent(call), await agent(call)]
    const one = await group(call, {
      agent_ids: [c.id, a.id],
      manager_config: { manager_type: 'round_robin', max_turns: 3 },
      project_id: 'p',
    })
    expect(one).toEqual({
      id: expect.stringMatching(/^group-/),
      manager_type: 'round_robin',
      description: 'team',
      agent_ids: [c.id, a.id],
      shared_block_ids: [],
      manager_agent_id: null,
      termination_token: null,
      max_turns: 3,
      sleeptime_agent_frequency: null,
      turns_counter: null,
      last_processed_message_id: null,
      max_message_buffer_length: null,
      min_message_buffer_length: null,
      hidden: null,
      project_id: 'p',
      template_id: null,
      base_template_id: null,
      deployment_id: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    const path = `/v1/groups/${one.id}`
    expect((await call('GET', path)).body).toEqual(one)
    const changed = await call('PATCH', path, { agent_ids: [b.id, c.id, a.id], description: 'crew', project_id: null })
    expect(changed.body).toMatchObject({ agent_ids: [b.id, c.id, a.id], description: 'crew', project_id: 'p', max_turns: 3 })
    const deleted = await call('DELETE', path)
    expect([deleted.status, deleted.body]).toEqual([200, { message: `Group id=${one.id} successfully deleted` }])
    for (const method of ['GET', 'DELETE'] as const) expect((await call(method, path)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${a.id}/groups`)).body).toEqual([])
  })

  it('keep the settings of every kind of manager, with its defaults', async () => {
    const { call } = await freshOrganization()
    const manager_agent_id = (await agent(call, 'manager')).id
    const member = await agent(call, 'member')
    const led = async (manager_config: Record<string, unknown>) =>
      group(call, { agent_ids: [member.id], manager_config: { manager_agent_id, ...manager_config } })
    expect(await group(call)).toMatchObject({ manager_type: 'round_robin', manager_agent_id: null })
    expect(await led({ manager_type: 'supervisor' })).toMatchObject({ manager_type: 'supervisor', manager_agent_id })
    const dynamic = await led({ manager_type: 'dynamic', max_turns: 4 })
    expect(dynamic).toMatchObject({ termination_token: 'DONE!', max_turns: 4 })
    const sleeptime = await led({ manager_type: 'sleeptime', sleeptime_agent_frequency: 7 })
    expect(sleeptime).toMatchObject({ sleeptime_agent_frequency: 7, turns_counter: -1 })
    await call('DELETE', `/v1/groups/${sleeptime.id}`)
    const voice = await led({ manager_type: 'voice_sleeptime', max_message_buffer_length: 30, min_message_buffer_length: 15 })
    expect(voice).toMatchObject({ max_message_buffer_length: 30, min_message_buffer_length: 15, turns_counter: null })
    const path = `/v1/groups/${dynamic.id}`
    const changed = (await call('PATCH', path, { manager_config: { manager_type: 'dynamic', termination_token: 'STOP' } })).body
    expect(changed).toMatchObject({ manager_agent_id, termination_token: 'STOP', max_turns: 4 })
    const refused = await call('PATCH', path, { manager_config: { manager_type: 'round_robin' } })
    expect([refused.status, refused.body.errors[0].field]).toEqual([422, 'manager_config.manager_type'])
  })

  it('refuse what does not go together, and write nothing', async () => {
    const { call, organization_id } = await freshOrganization()
    const [a, twin, manager] = [await agent(call, 'twin'), await agent(call, 'twin'), await agent(call, 'manager')]
    const keeper = await agent(call, 'keeper', { agent_type: 'sleeptime_agent' })
    const foreign = await agent((await freshOrganization()).call)
    const voice = { manager_type: 'voice_sleeptime', manager_agent_id: manager.id }
    const by = (manager_type: string, manager_agent_id: string) => ({ manager_config: { manager_type, manager_agent_id } })
    const wrong: [body: Record<string, unknown>, status: number, says: RegExp][] = [
      [{ agent_ids: [a.id, a.id] }, 422, /agent_ids: .* is named twice/],
      [{ agent_ids: [foreign.id] }, 404, new RegExp(foreign.id)],
      [by('supervisor', foreign.id), 404, new RegExp(foreign.id)],
      [by('supervisor', newId('agent')), 404, /not found/],
      [{ shared_block_ids: [newId('block')] }, 404, /Block .* not found/],
      [{ manager_config: { manager_type: 'supervisor' } }, 422, /manager_config.manager_agent_id/],
      [{ manager_config: { manager_type: 'swarm' } }, 422, /manager_config/],
      [{ manager_config: { ...voice, max_message_buffer_length: 9 } }, 422, /min_message_buffer_length/],
      [{ manager_config: { ...voice, max_message_buffer_length: 9, min_message_buffer_length: 9 } }, 422, /must be more than/],
      [{ manager_config: { ...voice, max_message_buffer_length: 9, min_message_buffer_length: 4 } }, 422, /min_message_buffer_length/],
      [{ agent_ids: [a.id, twin.id], ...by('dynamic', manager.id) }, 422, /two agents are named 'twin'/],
      [{ agent_ids: [manager.id], ...by('sleeptime', manager.id) }, 422, /its own sleeptime agent/],
      [{ agent_ids: [a.id], ...by('sleeptime', keeper.id) }, 422, /of its own/],
    ]
    for (const [body, status, says] of wrong) {
      const answer = await call('POST', '/v1/groups', { agent_ids: [], description: '', ...body })
      expect([body, answer.status, answer.body.detail]).toEqual([body, status, expect.stringMatching(says)])
    }
    expect(await count('groups', organization_id)).toBe(0)
    const one = await group(call, { agent_ids: [a.id] })
    for (const agent_ids of [[foreign.id], [a.id, a.id]]) {
      expect((await call('PATCH', `/v1/groups/${one.id}`, { description: 'not stored', agent_ids })).status).toBeGreaterThanOrEqual(404)
    }
    expect((await call('GET', `/v1/groups/${one.id}`)).body).toEqual(one)
  })

  it('are listed by every filter, oldest first, and counted', async () => {
    const { call } = await freshOrganization()
    const manager = await agent(call, 'manager')
    const plain = await group(call, { project_id: 'p' })
    const led = await group(call, { manager_config: { manager_type: 'supervisor', manager_agent_id: manager.id } })
    const hidden = await group(call, { hidden: true })
    const list = async (query: string) => ids((await call('GET', `/v1/groups/?${query}`)).body)
    expect(await list('')).toEqual([plain.id, led.id])
    expect(await list('order=desc')).toEqual([led.id, plain.id])
    expect(await list('show_hidden_groups=true')).toEqual([plain.id, led.id, hidden.id])
    expect(await list('manager_type=supervisor')).toEqual([led.id])
    expect(await list(`manager_agent_id=${manager.id}`)).toEqual([led.id])
    expect(await list('project_id=p')).toEqual([plain.id])
    expect(await list(`ids=${hidden.id}`)).toEqual([hidden.id])
    expect(await list(`after=${plain.id}`)).toEqual([led.id])
    expect((await call('GET', '/v1/groups/count')).body).toBe(2)
    expect((await call('GET', '/v1/groups/count?manager_type=supervisor')).body).toBe(1)
  })

  it('are those of an agent that is a member or leads them, by page and manager type', async () => {
    const { call } = await freshOrganization()
    const [a, b] = [await agent(call), await agent(call)]
    const first = await group(call, { agent_ids: [a.id, b.id] })
    const second = await group(call, { agent_ids: [b.id], manager_config: { manager_type: 'supervisor', manager_agent_id: a.id } })
    const list = async (query: string) => ids((await call('GET', `/v1/agents/${a.id}/groups?${query}`)).body)
    expect(await list('')).toEqual([second.id, first.id])
    expect(await list('order=asc&limit=1')).toEqual([first.id])
    expect(await list(`after=${second.id}`)).toEqual([first.id])
    expect(await list('manager_type=round_robin')).toEqual([first.id])
    expect((await call('GET', `/v1/agents/${newId('agent')}/groups`)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${a.id}?include=agent.managed_group`)).body).toMatchObject({
      managed_group: { id: second.id },
      multi_agent_group: { id: second.id },
    })
    expect((await call('GET', `/v1/agents/${a.id}`)).body).toMatchObject({ managed_group: null, multi_agent_group: null })
    expect((await call('GET', `/v1/agents/${b.id}?include=agent.managed_group`)).body.managed_group).toBeNull()
  })

  it('are made from templates with the ids of these', async () => {
    const { call } = await freshOrganization()
    const body = { agent_ids: [], description: '', template_id: 't', base_template_id: 'b', deployment_id: 'd' }
    expect(await made(call, '/v1/_internal_templates/groups', body)).toMatchObject({
      template_id: 't',
      base_template_id: 'b',
      deployment_id: 'd',
    })
  })
})

describe('blocks of a group', () => {
  it('are attached to its members and its manager, also to members that come later', async () => {
    const { call } = await freshOrganization()
    const [a, b, manager, x, y] = [await agent(call), await agent(call), await agent(call), await block(call, 'x'), await block(call, 'y')]
    const one = await group(call, {
      agent_ids: [a.id],
      shared_block_ids: [x.id],
      manager_config: { manager_type: 'supervisor', manager_agent_id: manager.id },
    })
    expect(one.shared_block_ids).toEqual([x.id])
    for (const { id } of [a, manager]) expect(await labels(call, id)).toEqual(['x'])
    await call('PATCH', `/v1/groups/${one.id}`, { agent_ids: [a.id, b.id] })
    expect(await labels(call, b.id)).toEqual(['x'])
    expect(await call('PATCH', `/v1/groups/${one.id}/blocks/attach/${y.id}`)).toMatchObject({ status: 200, body: null })
    for (const { id } of [a, b, manager]) expect(await labels(call, id)).toEqual(['x', 'y'])
    expect((await call('PATCH', `/v1/groups/${one.id}/blocks/detach/${x.id}`)).body).toBeNull()
    for (const { id } of [a, b, manager]) expect(await labels(call, id)).toEqual(['y'])
    expect((await call('PATCH', `/v1/groups/${one.id}/blocks/detach/${x.id}`)).status).toBe(404)
    expect((await call('PATCH', `/v1/groups/${one.id}`, { shared_block_ids: [x.id] })).body.shared_block_ids).toEqual([x.id])
    for (const { id } of [a, b, manager]) expect(await labels(call, id)).toEqual(['x'])
    await call('DELETE', `/v1/blocks/${x.id}`)
    expect((await call('GET', `/v1/groups/${one.id}`)).body.shared_block_ids).toEqual([])
  })

  it('are refused when a member has another block of the label, and nothing is written', async () => {
    const { call, organization_id } = await freshOrganization()
    const [a, x] = [await agent(call), await block(call, 'human')]
    const b = await agent(call, 'b', { memory_blocks: [{ label: 'human', value: 'Ada' }] })
    const refused = await call('POST', '/v1/groups', { agent_ids: [a.id, b.id], description: '', shared_block_ids: [x.id] })
    expect([refused.status, refused.body.code]).toEqual([409, 'label_taken'])
    expect(await count('groups', organization_id)).toBe(0)
    expect(await labels(call, a.id)).toEqual([])
  })
})

describe('deleting an agent', () => {
  it('that leads a group is a conflict that names the group; once the group is gone it works', async () => {
    const { call } = await freshOrganization()
    const [manager, member] = [await agent(call, 'manager'), await agent(call, 'member')]
    const one = await group(call, { agent_ids: [member.id], manager_config: { manager_type: 'supervisor', manager_agent_id: manager.id } })
    const refused = await call('DELETE', `/v1/agents/${manager.id}`)
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([409, 'leads_group', expect.stringContaining(one.id)])
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect((await call('POST', `/v1/agents/${manager.id}/messages`, { input: 'hello' })).status).toBe(200)
    await call('DELETE', `/v1/groups/${one.id}`)
    expect((await call('DELETE', `/v1/agents/${manager.id}`)).status).toBe(200)
  })

  it('takes a member out of its groups', async () => {
    const { call } = await freshOrganization()
    const [a, b] = [await agent(call), await agent(call)]
    const one = await group(call, { agent_ids: [a.id, b.id] })
    await call('DELETE', `/v1/agents/${a.id}`)
    expect((await call('GET', `/v1/groups/${one.id}`)).body.agent_ids).toEqual([b.id])
  })
})

describe('messages of a group', () => {
  const say = (call: Call, agentId: string, content: string, group_id?: string) =>
    call('POST', `/v1/agents/${agentId}/messages`, { messages: [{ role: 'user', content, ...(group_id ? { group_id } : {}) }] })

  it('are those that were sent for it and their replies, of any agent, newest first', async () => {
    const { call } = await freshOrganization()
    const [a, b] = [await agent(call), await agent(call)]
    const one = await group(call, { agent_ids: [a.id, b.id] })
    await say(call, a.id, '/say first', one.id)
    await say(call, a.id, '/say alone')
    await say(call, b.id, '/say second', one.id)
    const list = async (query: string) => texts((await call('GET', `/v1/groups/${one.id}/messages?${query}`)).body)
    expect(await list('')).toEqual(['second', '/say second', 'first', '/say first'])
    expect(await list('order=asc&limit=3')).toEqual(['/say first', 'first', '/say second'])
    const newest = (await call('GET', `/v1/groups/${one.id}/messages?limit=1`)).body[0]
    expect(await list(`after=${newest.id}`)).toEqual(['/say second', 'first', '/say first'])
    expect((await call('GET', `/v1/agents/${a.id}/messages?group_id=${one.id}`)).body).toHaveLength(2)
    expect((await call('GET', `/v1/groups/${newId('group')}/messages`)).status).toBe(404)
  })

  it('cannot be edited', async () => {
    const { call } = await freshOrganization()
    const a = await agent(call)
    const one = await group(call, { agent_ids: [a.id] })
    const sent = (await say(call, a.id, 'hello', one.id)).body.messages[0].id
    const other = (await say(call, a.id, 'hello')).body.messages[0].id
    expect((await call('PATCH', `/v1/groups/${one.id}/messages/${sent}`, { content: 'x' })).status).toBe(405)
    expect((await call('PATCH', `/v1/groups/${one.id}/messages/${other}`, { content: 'x' })).status).toBe(404)
    expect((await call('PATCH', `/v1/groups/${newId('group')}/messages/${sent}`)).status).toBe(404)
  })

  it('are gone from the history and from every context once reset, and the order goes on', async () => {
    const { call } = await freshOrganization()
    const a = await agent(call)
    const one = await group(call, { agent_ids: [a.id] })
    const conversation = (await call('POST', `/v1/conversations/?agent_id=${a.id}`)).body
    await say(call, a.id, 'keep this')
    await say(call, a.id, 'forget this', one.id)
    const messages = [{ role: 'user', content: 'forget that', group_id: one.id }]
    await call('POST', `/v1/conversations/${conversation.id}/messages`, { messages, streaming: false })
    expect(await call('PATCH', `/v1/groups/${one.id}/reset-messages`)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', `/v1/groups/${one.id}/messages`)).body).toEqual([])
    const left = texts((await call('GET', `/v1/agents/${a.id}/messages?order=asc`)).body)
    expect(left).toContain('keep this')
    expect(left.filter((text) => String(text).startsWith('forget'))).toEqual([])
    expect((await call('GET', `/v1/agents/${a.id}`)).body.message_ids).toHaveLength(3)
    expect((await call('GET', `/v1/conversations/${conversation.id}`)).body.in_context_message_ids).toHaveLength(1)
    expect((await call('GET', `/v1/agents/${a.id}/context`)).body.num_messages).toBe(3)
    expect((await say(call, a.id, 'go on')).status).toBe(200)
    expect((await call('GET', `/v1/agents/${a.id}`)).body.message_ids).toHaveLength(5)
  })

  it('are not reset under a run that is in progress', async () => {
    const { call } = await freshOrganization()
    const a = await agent(call)
    const one = await group(call, { agent_ids: [a.id] })
    await say(call, a.id, 'hello', one.id)
    await call('POST', `/v1/agents/${a.id}/messages/async`, { input: '/wait 60s' })
    expect((await call('PATCH', `/v1/groups/${one.id}/reset-messages`)).status).toBe(409)
    expect((await call('GET', `/v1/groups/${one.id}/messages`)).body).toHaveLength(2)
    await call('POST', `/v1/agents/${a.id}/messages/cancel`, {})
  })
})
