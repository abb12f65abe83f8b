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
const agent = (call: Call, fields: Record<string, unknown> = {}) =>
  made(call, '/v1/agents', { name: 'agent', include_base_tools: false, ...fields })
const block = (call: Call, fields: Record<string, unknown> = {}) => made(call, '/v1/blocks', { label: 'human', value: '', ...fields })
const tool = (call: Call, name: string) =>
  made(call, '/v1/tools', { source_code: '…', json_schema: { name, description: '', parameters: { type: 'object', properties: {} } } })
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
const count = async (table: string, organization_id: string) =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>())?.n

describe('many blocks', () => {
  it('are created at once, in order, each with its history and tags', async () => {
    const { call, user_id } = await freshOrganization()
    const blocks = Array.from({ length: 250 }, (_, i) => ({ label: `l${i}`, value: `v${i}`, tags: i === 0 ? ['a', 'b'] : [] }))
    const answer = await call('POST', '/v1/blocks/batch', { blocks })
    expect(answer.status).toBe(200)
    expect(answer.body.map((row: { label: string }) => row.label)).toEqual(blocks.map(({ label }) => label))
    expect(answer.body[0]).toMatchObject({ tags: ['a', 'b'], version: 1, created_by_id: user_id })
    expect((await call('GET', `/v1/blocks/${answer.body[249].id}`)).body).toEqual(answer.body[249])
    expect((await call('GET', `/v1/blocks/${answer.body[0].id}/versions`)).body).toHaveLength(1)
    expect((await call('GET', '/v1/blocks/count')).body).toBe(250)
  })

  it('are all there, or none when one is refused', async () => {
    const { call, organization_id } = await freshOrganization()
    const fine = { label: 'fine', value: '' }
    for (const [field, wrong] of [
      ['value', { label: 'long', value: 'four', limit: 3 }],
      ['blocks.1.label', { value: 'x' }],
    ] as const) {
      const answer = await call('POST', '/v1/blocks/batch', { blocks: [fine, wrong] })
      expect([answer.status, answer.body.errors[0].field]).toEqual([422, field])
    }
    expect((await call('POST', '/v1/blocks/batch', { blocks: [] })).status).toBe(422)
    expect((await call('POST', '/v1/blocks/batch', { blocks: Array.from({ length: 1001 }, () => fine) })).status).toBe(422)
    expect(await count('block', organization_id)).toBe(0)
  })

  it('are made once under an Idempotency-Key, also when the first try was not answered', async () => {
    const { call, organization_id } = await freshOrganization()
    const send = () => call('POST', '/v1/blocks/batch', { blocks: [{ label: 'a' }, { label: 'b' }] }, { 'idempotency-key': 'once' })
    const first = await send()
    expect((await send()).body).toEqual(first.body)
    await DB.prepare("update idempotency_keys set status = null, body = null, locked_until = 0 where organization_id = ?1 and key = 'once'")
      .bind(organization_id)
      .run()
    expect((await send()).body).toEqual(first.body)
    expect(await count('block', organization_id)).toBe(2)
  })

  it('are deleted at once, out of every agent and group', async () => {
    const { call } = await freshOrganization()
    const [a, b, kept] = [await block(call), await block(call, { label: 'b' }), await block(call, { label: 'kept' })]
    const one = await agent(call, { block_ids: [a.id, b.id, kept.id] })
    const group = await made(call, '/v1/groups', { agent_ids: [one.id], description: '', shared_block_ids: [b.id] })
    const unknown = newId('block')
    const answer = await call('POST', '/v1/blocks/batch-delete', { ids: [b.id, unknown, a.id, b.id] })
    expect([answer.status, answer.body]).toEqual([200, { deleted: [b.id, a.id], not_found: [unknown] }])
    expect(ids((await call('GET', `/v1/agents/${one.id}/core-memory/blocks`)).body)).toEqual([kept.id])
    expect((await call('GET', `/v1/groups/${group.id}`)).body.shared_block_ids).toEqual([])
    expect((await call('POST', '/v1/blocks/batch-delete', { ids: [a.id] })).body).toEqual({ deleted: [], not_found: [a.id] })
  })
})

describe('many agents', () => {
  it('are deleted at once, with their histories, sleeptime agents and objects', async () => {
    const { call } = await freshOrganization()
    const [a, b, kept] = [await agent(call), await agent(call, { enable_sleeptime: true }), await agent(call, { name: 'kept' })]
    for (const one of [a, b, kept]) await call('POST', `/v1/agents/${one.id}/messages`, { input: 'hello' })
    await call('POST', `/v1/agents/${a.id}/messages/async`, { input: '/wait 60s' })
    const unknown = newId('agent')
    const answer = await call('POST', '/v1/agents/batch-delete', { ids: [a.id, unknown, b.id] })
    expect([answer.status, answer.body]).toEqual([200, { deleted: [a.id, b.id], not_found: [unknown] }])
    expect(ids((await call('GET', '/v1/agents?show_hidden_agents=true')).body)).toEqual([kept.id])
    for (const path of ['/v1/messages', '/v1/runs', '/v1/steps'])
      expect([path, new Set((await call('GET', path)).body.map((row: { agent_id?: string }) => row.agent_id ?? kept.id))]).toEqual([
        path,
        new Set([kept.id]),
      ])
    expect((await call('GET', `/v1/groups/${b.managed_group.id}`)).status).toBe(404)
    const { results } = await DB.prepare('select id from agents where id in (?1, ?2) and is_deleted = 1').bind(a.id, b.id).all()
    expect(results).toHaveLength(2)
    expect((await call('POST', `/v1/agents/${a.id}/messages`, { input: 'anybody there?' })).status).toBe(404)
  })

  it('stay all when one of them leads a group that would outlive it', async () => {
    const { call } = await freshOrganization()
    const [a, manager] = [await agent(call), await agent(call)]
    await made(call, '/v1/groups', {
      agent_ids: [a.id],
      description: '',
      manager_config: { manager_type: 'supervisor', manager_agent_id: manager.id },
    })
    const answer = await call('POST', '/v1/agents/batch-delete', { ids: [a.id, manager.id] })
    expect([answer.status, answer.body.code]).toEqual([409, 'leads_group'])
    expect((await call('GET', '/v1/agents/count')).body).toBe(2)
  })
})

describe('many tools', () => {
  it('are deleted at once, out of every agent', async () => {
    const { call } = await freshOrganization()
    const [a, b, kept] = [await tool(call, 'a'), await tool(call, 'b'), await tool(call, 'kept')]
    const one = await agent(call, { tool_ids: ids([a, b, kept]) })
    const answer = await call('POST', '/v1/tools/batch-delete', { ids: ids([a, b]) })
    expect(answer.body).toEqual({ deleted: ids([a, b]), not_found: [] })
    expect(ids((await call('GET', `/v1/agents/${one.id}/tools`)).body)).toEqual([kept.id])
    expect((await call('GET', `/v1/tools/${a.id}`)).status).toBe(404)
  })
})

describe('a batch', () => {
  it.each([
    ['agents', agent],
    ['blocks', block],
    ['tools', (call: Call) => tool(call, 'mine')],
  ] as const)('of %s never touches another organization, and takes 1 to 1000 ids', async (resource, make) => {
    const { call } = await freshOrganization()
    const { call: other } = await freshOrganization()
    const mine = await make(call)
    const path = `/v1/${resource}/batch-delete`
    expect((await other('POST', path, { ids: [mine.id] })).body).toEqual({ deleted: [], not_found: [mine.id] })
    expect((await call('GET', `/v1/${resource}/${mine.id}`)).status).toBe(200)
    const thousand = [mine.id, ...Array.from({ length: 1000 }, () => mine.id.replace(/.{12}$/, () => crypto.randomUUID().slice(-12)))]
    for (const wrong of [[], ['nonsense'], thousand]) expect((await call('POST', path, { ids: wrong })).status).toBe(422)
    const answer = await call('POST', path, { ids: thousand.slice(0, 1000) })
    expect([answer.body.deleted, answer.body.not_found.length]).toEqual([[mine.id], 999])
  })

  it('is read by a repeated `ids`, in the order of the list, also what is hidden', async () => {
    const { call } = await freshOrganization()
    const { call: other } = await freshOrganization()
    const foreign = await block(other)
    for (const [resource, rows] of [
      ['agents', [await agent(call), await agent(call, { hidden: true }), await agent(call)]],
      ['blocks', [await block(call), await block(call, { hidden: true }), await block(call)]],
      ['tools', [await tool(call, 'a'), await tool(call, 'b'), await tool(call, 'c')]],
    ] as const) {
      const query = [rows[1], rows[0], foreign].map(({ id }) => `ids=${id}`).join('&')
      expect(ids((await call('GET', `/v1/${resource}?order=asc&${query}`)).body)).toEqual(ids(rows.slice(0, 2)))
      expect(ids((await call('GET', `/v1/${resource}?order=asc&limit=1&${query}`)).body)).toEqual(ids(rows.slice(0, 1)))
      expect((await call('GET', `/v1/${resource}/count?${query}`)).body).toBe(2)
    }
  })
})
