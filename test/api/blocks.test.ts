import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { freshAgent } from '../support/agent'
import { type Call, freshOrganization, type Member } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }
const rowsOf = async (table: string, organization_id: string) =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>())?.n

async function block(call: Call, fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/blocks/', { label: 'human', value: 'Ada', ...fields })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}
const labels = (rows: { label: string }[]) => rows.map((row) => row.label).sort()

async function attach({ organization_id }: Member, agentId: string, { id, label }: { id: string; label: string }) {
  await DB.prepare('insert into blocks_agents (agent_id, block_id, block_label) values (?, ?, ?)').bind(agentId, id, label).run()
  return organization_id
}

describe('blocks', () => {
  it('are created, read, changed and deleted', async () => {
    const { call, user_id } = await freshOrganization()
    const made = await block(call, { metadata: { a: [1] }, tags: ['b', 'a', 'a'], hidden: false })
    expect(made).toEqual({
      id: expect.stringMatching(/^block-/),
      label: 'human',
      value: 'Ada',
      limit: 100_000,
      description: expect.stringContaining('human block'),
      read_only: false,
      metadata: { a: [1] },
      tags: ['a', 'b'],
      hidden: false,
      is_template: false,
      template_name: null,
      template_id: null,
      base_template_id: null,
      deployment_id: null,
      entity_id: null,
      project_id: null,
      preserve_on_migration: false,
      created_by_id: user_id,
      last_updated_by_id: user_id,
      version: 1,
    })
    const path = `/v1/blocks/${made.id}`
    expect((await call('GET', path)).body).toEqual(made)
    const changed = await call('PATCH', path, { value: 'Grace', tags: ['c'], description: 'who' })
    expect(changed.body).toEqual({ ...made, value: 'Grace', tags: ['c'], description: 'who', version: 2 })
    expect((await call('GET', path)).body).toEqual(changed.body)
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', path)).status).toBe(404)
    expect((await call('DELETE', path)).status).toBe(404)
  })
  it('get an empty value and their other defaults when those are left out or null', async () => {
    const { call } = await freshOrganization()
    const made = await block(call, { label: 'notes', value: null, limit: null, metadata: null, read_only: null, description: null })
    expect(made).toMatchObject({ value: '', limit: 100_000, metadata: {}, read_only: false, description: null })
  })
  it('keep what a change leaves out or sets to null, and write nothing when nothing changes', async () => {
    const { call } = await freshOrganization()
    const made = await block(call, { limit: 10, metadata: { a: 1 }, tags: ['t'] })
    const same = await call('PATCH', `/v1/blocks/${made.id}`, { value: 'Ada', limit: null, metadata: { a: 1 }, tags: ['t'], label: null })
    expect(same.body).toEqual(made)
    expect((await call('GET', `/v1/blocks/${made.id}/versions`)).body).toHaveLength(1)
    expect((await call('PATCH', `/v1/blocks/${made.id}`, { value: '' })).body).toMatchObject({ value: '', limit: 10, version: 2 })
  })
  it('store text without NUL and with plain line ends', async () => {
    const { call } = await freshOrganization()
    expect((await block(call, { value: 'a\u0000b\r\nc' })).value).toBe('ab\nc')
  })
  it('refuse a value over the limit with the sentence clients know, and write nothing', async () => {
    const { call, organization_id } = await freshOrganization()
    const refused = await call('POST', '/v1/blocks', { label: 'human', value: 'Ada', limit: 2 })
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid', errors: [{ field: 'value' }] } })
    expect(refused.body.detail).toMatch(/^Value length \(3\) exceeds the limit \(2\) for block with label 'human' and id 'block-[\w-]+'\.$/)
    expect(await rowsOf('block', organization_id)).toBe(0)
    const made = await block(call, { value: 'Ada', limit: 4 })
    const path = `/v1/blocks/${made.id}`
    expect((await call('PATCH', path, { value: 'Grace' })).body.detail).toBe(
      `Value length (5) exceeds the limit (4) for block with label 'human' and id '${made.id}'.`,
    )
    expect((await call('PATCH', path, { limit: 2 })).status).toBe(422)
    expect((await call('GET', path)).body).toEqual(made)
    expect(await rowsOf('block_history', organization_id)).toBe(1)
  })
  it('count a limit in code points, as the database does', async () => {
    const { call } = await freshOrganization()
    expect((await block(call, { value: '😀😀😀', limit: 3 })).value).toBe('😀😀😀')
    expect((await call('POST', '/v1/blocks', { label: 'x', value: '😀😀😀😀', limit: 3 })).status).toBe(422)
  })
  it('refuse more than the database can hold', async () => {
    const { call } = await freshOrganization()
    const huge = await call('POST', '/v1/blocks', { label: 'x', value: '€'.repeat(600_000), limit: 1_000_000 })
    expect([huge.status, huge.body.code]).toEqual([413, 'payload_too_large'])
    const large = await block(call, { label: 'x', value: 'ab"\n'.repeat(200_000), limit: 1_000_000 })
    expect((await call('PATCH', `/v1/blocks/${large.id}`, { value: `${large.value}!` })).body.version).toBe(2)
  })
  it('name the field that is wrong', async () => {
    const { call, organization_id } = await freshOrganization()
    for (const [field, body] of [
      ['label', { value: 'x' }],
      ['label', { label: '', value: 'x' }],
      ['limit', { label: 'x', limit: 0 }],
      ['metadata', { label: 'x', metadata: [1] }],
      ['tags.0', { label: 'x', tags: [''] }],
    ] as const) {
      const { status, body: problem } = await call('POST', '/v1/blocks', body)
      expect([status, problem.errors[0].field]).toEqual([422, field])
    }
    expect((await call('GET', '/v1/blocks/nonsense')).status).toBe(422)
    expect(await rowsOf('block', organization_id)).toBe(0)
  })
  it('keep another organization out', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const { id } = await block(mine.call, { tags: ['t'] })
    for (const [method, path, body] of [
      ['GET', ''],
      ['PATCH', '', { value: 'x' }],
      ['DELETE', ''],
      ['GET', '/versions'],
      ['GET', '/versions/1'],
      ['POST', '/undo'],
      ['POST', '/redo'],
      ['POST', '/restore', { version: 1 }],
    ] as const) {
      expect([path, (await other.call(method, `/v1/blocks/${id}${path}`, body)).status]).toEqual([path, 404])
    }
    expect((await other.call('GET', '/v1/blocks')).body).toEqual([])
    expect((await mine.call('GET', `/v1/blocks/${id}`)).body).toMatchObject({ value: 'Ada', version: 1 })
  })
  it('leave every agent when they are deleted', async () => {
    const member = await freshOrganization()
    const made = await block(member.call, { tags: ['t'] })
    const agentId = await freshAgent(member)
    await attach(member, agentId, made)
    await member.call('DELETE', `/v1/blocks/${made.id}`)
    const left = await DB.prepare(
      'select (select count(*) from blocks_agents where block_id = ?1) + (select count(*) from blocks_tags where block_id = ?1) as n',
    )
      .bind(made.id)
      .first<{ n: number }>()
    expect(left?.n).toBe(0)
    expect((await member.call('GET', `/v1/agents/${agentId}/core-memory/blocks`)).body).toEqual([])
  })
})

describe('the list of blocks', () => {
  it('is oldest first and pages both ways from any block', async () => {
    const { call } = await freshOrganization()
    const made: string[] = []
    for (const value of ['a', 'b', 'c', 'd', 'e']) made.push((await block(call, { value })).id)
    const ids = async (query: string) => (await call('GET', `/v1/blocks/?${query}`)).body.map((row: { id: string }) => row.id)
    expect(await ids('')).toEqual(made)
    expect(await ids(`after=${made[1]}&limit=2`)).toEqual(made.slice(2, 4))
    expect(await ids(`before=${made[4]}&limit=2`)).toEqual(made.slice(2, 4))
    expect(await ids(`order=desc&after=${made[3]}`)).toEqual(made.slice(0, 3).reverse())
    expect(await ids(`after=${made[4]}`)).toEqual([])
    expect((await call('GET', '/v1/blocks?after=block-00000000-0000-4000-8000-00000000dead')).status).toBe(404)
  })
  it('is narrowed by every filter', async () => {
    const { call } = await freshOrganization()
    await block(call, { label: 'human', value: 'Ada likes tea', tags: ['x', 'y'], project_id: 'p1' })
    await block(call, { label: 'persona', value: 'kind', tags: ['x'], description: 'Who I AM' })
    await block(call, { label: 'org/notes', value: '100%_sure', template_name: 'notes', is_template: true })
    await block(call, { label: 'secret', value: 'tea', hidden: true })
    const found = async (query: string) => labels((await call('GET', `/v1/blocks?${query}`)).body)
    expect(await found('')).toEqual(['human', 'org/notes', 'persona'])
    expect(await found('show_hidden_blocks=true')).toHaveLength(4)
    expect(await found('label=human')).toEqual(['human'])
    expect(await found('labels=human&labels=persona')).toEqual(['human', 'persona'])
    expect(await found('name=notes')).toEqual(['org/notes'])
    expect(await found('templates_only=true')).toEqual(['org/notes'])
    expect(await found('project_id=p1')).toEqual(['human'])
    expect(await found('tags=x')).toEqual(['human', 'persona'])
    expect(await found('tags=x&tags=y&tags=x')).toEqual(['human', 'persona'])
    expect(await found('tags=x&tags=y&tags=x&match_all_tags=true')).toEqual(['human'])
    expect(await found('label_search=ERSO')).toEqual(['persona'])
    expect(await found('description_search=i%20am')).toEqual(['persona'])
    expect(await found('value_search=TEA')).toEqual(['human'])
    expect(await found('value_search=%25_')).toEqual(['org/notes'])
    expect(await found('label=&tags=&limit=')).toEqual(['human', 'org/notes', 'persona'])
    expect(await found('identity_id=identity-1')).toEqual([])
    expect(await found('identifier_keys=a')).toEqual([])
    expect((await call('GET', '/v1/blocks/count')).body).toBe(3)
    expect((await call('GET', '/v1/blocks/count?tags=x')).body).toBe(2)
    expect((await call('GET', '/v1/blocks/count?identity_id=identity-1')).body).toBe(0)
  })
  it('is narrowed by the number of agents', async () => {
    const member = await freshOrganization()
    const agents = await Promise.all([freshAgent(member), freshAgent(member)])
    await block(member.call, { label: 'none' })
    const one = await block(member.call, { label: 'one' })
    const two = await block(member.call, { label: 'two' })
    for (const [agent, each] of [
      [agents[0], one],
      [agents[0], two],
      [agents[1], two],
    ] as const)
      await attach(member, agent, each)
    const found = async (query: string) => labels((await member.call('GET', `/v1/blocks?${query}`)).body)
    expect(await found('connected_to_agents_count_gt=0')).toEqual(['one', 'two'])
    expect(await found('connected_to_agents_count_lt=2')).toEqual(['none', 'one'])
    expect(await found('connected_to_agents_count_eq=0&connected_to_agents_count_eq=2')).toEqual(['none', 'two'])
  })
})
