import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

describe('GET /v1/_internal_runs', () => {
  it('lists runs by steps, tools, duration, time and project, in both orders', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const inputs = ['/say a', '/call conversation_search {"query":"x"}\n/then\n/say b', '/wait 60ms\n/say c']
    for (const input of inputs) await call('POST', `/v1/agents/${id}/messages`, { input })
    const [quick, searched, slow] = ids((await call('GET', '/v1/runs?order=asc')).body)
    // Durations are whole milliseconds of a fast machine: told apart by hand.
    for (const [run, ms] of [
      [quick, 10],
      [searched, 20],
      [slow, 30],
    ] as const)
      await bindings.DB.prepare('update runs set total_duration_ns = ?2, project_id = ?3 where id = ?1')
        .bind(run, ms * 1e6, ms === 30 ? 'p' : null)
        .run()
    const tool = (await call('GET', '/v1/tools?name=conversation_search')).body[0]
    const list = async (query: string) => ids((await call('GET', `/v1/_internal_runs/?order=asc&${query}`)).body)
    expect(await list('')).toEqual([quick, searched, slow])
    expect(await list('step_count=2')).toEqual([searched])
    expect(await list('step_count=1&step_count_operator=lte')).toEqual([quick, slow])
    expect(await list(`tools_used=${tool.id}`)).toEqual([searched])
    expect(await list('tools_used=nothing&tools_used=conversation_search')).toEqual([searched])
    expect(await list(`run_ids=${slow}&run_ids=${quick}`)).toEqual([quick, slow])
    expect(await list(`run_id=${slow}`)).toEqual([slow])
    expect(await list('project_id=p')).toEqual([slow])
    expect(await list('template_family=none')).toEqual([])
    expect(await list('duration_value=20000000')).toEqual([slow])
    expect(await list('duration_value=20000000&duration_operator=lt')).toEqual([quick])
    expect(await list('duration_percentile=50')).toEqual([searched, slow])
    expect(await list('duration_percentile=100')).toEqual([slow])
    expect(await list('end_date=2020-01-01')).toEqual([])
    expect(await list('start_date=2020-01-01&statuses=completed')).toEqual([quick, searched, slow])
    expect(ids((await call('GET', '/v1/_internal_runs/?order_by=duration')).body)).toEqual([slow, searched, quick])
    expect(await list(`order_by=duration&after=${quick}&limit=1`)).toEqual([searched])
    expect((await call('GET', '/v1/_internal_runs/?duration_percentile=101')).status).toBe(422)
    expect((await (await freshOrganization()).call('GET', '/v1/_internal_runs/?duration_percentile=1')).body).toEqual([])
  })
})

describe('what internal clients do to agents and blocks', () => {
  it('counts agents, hidden ones only when asked', async () => {
    const { call } = await freshOrganization()
    await agent(call)
    await agent(call, { hidden: true })
    expect((await call('GET', '/v1/_internal_agents/count')).body).toBe(1)
    expect((await call('GET', '/v1/_internal_agents/count?exclude_hidden=false')).body).toBe(2)
  })

  it('changes a block of an agent, unless it has a newer version', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { memory_blocks: [{ label: 'human', value: 'Ada' }] })
    const path = `/v1/_internal_agents/${id}/core-memory/blocks/human`
    const { body } = await call('PATCH', path, { value: 'Ada L.', template_id: 't' })
    expect(body).toMatchObject({ value: 'Ada L.', template_id: 't', version: 2 })
    expect((await call('PATCH', path, { value: 'x', base_version: 1 })).status).toBe(409)
    expect((await call('PATCH', path, { value: 'x' }, { 'if-match': '"x:1"' })).status).toBe(412)
    expect((await call('PATCH', path.replace('human', 'other'), { value: 'x' })).status).toBe(404)
  })

  it('creates, lists and deletes blocks, and tells their agents', async () => {
    const { call } = await freshOrganization()
    const block = (await call('POST', '/v1/_internal_blocks/', { label: 'notes', value: 'x', deployment_id: 'd' })).body
    const id = await agent(call, { block_ids: [block.id] })
    expect((await call('GET', '/v1/_internal_blocks/?label=notes')).body).toEqual([block])
    expect(ids((await call('GET', `/v1/_internal_blocks/${block.id}/agents`)).body)).toEqual([id])
    expect(await call('DELETE', `/v1/_internal_blocks/${block.id}`)).toMatchObject({ status: 200, body: null })
    expect((await call('DELETE', `/v1/_internal_blocks/${block.id}`)).status).toBe(404)
  })
})

describe('POST /v1/_internal_search/cache-warm', () => {
  it('reads ahead what a search of messages needs, and refuses what is no collection', async () => {
    const { call } = await freshOrganization()
    const path = '/v1/_internal_search/cache-warm'
    const warmed = await call('POST', path, { collection: 'messages', scope: {} })
    expect([warmed.status, warmed.body]).toEqual([200, { collection: 'messages', status: 'ok', warmed: true }])
    expect((await call('POST', path, { collection: 'dreams', scope: {} })).status).toBe(422)
    expect((await call('POST', path, { collection: 'messages', scope: {}, more: 1 })).status).toBe(422)
  })
})

describe('/v1/_internal_templates', () => {
  it('makes agents and blocks of a deployment, lists them and deletes them together', async () => {
    const { call } = await freshOrganization()
    const of = { deployment_id: 'deploy/1', entity_id: 'e', template_id: 't', base_template_id: 'b', project_id: 'p' }
    const made = (await call('POST', '/v1/_internal_templates/agents', { name: 'Ada', ...of })).body
    expect(made).toMatchObject({ ...of, name: 'Ada' })
    const block = (await call('POST', '/v1/_internal_templates/blocks', { label: 'one', value: 'x', ...of })).body
    const several = await call('POST', '/v1/_internal_templates/blocks/batch', [
      { label: 'two', value: 'y', ...of },
      { label: 'three', description: 'Third.', deployment_id: 'other' },
    ])
    expect(several.body).toMatchObject([
      { label: 'two', ...of },
      { label: 'three', description: 'Third.' },
    ])
    const group = (await call('POST', '/v1/_internal_templates/groups', { agent_ids: [made.id], description: 'All.', ...of })).body
    const path = `/v1/_internal_templates/deployment/${encodeURIComponent('deploy/1')}`
    const { body } = await call('GET', path)
    expect(body).toMatchObject({ total_count: 4, deployment_id: 'deploy/1', message: expect.any(String) })
    expect(body.entities).toEqual([
      { id: made.id, type: 'agent', name: 'Ada', description: null, entity_id: 'e', project_id: 'p' },
      { id: block.id, type: 'block', name: 'one', description: null, entity_id: 'e', project_id: 'p' },
      expect.objectContaining({ type: 'block', name: 'two' }),
      { id: group.id, type: 'group', name: null, description: 'All.', entity_id: null, project_id: 'p' },
    ])
    expect((await call('GET', `${path}?entity_types=agent`)).body.total_count).toBe(1)
    const stranger = await freshOrganization()
    expect((await stranger.call('DELETE', path)).status).toBe(404)
    expect((await call('DELETE', path)).body).toMatchObject({
      deleted_agents: [made.id],
      deleted_blocks: [block.id, several.body[0].id],
      deleted_groups: [group.id],
    })
    expect((await call('GET', path)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${made.id}`)).status).toBe(404)
    expect(ids((await call('GET', '/v1/blocks')).body)).toEqual([several.body[1].id])
  })

  it('takes a list of blocks whole or not at all', async () => {
    const { call } = await freshOrganization()
    const create = (body: unknown) => call('POST', '/v1/_internal_templates/blocks/batch', body)
    for (const body of [{}, [], null, 'text', [{ value: 'x' }], [{ label: 'a' }, { label: 'b', value: 'long', limit: 1 }]])
      expect((await create(body)).status).toBe(422)
    expect((await call('GET', '/v1/blocks')).body).toEqual([])
  })
})
