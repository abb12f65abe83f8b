import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, freshOrganization, newMember } from '../support/client'

const { DB } = bindings

async function made(call: Call, method: string, path: string, body?: unknown) {
  const answer = await call(method, path, body)
  if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
type Authors = { created_by_id: string | null; last_updated_by_id: string | null }
const authors = async (table: string, id: string) =>
  DB.prepare(`select created_by_id, last_updated_by_id from "${table}" where id = ?`).bind(id).first<Authors>()
const everyAuthor = async (table: string, agentId: string) =>
  (
    await DB.prepare(`select distinct created_by_id, last_updated_by_id from "${table}" where agent_id = ? order by 1, 2`)
      .bind(agentId)
      .all<Authors>()
  ).results

describe('who wrote a row', () => {
  it('is the caller who made it and the caller who changed or deleted it last', async () => {
    const one = await freshOrganization()
    const two = await newMember(one.organization_id)
    const json_schema = { name: 'launch', description: '', parameters: { type: 'object', properties: {} } }
    const agent = await made(one.call, 'POST', '/v1/agents', { memory_blocks: [{ label: 'human' }], secrets: { A: 'b' } })
    const rows: [table: string, path: string, body: Record<string, unknown>, change: Record<string, unknown>][] = [
      ['agents', 'agents', {}, { name: 'changed' }],
      ['block', 'blocks', { label: 'x' }, { value: 'changed' }],
      ['tools', 'tools', { source_code: '…', json_schema }, { description: 'changed' }],
      ['identities', 'identities', { identifier_key: 'k', name: 'n', identity_type: 'user' }, { name: 'changed' }],
      ['groups', 'groups', { agent_ids: [], description: '' }, { description: 'changed' }],
      ['conversations', `conversations?agent_id=${agent.id}`, {}, { summary: 'changed' }],
    ]
    for (const [table, path, body, change] of rows) {
      const { id } = await made(one.call, 'POST', `/v1/${path}`, body)
      const by = (created: string, updated: string) => [table, { created_by_id: created, last_updated_by_id: updated }]
      expect([table, await authors(table, id)]).toEqual(by(one.user_id, one.user_id))
      const resource = `/v1/${path.split('?')[0]}/${id}`
      await made(two.call, 'PATCH', resource, change)
      expect([table, await authors(table, id)]).toEqual(by(one.user_id, two.user_id))
      expect((await one.call('DELETE', resource)).status).toBe(200)
      expect([table, await authors(table, id)]).toEqual(by(one.user_id, one.user_id))
    }
    expect(await authors('block', agent.blocks[0].id)).toEqual({ created_by_id: one.user_id, last_updated_by_id: one.user_id })
    expect(await everyAuthor('agent_environment_variables', agent.id)).toEqual([
      { created_by_id: one.user_id, last_updated_by_id: one.user_id },
    ])
  })

  it('is, for everything a turn writes, the caller who asked for it', async () => {
    const one = await freshOrganization()
    const two = await newMember(one.organization_id)
    const agent = await made(one.call, 'POST', '/v1/agents', { memory_blocks: [{ label: 'human' }] })
    const mine = { created_by_id: one.user_id, last_updated_by_id: one.user_id }
    expect(await everyAuthor('messages', agent.id)).toEqual([mine])
    const input = '/call memory_insert {"label":"human","new_string":"Ada"}\n/say done'
    const turn = await made(two.call, 'POST', `/v1/agents/${agent.id}/messages`, { input })
    const theirs = { created_by_id: two.user_id, last_updated_by_id: two.user_id }
    for (const table of ['runs', 'run_metrics', 'steps', 'step_metrics'])
      expect([table, await everyAuthor(table, agent.id)]).toEqual([table, [theirs]])
    const { results } = await DB.prepare('select role, created_by_id, last_updated_by_id from messages where run_id = ?')
      .bind(turn.messages[0].run_id)
      .all<Authors & { role: string }>()
    expect(results.map(({ role }) => role).sort()).toEqual(['assistant', 'assistant', 'tool', 'user'])
    for (const { role, ...row } of results) expect([role, row]).toEqual([role, theirs])
    expect((await authors('block', agent.blocks[0].id))?.last_updated_by_id).toBe(two.user_id)
    expect((await made(one.call, 'PATCH', `/v1/steps/${turn.messages[0].step_id}/feedback`, { feedback: 'positive' })).feedback).toBe(
      'positive',
    )
    expect(await authors('steps', turn.messages[0].step_id)).toEqual({ ...theirs, last_updated_by_id: one.user_id })
    const conversation = await made(two.call, 'POST', `/v1/conversations?agent_id=${agent.id}`)
    const [system] = (await one.call('GET', `/v1/conversations/${conversation.id}/messages`)).body
    expect(await authors('messages', system.id)).toEqual(theirs)
  })

  it('is what agents can be listed by', async () => {
    const one = await freshOrganization()
    const two = await newMember(one.organization_id)
    const agent = await made(two.call, 'POST', '/v1/agents', {})
    await made(one.call, 'POST', '/v1/agents', {})
    const listed = await made(one.call, 'GET', `/v1/agents?created_by_id=${two.user_id}`)
    expect(listed.map((row: { id: string }) => row.id)).toEqual([agent.id])
  })
})

describe('a list', () => {
  const lists = [
    'agents',
    'blocks',
    'tools',
    'conversations',
    'runs',
    'steps',
    'messages',
    'identities',
    'groups',
    'api-keys',
    'deliveries',
    'tags',
  ]

  it.each(lists)('of %s refuses a column that it cannot be sorted by, a wrong order and a wrong limit', async (list) => {
    const { call } = await freshOrganization()
    for (const query of ['order_by=value', 'order=up', 'limit=0', 'limit=1001', 'limit=many']) {
      const answer = await call('GET', `/v1/${list}/?${query}`)
      expect([query, answer.status, answer.body.errors?.[0].field]).toEqual([query, 422, query.split('=')[0]])
    }
    const sorted = list === 'tags' ? 'name' : 'created_at'
    expect((await call('GET', `/v1/${list}/?order_by=${sorted}&order=&limit=&after=&before=`)).status).toBe(200)
  })

  it('combines its filters', async () => {
    const { call } = await freshOrganization()
    const shared = { tags: ['x', 'y'], project_id: 'p' }
    const both = await made(call, 'POST', '/v1/agents', { name: 'Alpha', ...shared, block_ids: [] })
    await made(call, 'POST', '/v1/agents', { name: 'Alphabet', tags: ['x'], project_id: 'p' })
    await made(call, 'POST', '/v1/agents', { name: 'Alpha', tags: ['x', 'y'] })
    const agents = async (query: string) => (await made(call, 'GET', `/v1/agents?${query}`)).map((row: { id: string }) => row.id)
    expect(await agents('query_text=alpha&tags=x&tags=y&match_all_tags=true&project_id=p')).toEqual([both.id])
    expect(await agents('query_text=alpha&tags=x&tags=y&project_id=p')).toHaveLength(2)
    const used = await made(call, 'POST', '/v1/blocks', { label: 'human', value: 'likes tea', description: 'Who it is', ...shared })
    await made(call, 'POST', '/v1/blocks', { label: 'human', value: 'likes tea', ...shared })
    await made(call, 'PATCH', `/v1/agents/${both.id}/core-memory/blocks/attach/${used.id}`)
    const query = 'label=human&value_search=TEA&label_search=hum&project_id=p&tags=y&tags=x&match_all_tags=true'
    expect(await made(call, 'GET', `/v1/blocks?${query}`)).toHaveLength(2)
    expect(await made(call, 'GET', `/v1/blocks?${query}&connected_to_agents_count_gt=0&connected_to_agents_count_lt=2`)).toMatchObject([
      { id: used.id },
    ])
    expect(await made(call, 'GET', `/v1/blocks?${query}&description_search=who%20it&connected_to_agents_count_eq=1`)).toMatchObject([
      { id: used.id },
    ])
    expect(await made(call, 'GET', `/v1/blocks?${query}&templates_only=true`)).toEqual([])
  })
})
