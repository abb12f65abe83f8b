import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Ctx } from '../../src/context'
import { database } from '../../src/db/client'
import { builtinTools, defaultToolNames } from '../../src/resources/tools/builtins'
import { resolveTools, toolsOfAgents } from '../../src/resources/tools/service'
import { builtins } from '../../src/runtime/tools'
import { freshAgent } from '../support/agent'
import { type Call, freshOrganization, type Member } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }
const source_code = 'def roll_dice(sides: int) -> int:\n    return 4\n'
const json_schema = {
  name: 'roll_dice',
  description: 'Rolls a die.',
  parameters: { type: 'object', properties: { sides: { type: 'integer' } }, required: ['sides'] },
}
const ctxOf = ({ organization_id, user_id }: Member) =>
  ({ db: database(DB), env: { DB }, actor: { organization_id, user_id, scopes: ['read', 'write'] } }) as unknown as Ctx
const names = (rows: { name: string }[]) => rows.map((row) => row.name)

const source = (name: string) => source_code.replace('roll_dice', name)

async function tool(call: Call, name = 'roll_dice', fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/tools/', { source_code: source(name), json_schema: { ...json_schema, name }, ...fields })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}

describe('tools', () => {
  it('are stored as they are sent, and read, changed and deleted', async () => {
    const { call, user_id } = await freshOrganization()
    const made = await tool(call, 'roll_dice', {
      tags: ['dice'],
      return_char_limit: 100,
      pip_requirements: [{ name: 'numpy', version: '2' }],
    })
    expect(made).toEqual({
      id: expect.stringMatching(/^tool-/),
      name: 'roll_dice',
      tool_type: 'custom',
      description: 'Rolls a die.',
      tags: ['dice'],
      source_type: 'python',
      source_code,
      json_schema,
      args_json_schema: {},
      return_char_limit: 100,
      pip_requirements: [{ name: 'numpy', version: '2' }],
      npm_requirements: null,
      default_requires_approval: null,
      enable_parallel_execution: false,
      metadata_: { tool_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      project_id: null,
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    const path = `/v1/tools/${made.id}`
    expect((await call('GET', path)).body).toEqual(made)
    const changed = await call('PATCH', path, { tags: ['games'], return_char_limit: null, description: 'Any die.' })
    expect(changed.body).toEqual({
      ...made,
      tags: ['games'],
      description: 'Any die.',
      json_schema: { ...json_schema, description: 'Any die.' },
    })
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', path)).status).toBe(404)
    expect((await call('DELETE', path)).status).toBe(404)
  })
  it('are refused when a field is wrong', async () => {
    const { call } = await freshOrganization()
    for (const [field, body] of [
      ['source_code', { json_schema }],
      ['json_schema', { source_code, source_type: 'json' }],
      ['json_schema.name', { source_code, json_schema: { parameters: {} } }],
      ['json_schema.name', { source_code, json_schema: { name: 'roll dice' } }],
      ['json_schema.parameters.type', { source_code, json_schema: { name: 'x', parameters: { type: 'array' } } }],
      ['args_json_schema.type', { source_code, args_json_schema: { type: 'array' } }],
      ['return_char_limit', { source_code, json_schema, return_char_limit: 0 }],
      ['source_type', { source_code, json_schema, source_type: 'cobol' }],
    ] as const) {
      const answer = await call('POST', '/v1/tools', body)
      expect([answer.status, answer.body.errors[0].field]).toEqual([422, field])
    }
    expect((await call('GET', '/v1/tools?tool_types=custom')).body).toEqual([])
  })
  it('keep their id when one of the same name is created or upserted, and change what was sent', async () => {
    const { call } = await freshOrganization()
    const made = await tool(call, 'roll_dice', { tags: ['dice'] })
    const again = await call('POST', '/v1/tools', { source_code: 'x = 1', json_schema })
    expect(again.body).toMatchObject({ id: made.id, source_code: 'x = 1', tags: ['dice'] })
    const put = await call('PUT', '/v1/tools/', {
      source_code,
      json_schema: { name: 'roll_dice' },
      description: 'new',
      return_char_limit: 9,
    })
    expect(put.body).toMatchObject({ id: made.id, source_code, description: 'new', return_char_limit: 9 })
    const fresh = await call('PUT', '/v1/tools/', { source_code: source('flip_coin'), json_schema: { name: 'flip_coin' } })
    expect(fresh.body).toMatchObject({ name: 'flip_coin', json_schema: { name: 'flip_coin', parameters: { type: 'object' } } })
    expect(fresh.body.id).not.toBe(made.id)
    const many = await Promise.all(
      Array.from({ length: 6 }, () => call('PUT', '/v1/tools', { source_code: source('raced'), json_schema: { name: 'raced' } })),
    )
    expect(new Set(many.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
  })
  it('take the arguments from args_json_schema when it is sent', async () => {
    const { call } = await freshOrganization()
    const args_json_schema = { type: 'object', properties: { n: { type: 'integer' } } }
    const made = await tool(call, 'roll_dice', { args_json_schema })
    expect(made).toMatchObject({ args_json_schema, json_schema: { name: 'roll_dice', parameters: args_json_schema } })
  })
  it('are renamed by schema and source together, to a name that is free', async () => {
    const { call } = await freshOrganization()
    const made = await tool(call)
    await tool(call, 'other')
    const path = `/v1/tools/${made.id}`
    const schema = (name: string) => ({ ...json_schema, name })
    for (const body of [{}, { source_code }]) {
      const { status, body: problem } = await call('PATCH', path, { ...body, json_schema: schema('throw_dice') })
      expect([status, problem.code, problem.detail]).toEqual([
        400,
        'name_mismatch',
        expect.stringContaining("the source defines 'roll_dice'"),
      ])
    }
    for (const name of ['other', 'send_message']) {
      expect((await call('PATCH', path, { json_schema: schema(name), source_code: source(name) })).body.code).toBe('name_taken')
    }
    const renamed = { json_schema: schema('throw_dice'), source_code: source('throw_dice') }
    expect((await call('PATCH', path, renamed)).body).toMatchObject({ id: made.id, name: 'throw_dice' })
  })
  it('keep another organization out', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const made = await tool(mine.call)
    for (const [method, body] of [['GET'], ['PATCH', { tags: [] }], ['DELETE']] as const) {
      expect((await other.call(method, `/v1/tools/${made.id}`, body)).status).toBe(404)
    }
    expect((await tool(other.call)).id).not.toBe(made.id)
    expect((await mine.call('GET', `/v1/tools/${made.id}`)).body).toEqual(made)
  })
})

describe('built-in tools', () => {
  it('are in every organization without being created, each once', async () => {
    const { call } = await freshOrganization()
    const lists = await Promise.all(Array.from({ length: 4 }, () => call('GET', '/v1/tools/')))
    for (const { body } of lists) expect(names(body).sort()).toEqual(names([...builtinTools]).sort())
    expect(lists[0]?.body.find((row: { name: string }) => row.name === 'memory_insert')).toMatchObject({
      tool_type: 'letta_sleeptime_core',
      source_code: null,
      json_schema: { name: 'memory_insert', parameters: { required: ['label', 'new_string'] } },
    })
    expect((await call('POST', '/v1/tools/add-base-tools')).body).toHaveLength(builtinTools.length)
    expect((await call('GET', '/v1/tools/count')).body).toBe(builtinTools.length)
  })
  it('are the tools that the runtime runs, with the parameters that it reads', () => {
    expect(names([...builtinTools]).sort()).toEqual(Object.keys(builtins).sort())
    for (const type of ['letta_v1_agent', 'memgpt_v2_agent', 'memgpt_agent', 'sleeptime_agent', 'voice_convo_agent', 'react_agent'])
      for (const name of defaultToolNames(type)) expect(Object.keys(builtins)).toContain(name)
    expect(defaultToolNames('letta_v1_agent')).toEqual(['conversation_search', 'memory_replace', 'memory_insert'])
    expect(defaultToolNames('memgpt_agent', { enable_sleeptime: true })).toEqual([
      'send_message',
      'conversation_search',
      'archival_memory_search',
    ])
  })
  it('can be set but not rewritten, and nobody else can take their names', async () => {
    const { call } = await freshOrganization()
    const [row] = (await call('GET', '/v1/tools?name=conversation_search')).body
    const path = `/v1/tools/${row.id}`
    expect((await call('PATCH', path, { return_char_limit: 10, default_requires_approval: true })).body).toMatchObject({
      return_char_limit: 10,
      default_requires_approval: true,
    })
    const refused = await call('PATCH', path, { source_code: 'x', description: 'y' })
    expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining('source_code, description')])
    expect((await call('PUT', '/v1/tools', { source_code: source('send_message'), json_schema: { name: 'send_message' } })).status).toBe(
      409,
    )
  })
  it('come back with the next list when they are deleted', async () => {
    const { call } = await freshOrganization()
    const [row] = (await call('GET', '/v1/tools?name=send_message')).body
    await call('DELETE', `/v1/tools/${row.id}`)
    const [again] = (await call('GET', '/v1/tools?name=send_message')).body
    expect(again.id).not.toBe(row.id)
  })
})

describe('the list of tools', () => {
  it('is newest first, pages by id and is narrowed by every filter', async () => {
    const { call } = await freshOrganization()
    await call('GET', '/v1/tools')
    const ids: Record<string, string> = {}
    for (const name of ['first', 'second', 'third']) ids[name] = (await tool(call, name)).id
    const found = async (query: string) => names((await call('GET', `/v1/tools/?${query}`)).body)
    expect(await found('tool_types=custom')).toEqual(['third', 'second', 'first'])
    expect(await found(`tool_types=custom&after=${ids.third}&limit=1`)).toEqual(['second'])
    expect(await found(`tool_types=custom&before=${ids.first}&limit=1`)).toEqual(['second'])
    expect(await found('limit=2')).toEqual(['third', 'second'])
    expect(await found('name=first')).toEqual(['first'])
    expect(await found('names=first&names=third')).toEqual(['third', 'first'])
    expect(await found(`tool_ids=${ids.first},${ids.second}`)).toEqual(['second', 'first'])
    expect(await found(`tool_ids=${ids.first}&tool_ids=${ids.second}`)).toEqual(['second', 'first'])
    expect(await found('search=IR')).toEqual(['third', 'first'])
    expect(await found('return_only_letta_tools=true')).toHaveLength(builtinTools.length)
    const builtinTypes = [...new Set(builtinTools.map((each) => each.tool_type))]
    expect(await found(`exclude_tool_types=${builtinTypes}`)).toEqual(['third', 'second', 'first'])
    expect((await call('GET', '/v1/tools?tool_types=nonsense')).status).toBe(422)
    expect((await call('GET', '/v1/tools/count?tool_types=custom')).body).toBe(3)
  })
})

describe('a built-in tool that an older server stored', () => {
  it('says what this server does with it, and keeps what the organization set', async () => {
    const { call, organization_id } = await freshOrganization()
    const [search] = (await call('GET', '/v1/tools/?name=conversation_search')).body
    await call('PATCH', `/v1/tools/${search.id}`, { return_char_limit: 77, tags: ['mine'] })
    const older = "update tools set description = 'old', json_schema = '{}' where organization_id = ?1 and name = 'conversation_search'"
    await DB.prepare(older).bind(organization_id).run()
    const [now] = (await call('GET', '/v1/tools/?name=conversation_search')).body
    expect(now).toEqual({ ...search, return_char_limit: 77, tags: ['mine'] })
  })
})

describe('the tools of an agent', () => {
  it('are attached at the end, once, and detached, and the answer is the agent', async () => {
    const member = await freshOrganization()
    const { call } = member
    const path = `/v1/agents/${await freshAgent(member)}/tools`
    const [b, a] = [(await tool(call, 'b')).id, (await tool(call, 'a')).id]
    await call('PATCH', `${path}/attach/${a}`)
    const attached = await call('PATCH', `${path}/attach/${b}`)
    expect([attached.status, names(attached.body.tools)]).toEqual([200, ['a', 'b']])
    expect(names((await call('PATCH', `${path}/attach/${a}`)).body.tools)).toEqual(['a', 'b'])
    expect(names((await call('GET', path)).body)).toEqual(['a', 'b'])
    expect(names((await call('GET', `${path}?order=asc&limit=1`)).body)).toEqual(['b'])
    expect(names((await call('GET', `${path}?after=${a}`)).body)).toEqual(['b'])
    expect(names((await call('PATCH', `${path}/detach/${a}`)).body.tools)).toEqual(['b'])
    expect((await call('PATCH', `${path}/detach/${a}`)).status).toBe(404)
    await call('DELETE', `/v1/tools/${b}`)
    expect((await call('GET', path)).body).toEqual([])
    expect(await DB.prepare('select count(*) as n from tools_agents where tool_id = ?').bind(b).first('n')).toBe(0)
  })
  it('wait for approval or not, by their names, in every form in which that is said', async () => {
    const member = await freshOrganization()
    const { call } = member
    const id = await freshAgent(member)
    const path = `/v1/agents/${id}/tools/approval/roll_dice`
    expect((await call('PATCH', path, { requires_approval: true })).status).toBe(404)
    await call('PATCH', `/v1/agents/${id}/tools/attach/${(await tool(call, 'roll_dice')).id}`)
    const rules = async () => (await call('GET', `/v1/agents/${id}`)).body.tool_rules
    const rule = { tool_name: 'roll_dice', type: 'requires_approval', prompt_template: null }
    for (const [query, body, expected] of [
      ['', { requires_approval: true }, [rule]],
      ['', { requires_approval: true }, [rule]],
      ['', { body_requires_approval: false }, []],
      ['?requires_approval=true', undefined, [rule]],
      ['?query_requires_approval=false', {}, []],
      ['?requires_approval=false', { body_requires_approval: true }, [rule]],
    ] as const) {
      const answer = await call('PATCH', path + query, body)
      expect([answer.status, answer.body, await rules()]).toEqual([200, null, expected])
    }
    const neither = await call('PATCH', path, {})
    expect([neither.status, neither.body.detail]).toEqual([422, expect.stringContaining('requires_approval')])
    await call('PATCH', `/v1/agents/${id}`, { tool_rules: [{ type: 'exit_loop', tool_name: 'roll_dice' }, rule] })
    await call('PATCH', path, { requires_approval: false })
    expect(await rules()).toMatchObject([{ type: 'exit_loop' }])
  })
  it('and their agent belong to one organization', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const myTools = `/v1/agents/${await freshAgent(mine)}/tools`
    const theirTools = `/v1/agents/${await freshAgent(other)}/tools`
    const [ours, theirs] = [(await tool(mine.call)).id, (await tool(other.call)).id]
    await mine.call('PATCH', `${myTools}/attach/${ours}`)
    for (const [method, path] of [
      ['GET', myTools],
      ['PATCH', `${myTools}/attach/${theirs}`],
      ['PATCH', `${myTools}/detach/${ours}`],
      ['PATCH', `${theirTools}/attach/${ours}`],
    ] as const) {
      expect([path, (await other.call(method, path)).status]).toEqual([path, 404])
    }
    expect((await mine.call('GET', myTools)).body).toHaveLength(1)
  })
})

describe('tools for a new agent', () => {
  it('are found by name and id, in that order and each once, with the built-in ones made where they lack', async () => {
    const member = await freshOrganization()
    const mine = await tool(member.call)
    const found = await resolveTools(ctxOf(member), { names: ['memory_insert', 'roll_dice', 'memory_insert'], ids: [mine.id] })
    expect(names(found)).toEqual(['memory_insert', 'roll_dice'])
  })
  it('that are not there are named in the sentence that clients match', async () => {
    const [member, other] = [await freshOrganization(), await freshOrganization()]
    const { id } = await tool(other.call)
    await expect(resolveTools(ctxOf(member), { names: ['send_message', 'x', 'roll_dice'] })).rejects.toMatchObject({
      kind: 'bad_request',
      message: "Tools not found by name: ['x', 'roll_dice']",
    })
    await expect(resolveTools(ctxOf(member), { ids: [id] })).rejects.toMatchObject({ message: `Tools not found by id: ['${id}']` })
  })
  it('are none for an agent without any', async () => {
    const member = await freshOrganization()
    expect(await toolsOfAgents(ctxOf(member), ['agent-1'])).toEqual(new Map([['agent-1', []]]))
  })
})
