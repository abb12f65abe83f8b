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
const identity = (call: Call, fields: Record<string, unknown> = {}) =>
  made(call, '/v1/identities/', { identifier_key: 'user-42', name: 'Ada', identity_type: 'user', ...fields })
const agent = (call: Call, fields: Record<string, unknown> = {}) =>
  made(call, '/v1/agents', { name: 'agent', include_base_tools: false, ...fields })
const block = (call: Call, fields: Record<string, unknown> = {}) => made(call, '/v1/blocks', { label: 'human', value: '', ...fields })
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
const count = async (table: string, organization_id: string) =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>())?.n
const links = async (identityId: string) =>
  (
    await DB.prepare(
      'select (select count(*) from identities_agents where identity_id = ?1) + (select count(*) from identities_blocks where identity_id = ?1) as n',
    )
      .bind(identityId)
      .first<{ n: number }>()
  )?.n
const email = { key: 'email', value: 'ada@example.com', type: 'string' }

describe('identities', () => {
  it('are created, read, changed and deleted', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const one = await identity(call, { properties: [email] })
    expect(one).toEqual({
      id: expect.stringMatching(/^identity-/),
      identifier_key: 'user-42',
      name: 'Ada',
      identity_type: 'user',
      project_id: null,
      properties: [email],
      agent_ids: [],
      block_ids: [],
      organization_id,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    const path = `/v1/identities/${one.id}`
    expect((await call('GET', path)).body).toEqual(one)
    const changed = await call('PATCH', path, { name: 'Grace', identity_type: 'other', identifier_key: null })
    expect(changed.body).toMatchObject({ name: 'Grace', identity_type: 'other', identifier_key: 'user-42', properties: [email] })
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: null })
    for (const method of ['GET', 'DELETE'] as const) expect((await call(method, path)).status).toBe(404)
    expect((await call('PATCH', path, { name: 'x' })).status).toBe(404)
  })

  it('are made once under an Idempotency-Key', async () => {
    const { call, organization_id } = await freshOrganization()
    const body = { identifier_key: 'k', name: 'n', identity_type: 'org' }
    const headers = { 'idempotency-key': 'once' }
    const [first, second] = [await call('POST', '/v1/identities', body, headers), await call('POST', '/v1/identities', body, headers)]
    expect([first.status, second.body]).toEqual([200, first.body])
    expect(await count('identities', organization_id)).toBe(1)
  })

  it('have a key of their own within project and organization, also when two requests race for it', async () => {
    const { call } = await freshOrganization()
    const { call: other } = await freshOrganization()
    const body = { identifier_key: 'user-42', name: 'Ada', identity_type: 'user' }
    const racers = await Promise.all(Array.from({ length: 5 }, () => call('POST', '/v1/identities', body)))
    expect(racers.map((answer) => answer.status).sort()).toEqual([200, 409, 409, 409, 409])
    const refused = racers.find((answer) => answer.status === 409)
    expect(refused?.body).toMatchObject({ code: 'identifier_key_taken', detail: expect.stringContaining("'user-42'") })
    expect(refused?.headers.get('x-should-retry')).toBe('false')
    const inProject = await identity(call, { project_id: 'p' })
    expect((await call('POST', '/v1/identities', { ...body, project_id: 'p' })).body.detail).toContain("in project 'p'")
    expect((await identity(other)).identifier_key).toBe('user-42')
    const second = await identity(call, { identifier_key: 'other' })
    expect((await call('PATCH', `/v1/identities/${second.id}`, { identifier_key: 'user-42' })).status).toBe(409)
    await call('DELETE', `/v1/identities/${inProject.id}`)
    expect((await identity(call, { project_id: 'p' })).id).not.toBe(inProject.id)
  })

  it('are changed or made by their key', async () => {
    const { call, organization_id } = await freshOrganization()
    const [a, b] = [await agent(call), await agent(call)]
    const put = (body: Record<string, unknown>) =>
      call('PUT', '/v1/identities/', { identifier_key: 'user-42', name: 'Ada', identity_type: 'user', ...body })
    const first = (await put({ agent_ids: [a.id], properties: [email] })).body
    expect(first).toMatchObject({ name: 'Ada', agent_ids: [a.id], properties: [email] })
    const second = (await put({ name: 'Grace', agent_ids: [b.id], properties: [] })).body
    expect(second).toMatchObject({ id: first.id, name: 'Grace', agent_ids: [b.id], properties: [] })
    expect((await put({})).body).toMatchObject({ id: first.id, name: 'Ada', agent_ids: [b.id] })
    expect((await put({ project_id: 'p' })).body.id).not.toBe(first.id)
    expect(await count('identities', organization_id)).toBe(2)
    const racers = await Promise.all(Array.from({ length: 6 }, (_, i) => put({ identifier_key: 'raced', name: `n${i}` })))
    expect(new Set(racers.map((answer) => `${answer.status} ${answer.body.id}`)).size).toBe(1)
    expect(await count('identities', organization_id)).toBe(3)
  })

  it('keep properties: a change adds and overwrites by key, and loses none of two at once; PUT replaces all', async () => {
    const { call } = await freshOrganization()
    const { id } = await identity(call, { properties: [email, { key: 'age', value: 36, type: 'number' }] })
    const path = `/v1/identities/${id}`
    const vip = { key: 'vip', value: true, type: 'boolean' }
    const merged = (await call('PATCH', path, { properties: [vip, { ...email, value: 'new@example.com' }] })).body.properties
    expect(merged).toEqual([{ ...email, value: 'new@example.com' }, { key: 'age', value: 36, type: 'number' }, vip])
    const added = Array.from({ length: 5 }, (_, i) => ({ key: `p${i}`, value: { i: [i] }, type: 'json' }))
    await Promise.all(added.map((property) => call('PATCH', path, { properties: [property] })))
    expect((await call('GET', path)).body.properties).toHaveLength(8)
    expect((await call('GET', path)).body.properties).toEqual(expect.arrayContaining(added))
    const replaced = await call('PUT', `${path}/properties`, [vip, { ...vip, value: false }])
    expect([replaced.status, replaced.body.properties]).toEqual([200, [{ ...vip, value: false }]])
    expect((await call('PUT', `${path}/properties`, [])).body.properties).toEqual([])
    const wrong = await call('PUT', `${path}/properties`, [{ ...vip, type: 'number' }])
    expect([wrong.status, wrong.body.errors[0]]).toEqual([422, { field: '0.value', message: 'must be of the type that `type` names' }])
  })

  it('carry the agents and blocks they are given; what is not there or foreign is refused, and nothing is written', async () => {
    const { call, organization_id } = await freshOrganization()
    const { call: other } = await freshOrganization()
    const [a, b, x, y] = [await agent(call), await agent(call), await block(call), await block(call)]
    const one = await identity(call, { agent_ids: [a.id, a.id], block_ids: [x.id] })
    expect(one).toMatchObject({ agent_ids: [a.id], block_ids: [x.id] })
    const more = (await call('PATCH', `/v1/identities/${one.id}`, { agent_ids: [b.id], block_ids: [y.id] })).body
    expect(more).toMatchObject({ agent_ids: [a.id, b.id].sort(), block_ids: [x.id, y.id].sort() })
    const [theirAgent, theirBlock] = [await agent(other), await block(other)]
    for (const wrong of [
      { agent_ids: [a.id, theirAgent.id] },
      { agent_ids: [newId('agent')] },
      { block_ids: [theirBlock.id] },
      { block_ids: [x.id, newId('block')] },
    ]) {
      const missing = Object.values(wrong)[0]?.at(-1)
      for (const answer of [
        await call('POST', '/v1/identities', { identifier_key: 'new', name: 'n', identity_type: 'user', ...wrong }),
        await call('PATCH', `/v1/identities/${one.id}`, { name: 'not stored', ...wrong }),
        await call('PUT', '/v1/identities', { identifier_key: 'user-42', name: 'not stored', identity_type: 'user', ...wrong }),
      ])
        expect([answer.status, answer.body.detail]).toEqual([404, expect.stringContaining(missing ?? '')])
    }
    expect(await count('identities', organization_id)).toBe(1)
    expect((await call('GET', `/v1/identities/${one.id}`)).body).toEqual(more)
  })

  it('are listed by every filter, newest first, and counted', async () => {
    const { call } = await freshOrganization()
    const ada = await identity(call, { name: 'Ada Lovelace', project_id: 'p' })
    const acme = await identity(call, { identifier_key: 'acme', name: 'Acme', identity_type: 'org' })
    const list = async (query: string) => ids((await call('GET', `/v1/identities/?${query}`)).body)
    expect(await list('')).toEqual([acme.id, ada.id])
    expect(await list('order=asc')).toEqual([ada.id, acme.id])
    expect(await list('name=LOVE')).toEqual([ada.id])
    expect(await list('project_id=p')).toEqual([ada.id])
    expect(await list('identifier_key=acme')).toEqual([acme.id])
    expect(await list('identifier_key=acm')).toEqual([])
    expect(await list('identity_type=org')).toEqual([acme.id])
    expect(await list(`ids=${ada.id}&ids=${newId('identity')}`)).toEqual([ada.id])
    expect(await list(`after=${acme.id}`)).toEqual([ada.id])
    expect(await list('name=&project_id=&identifier_key=&identity_type=')).toHaveLength(2)
    expect((await call('GET', '/v1/identities/count')).body).toBe(2)
    expect((await call('GET', '/v1/identities/count?identity_type=org')).body).toBe(1)
    expect((await call('GET', '/v1/identities/?identity_type=robot')).status).toBe(422)
  })
})

describe('agents and blocks of an identity', () => {
  it('are attached and detached one by one, and listed by page', async () => {
    const { call } = await freshOrganization()
    const { id } = await identity(call)
    const agents = [await agent(call), await agent(call), await agent(call, { hidden: true })]
    const blocks = [await block(call), await block(call)]
    for (const one of agents) {
      const path = `/v1/agents/${one.id}/identities/attach/${id}`
      for (let i = 0; i < 2; i++) expect(await call('PATCH', path)).toMatchObject({ status: 200, body: null })
    }
    for (const one of blocks) expect((await call('PATCH', `/v1/blocks/${one.id}/identities/attach/${id}`)).body).toBeNull()
    const list = async (path: string) => ids((await call('GET', `/v1/identities/${id}/${path}`)).body)
    expect(await list('agents?order=asc')).toEqual(ids(agents))
    expect(await list(`agents?limit=1&after=${agents[2].id}`)).toEqual([agents[1].id])
    expect((await call('GET', `/v1/identities/${id}/agents?include=agent.identities`)).body[0].identities).toMatchObject([{ id }])
    expect(await list('blocks?order=asc&limit=1')).toEqual([blocks[0].id])
    expect(await call('PATCH', `/v1/agents/${agents[0].id}/identities/detach/${id}`)).toMatchObject({ status: 200, body: null })
    expect((await call('PATCH', `/v1/agents/${agents[0].id}/identities/detach/${id}`)).status).toBe(404)
    expect((await call('PATCH', `/v1/blocks/${blocks[0].id}/identities/detach/${id}`)).body).toBeNull()
    expect(await list('agents?order=asc')).toEqual(ids(agents.slice(1)))
    expect(await list('blocks')).toEqual([blocks[1].id])
    for (const path of ['agents', 'blocks']) expect((await call('GET', `/v1/identities/${newId('identity')}/${path}`)).status).toBe(404)
  })

  it('show it, are created with it and found by it', async () => {
    const { call } = await freshOrganization()
    const [ada, acme] = [await identity(call), await identity(call, { identifier_key: 'acme', identity_type: 'org' })]
    const both = await agent(call, { name: 'both', identity_ids: [ada.id, acme.id] })
    expect(both).toMatchObject({ identity_ids: [ada.id, acme.id], identities: [{ id: ada.id, agent_ids: [both.id] }, { id: acme.id }] })
    const one = await agent(call, { name: 'one' })
    expect(one).toMatchObject({ identity_ids: [], identities: [] })
    const changed = (await call('PATCH', `/v1/agents/${one.id}`, { identity_ids: [acme.id] })).body
    expect(changed).toMatchObject({ identity_ids: [acme.id], identities: [{ identifier_key: 'acme' }] })
    expect((await call('PATCH', `/v1/agents/${one.id}`, { name: 'still' })).body.identity_ids).toEqual([acme.id])
    const shown = (await call('GET', `/v1/agents/${both.id}`)).body
    expect(shown).toMatchObject({ identity_ids: [], identities: [] })
    expect((await call('GET', `/v1/agents/${both.id}?include=agent.identities`)).body.identity_ids).toEqual([ada.id, acme.id])
    const own = await block(call, { label: 'own' })
    await call('PATCH', `/v1/blocks/${own.id}/identities/attach/${ada.id}`)
    await block(call, { label: 'nobody' })
    const found = async (path: string) => {
      const [resource, query] = path.split('?')
      const listed = ids((await call('GET', `/v1/${resource}?order=asc&${query}`)).body)
      expect((await call('GET', `/v1/${resource}/count?${query}`)).body).toBe(listed.length)
      return listed
    }
    expect(await found(`agents?identity_id=${acme.id}`)).toEqual([both.id, one.id])
    expect(await found('agents?identifier_keys=user-42&identifier_keys=nobody')).toEqual([both.id])
    expect(await found('agents?identifier_keys=user-42&identifier_keys=acme')).toEqual([both.id, one.id])
    expect(await found(`agents?identity_id=${ada.id}&identifier_keys=acme`)).toEqual([])
    expect(await found(`blocks?identity_id=${ada.id}`)).toEqual([own.id])
    expect(await found('blocks?identifier_keys=user-42')).toEqual([own.id])
    expect(await found(`blocks?identity_id=${acme.id}`)).toEqual([])
    expect((await call('PATCH', `/v1/agents/${both.id}`, { identity_ids: [] })).body.identities).toEqual([])
  })

  it('refuse what is not there or foreign, and write nothing', async () => {
    const { call, organization_id } = await freshOrganization()
    const { call: other } = await freshOrganization()
    const [mine, theirs] = [await identity(call), await identity(other)]
    const [own, foreign] = [await agent(call), await agent(other)]
    for (const id of [theirs.id, newId('identity')]) {
      expect((await call('POST', '/v1/agents', { identity_ids: [mine.id, id] })).body.detail).toBe(`Identity '${id}' not found`)
      expect((await call('PATCH', `/v1/agents/${own.id}`, { name: 'not stored', identity_ids: [mine.id, id] })).status).toBe(404)
      for (const verb of ['attach', 'detach'])
        expect((await call('PATCH', `/v1/agents/${own.id}/identities/${verb}/${id}`)).status).toBe(404)
    }
    for (const verb of ['attach', 'detach'])
      expect((await call('PATCH', `/v1/agents/${foreign.id}/identities/${verb}/${mine.id}`)).status).toBe(404)
    expect(await count('agents', organization_id)).toBe(1)
    expect((await call('GET', `/v1/agents/${own.id}?include=agent.identities`)).body).toMatchObject({ name: 'agent', identities: [] })
    expect((await call('GET', `/v1/agents?identity_id=${theirs.id}`)).body).toEqual([])
    await other('PATCH', `/v1/agents/${foreign.id}/identities/attach/${theirs.id}`)
    expect((await call('GET', '/v1/agents?identifier_keys=user-42')).body).toEqual([])
  })

  it('lose it when either is deleted', async () => {
    const { call } = await freshOrganization()
    const [a, x] = [await agent(call), await block(call)]
    const one = await identity(call, { agent_ids: [a.id], block_ids: [x.id] })
    await call('DELETE', `/v1/identities/${one.id}`)
    expect(await links(one.id)).toBe(0)
    expect((await call('GET', `/v1/agents/${a.id}?include=agent.identities`)).body.identities).toEqual([])
    const two = await identity(call, { agent_ids: [a.id], block_ids: [x.id] })
    await call('DELETE', `/v1/agents/${a.id}`)
    await call('DELETE', `/v1/blocks/${x.id}`)
    expect((await call('GET', `/v1/identities/${two.id}`)).body).toMatchObject({ agent_ids: [], block_ids: [] })
    expect(await links(two.id)).toBe(0)
  })
})
