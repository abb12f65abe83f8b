import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const archive = async (call: Call, fields: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/archives/', { name: 'Notes', ...fields })).body
const agent = async (call: Call, fields: Record<string, unknown> = {}) =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body
const link = (call: Call, verb: 'attach' | 'detach', agentId: string, archiveId: string) =>
  call('PATCH', `/v1/agents/${agentId}/archives/${verb}/${archiveId}`)
const names = (rows: { name: string }[]) => rows.map(({ name }) => name)
const count = (query: string, ...params: unknown[]) =>
  DB.prepare(query)
    .bind(...params)
    .first<number>('n')

describe('archives', () => {
  it('are created with what is sent, and read, changed and deleted', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const made = await archive(call, { description: 'What I noted', metadata: { a: 1 } })
    expect(made).toEqual({
      id: expect.stringMatching(/^archive-/),
      organization_id,
      name: 'Notes',
      description: 'What I noted',
      vector_db_provider: 'native',
      embedding: null,
      embedding_config: null,
      metadata: { a: 1 },
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    const path = `/v1/archives/${made.id}`
    expect((await call('GET', path)).body).toEqual(made)
    const changed = (await call('PATCH', path, { name: 'Diary', description: null })).body
    expect(changed).toEqual({ ...made, name: 'Diary', updated_at: expect.any(String) })
    const deleted = await call('DELETE', path)
    expect([deleted.status, deleted.body]).toEqual([204, ''])
    for (const method of ['GET', 'DELETE']) expect((await call(method, path)).status).toBe(404)
    expect((await call('PATCH', path, { name: 'x' })).status).toBe(404)
  })

  it('keep the embedding model that they are given, by handle or in full', async () => {
    const { call } = await freshOrganization()
    const embedding = 'openai/text-embedding-3-small'
    expect(await archive(call, { embedding })).toMatchObject({
      embedding,
      embedding_config: {
        handle: embedding,
        embedding_model: 'text-embedding-3-small',
        embedding_dim: 1536,
        embedding_endpoint_type: 'openai',
      },
    })
    const embedding_config = { embedding_model: 'own', embedding_dim: 3, embedding_endpoint_type: 'vllm' }
    expect(await archive(call, { embedding_config })).toMatchObject({ embedding: 'vllm/own', embedding_config })
    expect(await archive(call, { embedding: 'openai/of-the-future' })).toMatchObject({ embedding_config: null })
    const unknown = await call('POST', '/v1/archives', { name: 'x', embedding: 'nobody/model' })
    expect([unknown.status, unknown.body.detail]).toEqual([404, expect.stringMatching(/^NOT_FOUND: Handle nobody\/model not found/)])
    expect((await call('POST', '/v1/archives', { name: 'x', embedding: 'no handle' })).status).toBe(422)
    expect((await call('POST', '/v1/archives', { name: '' })).status).toBe(422)
  })

  it('are listed newest first, by name and by agent, page by page', async () => {
    const { call } = await freshOrganization()
    const made = []
    for (const name of ['a', 'b', 'b', 'c']) made.push(await archive(call, { name }))
    const list = async (query: string) => names((await call('GET', `/v1/archives/?${query}`)).body)
    expect(await list('')).toEqual(['c', 'b', 'b', 'a'])
    expect(await list('order=asc&limit=2')).toEqual(['a', 'b'])
    expect(await list(`order=asc&after=${made[1].id}`)).toEqual(['b', 'c'])
    expect(await list(`limit=1&before=${made[1].id}`)).toEqual(['b'])
    expect(await list('name=b')).toEqual(['b', 'b'])
    const { id } = await agent(call)
    expect(await list(`agent_id=${id}`)).toEqual([])
    await link(call, 'attach', id, made[0].id)
    expect(await list(`agent_id=${id}`)).toEqual(['a'])
    expect(await list(`agent_id=${id}&name=b`)).toEqual([])
    expect((await call('GET', `/v1/archives?after=${newId('archive')}`)).status).toBe(404)
  })

  it('are made once under an Idempotency-Key', async () => {
    const { call } = await freshOrganization()
    const make = () => call('POST', '/v1/archives', { name: 'Notes' }, { 'idempotency-key': 'k' })
    expect((await make()).body).toEqual((await make()).body)
    expect((await call('GET', '/v1/archives')).body).toHaveLength(1)
  })

  it('take their passages, tags, index and links with them', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const made = await archive(call)
    await link(call, 'attach', id, made.id)
    const passages = [1, 2, 3].map((n) => ({ text: `zanzibar ${n}`, tags: ['t', `t${n}`] }))
    await call('POST', `/v1/archives/${made.id}/passages/batch`, { passages })
    const left = () =>
      Promise.all([
        count('select count(*) as n from archival_passages where archive_id = ?1', made.id),
        count('select count(*) as n from passage_tags where archive_id = ?1', made.id),
        count('select count(*) as n from archives_agents where archive_id = ?1', made.id),
        count("select count(*) as n from archival_passages_fts where archival_passages_fts match 'zanzibar'"),
      ])
    expect(await left()).toEqual([3, 6, 1, 3])
    expect((await call('DELETE', `/v1/archives/${made.id}`)).status).toBe(204)
    expect(await left()).toEqual([0, 0, 0, 0])
    expect((await call('GET', `/v1/agents/${id}/archival-memory`)).body).toEqual([])
    expect((await call('POST', `/v1/agents/${id}/archival-memory`, { text: 'anew' })).status).toBe(200)
  })
})

describe('the archive of an agent', () => {
  it('is attached once, and one at a time', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const [one, two] = [await archive(call), await archive(call)]
    for (let i = 0; i < 2; i++) expect(await link(call, 'attach', id, one.id)).toMatchObject({ status: 200, body: null })
    const second = await link(call, 'attach', id, two.id)
    expect(second).toMatchObject({ status: 409, body: { code: 'archive_taken', detail: expect.stringContaining('Detach') } })
    expect(second.headers.get('x-should-retry')).toBe('false')
    for (let i = 0; i < 2; i++) expect(await link(call, 'detach', id, one.id)).toMatchObject({ status: 200, body: null })
    expect((await link(call, 'attach', id, two.id)).status).toBe(200)
    for (const verb of ['attach', 'detach'] as const) {
      expect((await link(call, verb, id, newId('archive'))).status).toBe(404)
      expect((await link(call, verb, newId('agent'), one.id)).status).toBe(404)
    }
  })

  it('is one of two that are attached at once', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const made = await Promise.all([archive(call), archive(call), archive(call)])
    const answers = await Promise.all(made.map((one) => link(call, 'attach', id, one.id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    expect(await count('select count(*) as n from archives_agents where agent_id = ?1', id)).toBe(1)
  })

  it('is shared, and names the agents that share it', async () => {
    const { call } = await freshOrganization()
    const made = await archive(call)
    const agents = [await agent(call, { name: 'a', tags: ['x'] }), await agent(call, { name: 'b' }), await agent(call, { name: 'c' })]
    for (const { id } of agents) await link(call, 'attach', id, made.id)
    await agent(call, { name: 'apart' })
    const list = async (query: string) => (await call('GET', `/v1/archives/${made.id}/agents?${query}`)).body
    expect(names(await list(''))).toEqual(['c', 'b', 'a'])
    expect(names(await list(`order=asc&limit=1&after=${agents[0].id}`))).toEqual(['b'])
    expect((await list('order=asc&limit=1&include=agent.tags'))[0]).toMatchObject({ id: agents[0].id, tags: ['x'], blocks: [] })
    expect((await call('GET', `/v1/archives/${newId('archive')}/agents`)).status).toBe(404)
    await call('POST', `/v1/agents/${agents[0].id}/archival-memory`, { text: 'known to all' })
    for (const { id } of agents)
      expect((await call('GET', `/v1/agents/${id}/archival-memory`)).body).toMatchObject([{ text: 'known to all' }])
  })

  it('outlives the agent', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const [passage] = (await call('POST', `/v1/agents/${id}/archival-memory`, { text: 'lasting' })).body
    await call('DELETE', `/v1/agents/${id}`)
    const path = `/v1/archives/${passage.archive_id}`
    expect((await call('GET', path)).status).toBe(200)
    expect((await call('GET', `${path}/agents`)).body).toEqual([])
    expect((await call('POST', '/v1/passages/search', { query: 'lasting' })).body).toHaveLength(1)
  })

  it('is of no one else', async () => {
    const [mine, theirs] = [await freshOrganization(), await freshOrganization()]
    const made = await archive(theirs.call)
    const { id } = await agent(mine.call)
    const other = await agent(theirs.call)
    expect((await link(mine.call, 'attach', id, made.id)).status).toBe(404)
    expect((await link(mine.call, 'attach', other.id, made.id)).status).toBe(404)
    await link(theirs.call, 'attach', other.id, made.id)
    expect((await mine.call('GET', `/v1/archives?agent_id=${other.id}`)).body).toEqual([])
    expect((await mine.call('GET', `/v1/archives/${made.id}/agents`)).status).toBe(404)
    expect((await mine.call('DELETE', `/v1/archives/${made.id}`)).status).toBe(404)
    expect((await theirs.call('GET', `/v1/archives/${made.id}`)).status).toBe(200)
  })
})
