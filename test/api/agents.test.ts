import { describe, expect, it } from 'vitest'
import { database } from '../../src/db/client'
import { configOf } from '../../src/env'
import { open } from '../../src/lib/crypto'
import { newId } from '../../src/lib/id'
import { agentService, everything } from '../../src/resources/agents/service'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const every = ['blocks', 'tools', 'tags', 'secrets'].map((name) => `include=agent.${name}`).join('&')

async function agent(call: Call, fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/agents/', { name: 'Ada', ...fields })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}
const block = async (call: Call, label = 'human') => (await call('POST', '/v1/blocks/', { label, value: label })).body
const names = (rows: { name: string }[]) => rows.map((row) => row.name)
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
const count = async (table: string, organization_id: string) =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>())?.n

describe('creating an agent', () => {
  it('takes every deprecated field of the SDK: what has a new name goes there, the rest is left', async () => {
    const { call } = await freshOrganization()
    const old = {
      embedding_chunk_size: 300,
      enable_reasoner: true,
      from_template: 'project/template:latest',
      hidden: false,
      include_default_source: true,
      max_reasoning_tokens: 100,
      max_tokens: 77,
      memory_variables: { who: 'Ada' },
      parallel_tool_calls: false,
      project: 'default',
      reasoning: true,
      response_format: { type: 'text' },
      source_ids: [],
      template: true,
      tool_exec_environment_variables: { KEY: 'secret' },
      a_field_of_tomorrow: { deep: [1] },
    }
    const made = await agent(call, old)
    expect(made.model_settings).toMatchObject({ max_output_tokens: 77, parallel_tool_calls: false })
    expect(made.secrets).toMatchObject([{ key: 'KEY' }])
    const changed = await call('PATCH', `/v1/agents/${made.id}`, { ...old, max_tokens: 78 })
    expect([changed.status, changed.body.model_settings.max_output_tokens]).toEqual([200, 78])
  })

  it('answers with all of it, defaults filled in', async () => {
    const { call, user_id } = await freshOrganization()
    const made = await agent(call, { memory_blocks: [{ label: 'human', value: 'Name: Ada' }], tags: ['b', 'a', 'a'] })
    expect(made).toMatchObject({
      id: expect.stringMatching(/^agent-/),
      name: 'Ada',
      agent_type: 'letta_v1_agent',
      model: 'loci/scripted',
      timezone: 'UTC',
      tags: ['a', 'b'],
      message_buffer_autoclear: false,
      max_files_open: 10,
      per_file_view_window_char_limit: 25_000,
      created_by_id: user_id,
      embedding: null,
      embedding_config: null,
      pending_approval: null,
      managed_group: null,
      identities: [],
      sources: [],
      secrets: [],
      tool_rules: [],
      last_stop_reason: null,
    })
    expect(made.llm_config).toMatchObject({ handle: 'loci/scripted', model: 'scripted', context_window: 128_000 })
    expect(made.model_settings).toMatchObject({ provider_type: 'openai', parallel_tool_calls: true })
    expect(made.blocks).toMatchObject([{ label: 'human', value: 'Name: Ada', limit: 100_000, version: 1 }])
    expect(made.memory.blocks).toEqual(made.blocks)
    expect(names(made.tools).sort()).toEqual(['conversation_search', 'memory_insert', 'memory_replace'])
    expect(made.message_ids).toHaveLength(1)
    expect(made).not.toHaveProperty('organization_id')
  })

  it('stores the settings that the SDK tests expect of gpt-4o-mini', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { model: 'openai/gpt-4o-mini', embedding: 'openai/text-embedding-3-small' })
    expect(made.model_settings).toEqual({
      max_output_tokens: 16_384,
      parallel_tool_calls: true,
      strict: false,
      provider_type: 'openai',
      temperature: 1,
      reasoning: { reasoning_effort: 'minimal' },
      response_format: null,
    })
    const renamed = await call('PATCH', `/v1/agents/${made.id}`, { name: 'Grace' })
    expect(renamed.body).toMatchObject({ name: 'Grace', model_settings: made.model_settings, embedding: 'openai/text-embedding-3-small' })
  })

  it('makes up a name when it is given none', async () => {
    const { call } = await freshOrganization()
    expect((await call('POST', '/v1/agents', {})).body.name).toMatch(/^[A-Z][a-z]+[A-Z][a-z]+$/)
  })

  it('attaches blocks and tools by id and name', async () => {
    const { call } = await freshOrganization()
    const known = await block(call, 'shared')
    const tool = (await call('GET', '/v1/tools?name=memory_rethink')).body[0]
    const made = await agent(call, {
      include_base_tools: false,
      tools: ['send_message'],
      tool_ids: [tool.id],
      block_ids: [known.id],
      memory_blocks: [{ label: 'human', value: '' }],
    })
    expect(names(made.tools)).toEqual(['send_message', 'memory_rethink'])
    expect(made.blocks.map((one: { label: string }) => one.label)).toEqual(['human', 'shared'])
  })

  it('begins the context with the initial messages', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, {
      initial_message_sequence: [
        { role: 'assistant', content: 'Hello.' },
        { role: 'user', content: [{ type: 'text', text: 'Hi.' }] },
      ],
    })
    expect(made.message_ids).toHaveLength(3)
    const listed = await call('GET', `/v1/agents/${made.id}/messages?order=asc`)
    expect(listed.body.map((m: { message_type: string }) => m.message_type)).toEqual([
      'system_message',
      'assistant_message',
      'user_message',
    ])
  })

  it('adds an approval rule for a tool that wants one, and each rule once', async () => {
    const { call } = await freshOrganization()
    const json_schema = { name: 'launch', description: '', parameters: { type: 'object', properties: {} } }
    const tool = (await call('POST', '/v1/tools', { source_code: 'def launch(): ...', json_schema, default_requires_approval: true })).body
    const rule = { type: 'exit_loop', tool_name: 'launch' }
    const made = await agent(call, { tool_ids: [tool.id], tool_rules: [rule, rule] })
    expect(made.tool_rules).toEqual([
      { ...rule, prompt_template: null },
      { type: 'requires_approval', tool_name: 'launch', prompt_template: null },
    ])
  })

  it('gives older types the rules of their base tools', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { agent_type: 'memgpt_v2_agent' })
    expect(made.tool_rules).toContainEqual({ type: 'exit_loop', tool_name: 'send_message', prompt_template: null })
    expect(made.tool_rules).toContainEqual({ type: 'continue_loop', tool_name: 'memory_insert', prompt_template: null })
  })

  it('hides agents that serve other agents', async () => {
    const { call } = await freshOrganization()
    expect((await agent(call, { tags: ['role:subagent'] })).hidden).toBe(true)
    expect((await call('GET', '/v1/agents')).body).toEqual([])
    expect((await call('GET', '/v1/agents/count')).body).toBe(0)
    expect((await call('GET', '/v1/agents?show_hidden_agents=true')).body).toHaveLength(1)
  })

  it('takes the model from llm_config and the deprecated fields', async () => {
    const { call } = await freshOrganization()
    const llm_config = { model: 'scripted', model_endpoint_type: 'openai', provider_name: 'loci', context_window: 9_000 }
    const made = await agent(call, {
      llm_config,
      max_tokens: 100,
      parallel_tool_calls: false,
      template: false,
      project: 'x',
      unheard_of: 1,
    })
    expect(made.model).toBe('loci/scripted')
    expect(made.llm_config.context_window).toBe(9_000)
    expect(made.model_settings).toMatchObject({ max_output_tokens: 100, parallel_tool_calls: false })
    expect((await agent(call, { context_window_limit: 5_000 })).llm_config.context_window).toBe(5_000)
  })

  it('seals secrets and never sends them back', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { secrets: { KEY: 'hush' }, tool_exec_environment_variables: { OLD: 'also' } })
    expect(made.secrets).toMatchObject([
      { id: expect.stringMatching(/^agent-env-/), key: 'KEY', value: '', value_enc: null, agent_id: made.id },
      { key: 'OLD', value: '' },
    ])
    expect(made.tool_exec_environment_variables).toEqual(made.secrets)
    expect(JSON.stringify(made)).not.toContain('hush')
    const row = await DB.prepare("select value_enc from agent_environment_variables where agent_id = ? and key = 'KEY'")
      .bind(made.id)
      .first<{ value_enc: string }>()
    expect(row?.value_enc).not.toContain('hush')
    expect(await open('test-encryption-key', row?.value_enc ?? '')).toBe('hush')
  })

  const wrong: [what: string, body: Record<string, unknown>, status: number, says: RegExp][] = [
    ['an unknown provider of a model', { model: 'nobody/model' }, 404, /nobody/],
    ['a malformed model handle', { model: 'gpt' }, 422, /model.*<provider>\/<model>/],
    ['a forbidden character in the name', { name: 'a/b' }, 422, /name: must not contain/],
    ['an unknown time zone', { timezone: 'Mars/Olympus' }, 422, /timezone: must be an IANA/],
    ['an unknown tool', { tools: ['no_such_tool'] }, 400, /Tools not found by name: \['no_such_tool'\]/],
    ['an unknown tool id', { tool_ids: [newId('tool')] }, 400, /Tools not found by id/],
    ['an unknown block', { block_ids: ['block-00000000-0000-4000-8000-00000000dead'] }, 404, /block-00000000-0000-4000-8000-00000000dead/],
    [
      'two blocks with one label',
      {
        memory_blocks: [
          { label: 'x', value: '' },
          { label: 'x', value: '' },
        ],
      },
      422,
      /two blocks are labelled 'x'/,
    ],
    ['a value over the limit of its block', { memory_blocks: [{ label: 'x', value: 'four', limit: 3 }] }, 422, /4/],
    ['a malformed tool rule', { tool_rules: [{ type: 'run_often', tool_name: 'x' }] }, 422, /tool_rules/],
    ['a folder that is not there', { folder_ids: ['source-1'] }, 404, /source-1/],
    ['an unknown identity', { identity_ids: ['identity-1'] }, 404, /Identity 'identity-1' not found/],
    ['an empty initial message', { initial_message_sequence: [{ role: 'user', content: '' }] }, 422, /initial_message_sequence/],
  ]
  it.each(wrong)('refuses %s and writes nothing', async (_, body, status, says) => {
    const { call, organization_id } = await freshOrganization()
    const answer = await call('POST', '/v1/agents/', { memory_blocks: [{ label: 'fine', value: '' }], ...body })
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(says)])
    expect(await count('agents', organization_id)).toBe(0)
    expect(await count('block', organization_id)).toBe(0)
  })

  it('refuses a block of another organization as if it were not there', async () => {
    const { call } = await freshOrganization()
    const foreign = await block((await freshOrganization()).call)
    const answer = await call('POST', '/v1/agents/', { block_ids: [foreign.id] })
    expect([answer.status, answer.body.detail]).toEqual([404, expect.stringContaining(foreign.id)])
  })

  it('refuses a new block with the label of an attached one', async () => {
    const { call } = await freshOrganization()
    const known = await block(call, 'human')
    const answer = await call('POST', '/v1/agents/', { block_ids: [known.id], memory_blocks: [{ label: 'human', value: '' }] })
    expect([answer.status, answer.body.code]).toEqual([409, 'label_taken'])
  })
})

describe('reading agents', () => {
  it('fills in only the relations that are asked for', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { memory_blocks: [{ label: 'human', value: '' }], tags: ['t'], secrets: { A: 'b' } })
    const bare = (await call('GET', `/v1/agents/${made.id}`)).body
    expect(bare).toMatchObject({ blocks: [], tools: [], tags: [], secrets: [], sources: [], identities: [], memory: { blocks: [] } })
    const some = (await call('GET', `/v1/agents/${made.id}?include=agent.blocks&include=agent.tags`)).body
    expect(some).toMatchObject({ blocks: [{ label: 'human' }], memory: { blocks: [{ label: 'human' }] }, tags: ['t'], tools: [] })
    expect((await call('GET', `/v1/agents/${made.id}?${every}`)).body).toEqual(made)
    expect((await call('GET', `/v1/agents/${made.id}?include_relationships=tools`)).body.tools).toHaveLength(3)
    expect((await call('GET', `/v1/agents/${made.id}?include=agent.hat`)).status).toBe(422)
  })

  it('is a 404 for a missing and a foreign agent alike', async () => {
    const { call } = await freshOrganization()
    const made = await agent((await freshOrganization()).call)
    for (const id of [made.id, newId('agent')]) {
      for (const [method, path, body] of [
        ['GET', ''],
        ['PATCH', '', { name: 'x' }],
        ['DELETE', ''],
        ['GET', '/context'],
        ['POST', '/recompile'],
        ['GET', '/messages'],
        ['POST', '/messages', { input: 'x' }],
        ['POST', '/messages/async', { input: 'x' }],
        ['POST', '/messages/cancel', {}],
        ['PATCH', '/reset-messages', {}],
      ] as const) {
        const { status } = await call(method, `/v1/agents/${id}${path}`, body)
        expect([path, status]).toEqual([path, 404])
      }
    }
    expect((await call('GET', '/v1/agents/agent-1')).status).toBe(422)
  })

  it('lists by every filter', async () => {
    const { call, user_id } = await freshOrganization()
    const a = await agent(call, { name: 'Alpha One', tags: ['x', 'y'], project_id: 'p', template_id: 't', base_template_id: 'b' })
    const b = await agent(call, { name: 'beta', tags: ['x'] })
    const list = async (query: string) => ids((await call('GET', `/v1/agents/?order=asc&${query}`)).body)
    expect(await list('')).toEqual([a.id, b.id])
    expect(await list('name=beta')).toEqual([b.id])
    expect(await list('name=')).toEqual([a.id, b.id])
    expect(await list('query_text=PHA')).toEqual([a.id])
    expect(await list('tags=x&tags=y')).toEqual([a.id, b.id])
    expect(await list('tags=x&tags=y&match_all_tags=true')).toEqual([a.id])
    expect(await list('tags=x&tags=x&match_all_tags=true')).toEqual([a.id, b.id])
    expect(await list('project_id=p')).toEqual([a.id])
    expect(await list('template_id=t')).toEqual([a.id])
    expect(await list('base_template_id=b')).toEqual([a.id])
    expect(await list(`created_by_id=${user_id}`)).toEqual([a.id, b.id])
    expect(await list('identity_id=identity-1')).toEqual([])
    expect(await list('identifier_keys=k')).toEqual([])
    expect(await list('last_stop_reason=end_turn')).toEqual([])
    await call('POST', `/v1/agents/${b.id}/messages`, { input: 'hello' })
    expect(await list('last_stop_reason=end_turn')).toEqual([b.id])
    expect((await call('GET', '/v1/agents/count?tags=y')).body).toBe(1)
    expect((await call('GET', '/v1/agents/?ascending=true&sort_by=created_at')).body.map((s: { id: string }) => s.id)).toEqual([a.id, b.id])
    expect((await call('GET', '/v1/agents/?order_by=shoe_size')).status).toBe(422)
  })

  it('sorts agents without a last run last, in both directions, and pages through them', async () => {
    const { call } = await freshOrganization()
    const made = []
    for (const name of ['a', 'b', 'c', 'd']) made.push(await agent(call, { name, include_base_tools: false }))
    const [a, b, c, d] = made
    for (const [one, at] of [
      [c, '2026-01-01T00:00:00Z'],
      [a, '2026-01-02T00:00:00Z'],
    ])
      await call('PATCH', `/v1/agents/${one.id}`, { last_run_completion: at })
    const list = async (query: string) => names((await call('GET', `/v1/agents/?order_by=last_run_completion&${query}`)).body)
    expect(await list('order=asc')).toEqual(['c', 'a', 'b', 'd'])
    expect(await list('order=desc')).toEqual(['a', 'c', 'd', 'b'])
    expect(await list(`order=asc&limit=2&after=${c.id}`)).toEqual(['a', 'b'])
    expect(await list(`order=asc&limit=2&after=${b.id}`)).toEqual(['d'])
    expect(await list(`order=asc&limit=2&before=${d.id}`)).toEqual(['a', 'b'])
    expect(await list(`order=asc&before=${a.id}`)).toEqual(['c'])
    expect(await list(`order=desc&limit=2&before=${b.id}`)).toEqual(['c', 'd'])
    expect(await list(`order=asc&after=${c.id}&before=${d.id}`)).toEqual(['a', 'b'])
    expect((await call('GET', `/v1/agents/?after=${newId('agent')}`)).status).toBe(404)
  })

  it('reads the relations of any number of agents with the same number of queries', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const shared = await block(call)
    for (let i = 0; i < 5; i++) await agent(call, { block_ids: [shared.id], tags: ['t'], secrets: { A: 'b' } })
    let queries = 0
    const counting = new Proxy(DB, {
      get(target, key) {
        if (key === 'prepare') queries++
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const ctx = {
      db: database(counting),
      env: { ...bindings, DB: counting },
      config: configOf(bindings),
      actor: { organization_id, user_id, scopes: ['read'] },
      later: () => undefined,
    }
    const used = async (limit: number) => {
      queries = 0
      const found = await agentService.list(ctx, { limit, order: 'desc', include: [...everything] })
      expect(found).toHaveLength(limit)
      expect(found.every((one) => one.blocks.length === 1 && one.tools.length === 3 && one.tags.length === 1)).toBe(true)
      return queries
    }
    expect(await used(5)).toBe(await used(1))
  })

  it('lists the agents of a block', async () => {
    const { call } = await freshOrganization()
    const shared = await block(call)
    const made = []
    for (const name of ['a', 'b', 'c']) made.push(await agent(call, { name, block_ids: [shared.id] }))
    await agent(call, { name: 'without' })
    const list = async (query: string) => names((await call('GET', `/v1/blocks/${shared.id}/agents?${query}`)).body)
    expect(await list('')).toEqual(['c', 'b', 'a'])
    expect(await list(`order=asc&limit=1&after=${made[0].id}`)).toEqual(['b'])
    expect((await call('GET', `/v1/blocks/${shared.id}/agents?include=agent.blocks`)).body[0].blocks).toHaveLength(1)
    expect((await call('GET', `/v1/blocks/${newId('block')}/agents`)).status).toBe(404)
  })
})
