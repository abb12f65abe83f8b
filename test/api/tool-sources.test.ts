import { describe, expect, it } from 'vitest'
import { type Call, freshOrganization } from '../support/client'

const add = `def add(x: int, y: int = 1) -> int:
    """Adds two numbers.

    Args:
        x (int): The first.
        y (int): The second.
    """
    return x + y
`
const addSchema = {
  name: 'add',
  description: 'Adds two numbers.',
  parameters: {
    type: 'object',
    properties: { x: { type: 'integer', description: 'The first.' }, y: { type: 'integer', description: 'The second.' } },
    required: ['x'],
  },
}
const greet = '/** Greets. */\nexport function greet(name: string, loud?: boolean): string { return name }\n'
const greetSchema = {
  name: 'greet',
  description: 'Greets.',
  parameters: { type: 'object', properties: { name: { type: 'string' }, loud: { type: 'boolean' } }, required: ['name'] },
}
const made = async (call: Call, body: Record<string, unknown>, method = 'POST') => {
  const answer = await call(method, '/v1/tools/', body)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

describe('a tool that is created from its source alone', () => {
  it('has its name, its description and its schema from there', async () => {
    const { call } = await freshOrganization()
    expect(await made(call, { source_code: add })).toMatchObject({
      name: 'add',
      description: 'Adds two numbers.',
      source_type: 'python',
      json_schema: addSchema,
      args_json_schema: {},
    })
    expect(await made(call, { source_code: greet, source_type: 'typescript' })).toMatchObject({ name: 'greet', json_schema: greetSchema })
    const described = await made(call, { source_code: add, description: 'Sums up.' })
    expect(described).toMatchObject({ description: 'Sums up.', json_schema: { ...addSchema, description: 'Sums up.' } })
  })

  it('is refused when the source does not say enough, and nothing is stored', async () => {
    const { call } = await freshOrganization()
    for (const [source_code, source_type, line, detail] of [
      ['def f(:\n  pass', 'python', 1, /syntax error near `def f\(:`/],
      ['def f(a):\n    """F.\n\n    Args:\n        a: An a.\n    """', 'python', 1, /'a' of function 'f' has no type annotation/],
      ['\ndef f(a: int): pass', 'python', 2, /'a' of function 'f' has no description/],
      ['x = 1', 'python', undefined, /defines no function/],
      ['export function f(a) {}', 'typescript', 1, /'a' of function 'f' has no type/],
      ['function f() {}', 'typescript', undefined, /exports no function/],
      ['def größe(): pass', 'python', undefined, /name of the function, 'größe'/],
      [`def ${'f'.repeat(65)}(): pass`, 'python', undefined, /at most 64/],
    ] as const) {
      for (const method of ['POST', 'PUT']) {
        const { status, body } = await call(method, '/v1/tools', { source_code, source_type })
        expect([status, body.code, body.line, body.detail]).toEqual([400, 'invalid_source', line, expect.stringMatching(detail)])
      }
    }
    expect((await call('GET', '/v1/tools/count?tool_types=custom')).body).toBe(0)
  })

  it('takes a schema that is sent as it is, for a function of the source', async () => {
    const { call } = await freshOrganization()
    const json_schema = { name: 'add', description: 'Mine.', parameters: { type: 'object', properties: { z: { type: 'string' } } } }
    expect(await made(call, { source_code: add, json_schema })).toMatchObject({ json_schema })
    expect(await made(call, { source_code: `${add}def helper(undocumented): pass\n`, json_schema })).toMatchObject({
      name: 'add',
      json_schema,
    })
    const unreadable = { source_code: 'def add(x) return it', json_schema: { ...json_schema, name: 'other' } }
    expect(await made(call, unreadable)).toMatchObject({ name: 'other' })
    const { status, body } = await call('POST', '/v1/tools', { source_code: add, json_schema: { ...json_schema, name: 'sum' } })
    expect([status, body.code, body.detail]).toEqual([
      400,
      'name_mismatch',
      expect.stringMatching(/is 'sum', but the source defines 'add'/),
    ])
  })

  it('takes its arguments from args_json_schema, whatever the source says of them', async () => {
    const { call } = await freshOrganization()
    const source_code = 'def manage(self, data: Entry, change):\n    """Updates the stock."""\n'
    const args_json_schema = {
      $defs: { Entry: { type: 'object', properties: { name: { type: 'string' } }, title: 'Entry' } },
      properties: { data: { $ref: '#/$defs/Entry' }, change: { type: 'integer' } },
      required: ['data', 'change'],
      title: 'InventoryEntryData',
    }
    const tool = await made(call, { source_code, args_json_schema })
    expect(tool).toMatchObject({ name: 'manage', description: 'Updates the stock.', args_json_schema })
    expect(tool.json_schema.parameters).toEqual({ type: 'object', ...args_json_schema })
    const moved = await call('PATCH', `/v1/tools/${tool.id}`, { source_code: source_code.replace('manage', 'arrange') })
    expect(moved.body.json_schema).toEqual({ ...tool.json_schema, name: 'arrange' })
    expect(await made(call, { source_code: add.replace('add', 'arrange') })).toMatchObject({ id: tool.id, args_json_schema: {} })
  })

  it('ignores fields that other versions of the API had', async () => {
    const { call } = await freshOrganization()
    const old = { module: 'tools', user_id: 'user-1', args_schema: { x: 1 }, name: 'not_this', tool_type: 'letta_core', tool_hash: 'x' }
    expect(await made(call, { source_code: add, ...old })).toMatchObject({ name: 'add', tool_type: 'custom', json_schema: addSchema })
  })
})

describe('a changed source', () => {
  it('means another name, description and schema', async () => {
    const { call } = await freshOrganization()
    const { id } = await made(call, { source_code: add, tags: ['math'] })
    const path = `/v1/tools/${id}`
    const source_code = add.replace('def add(x: int', 'def sum_up(x: float').replace('Adds two', 'Sums up')
    const { body } = await call('PATCH', path, { source_code })
    expect(body).toMatchObject({ id, name: 'sum_up', description: 'Sums up numbers.', tags: ['math'], source_code })
    expect(body.json_schema).toMatchObject({ name: 'sum_up', parameters: { properties: { x: { type: 'number' } } } })
    expect((await call('PATCH', path, { source_code: greet, source_type: 'typescript' })).body).toMatchObject({
      id,
      name: 'greet',
      json_schema: greetSchema,
    })
  })

  it('that is refused changes nothing', async () => {
    const { call } = await freshOrganization()
    const tool = await made(call, { source_code: add })
    await made(call, { source_code: add.replace('add', 'taken') })
    const path = `/v1/tools/${tool.id}`
    for (const [source_code, code] of [
      ['def add(x): pass', 'invalid_source'],
      ['def add(', 'invalid_source'],
      [add.replace('add', 'taken'), 'name_taken'],
      [add.replace('add', 'memory_insert'), 'name_taken'],
    ] as const) {
      const { status, body } = await call('PATCH', path, { source_code })
      expect([status, body.code]).toEqual([400, code])
    }
    expect((await call('GET', path)).body).toEqual(tool)
  })

  it('that is the same keeps a schema that was sent once', async () => {
    const { call } = await freshOrganization()
    const json_schema = { name: 'f', description: 'F.', parameters: { type: 'object', properties: { a: { type: 'integer' } } } }
    const tool = await made(call, { source_code: 'def f(a): pass', json_schema })
    const { body } = await call('PATCH', `/v1/tools/${tool.id}`, { source_code: 'def f(a): pass', tags: ['x'] })
    expect(body).toEqual({ ...tool, tags: ['x'] })
  })

  it('and another change at the same time are both kept', async () => {
    const { call } = await freshOrganization()
    const { id } = await made(call, { source_code: add })
    const path = `/v1/tools/${id}`
    const changes = [{ source_code: add.replace('add', 'sum_up') }, { tags: ['x'] }, { return_char_limit: 7 }]
    await Promise.all(changes.map((change) => call('PATCH', path, change)))
    expect((await call('GET', path)).body).toMatchObject({
      name: 'sum_up',
      tags: ['x'],
      return_char_limit: 7,
      json_schema: { name: 'sum_up' },
    })
  })

  it('has another hash, and the same source the same', async () => {
    const { call } = await freshOrganization()
    const tool = await made(call, { source_code: add })
    const path = `/v1/tools/${tool.id}`
    const hash = async (body: Record<string, unknown>) => (await call('PATCH', path, body)).body.metadata_.tool_hash
    expect(tool.metadata_.tool_hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await hash({ tags: ['x'], description: 'y' })).toBe(tool.metadata_.tool_hash)
    expect(await hash({ pip_requirements: [{ name: 'numpy' }] })).not.toBe(tool.metadata_.tool_hash)
    expect((await call('PATCH', path, { metadata_: { mine: 1, tool_hash: 'x' }, pip_requirements: [] })).body.metadata_).toEqual({
      mine: 1,
      tool_hash: tool.metadata_.tool_hash,
    })
    expect((await made(call, { source_code: add }, 'PUT')).metadata_).toEqual({ mine: 1, tool_hash: tool.metadata_.tool_hash })
  })
})

describe('generate-schema', () => {
  it('answers the schema of a source, and stores nothing', async () => {
    const { call } = await freshOrganization()
    const path = '/v1/tools/generate-schema'
    expect(await call('POST', path, { code: add })).toMatchObject({ status: 200, body: addSchema })
    expect((await call('POST', path, { code: add })).body).toEqual(addSchema)
    expect((await call('POST', path, { code: greet, source_type: 'typescript' })).body).toEqual(greetSchema)
    expect(await call('POST', path, { code: 'def f(' })).toMatchObject({ status: 400, body: { code: 'invalid_source', line: 1 } })
    expect(await call('POST', path, { code: add, source_type: 'json' })).toMatchObject({ status: 422 })
    expect((await call('GET', '/v1/tools/count?tool_types=custom')).body).toBe(0)
  })
})

describe('generate-tool', () => {
  const path = '/v1/tools/generate-tool'
  const handIn = (args: unknown) => `Add.\n/say Here it is.\n/call generate_tool ${JSON.stringify(args)}`
  const args = { raw_source_code: add, sample_args_json: '{"x": 2}', pip_requirements_json: '{"numpy": "2.0"}' }

  it('answers the tool that a model wrote, and stores nothing', async () => {
    const { call, user_id } = await freshOrganization()
    const { status, body } = await call('POST', path, { tool_name: 'add', prompt: handIn(args), validation_errors: [] })
    expect([status, body]).toEqual([
      200,
      {
        tool: expect.objectContaining({
          name: 'add',
          source_code: add,
          source_type: 'python',
          json_schema: addSchema,
          pip_requirements: [{ name: 'numpy', version: '2.0' }],
          created_by_id: user_id,
        }),
        sample_args: { x: 2 },
        response: 'Here it is.',
      },
    ])
    expect((await call('GET', `/v1/tools/${body.tool.id}`)).status).toBe(404)
    const typescript = { tool_name: 'greet', source_type: 'typescript', prompt: handIn({ ...args, raw_source_code: greet }) }
    expect((await call('POST', path, typescript)).body.tool).toMatchObject({ source_type: 'typescript', json_schema: greetSchema })
  })

  it('says why what a model wrote is no tool', async () => {
    const { call } = await freshOrganization()
    for (const [prompt, detail] of [
      [handIn({ ...args, raw_source_code: 'def add(x): pass' }), /Parameter 'x' of function 'add'/],
      [handIn({ ...args, raw_source_code: 'def sum_up(): pass' }), /must be named 'add', but it is named 'sum_up'/],
      [handIn({ ...args, raw_source_code: '' }), /raw_source_code must be source code/],
      [handIn({ ...args, sample_args_json: '[1]' }), /sample_args_json must be a JSON object/],
      ['/call generate_tool {"raw', /arguments of generate_tool must be a JSON object/],
      ['/call another_tool {}', /generate_tool was not called/],
    ] as const) {
      const { status, body } = await call('POST', path, { tool_name: 'add', prompt })
      expect([status, body.code, body.detail]).toEqual([400, 'unusable_tool', expect.stringMatching(detail)])
      expect(body.detail).toMatch(/^loci\/scripted wrote no tool/)
    }
  })

  it('passes a failure of the model on, and refuses a model that is not there', async () => {
    const { call } = await freshOrganization()
    const failing = await call('POST', path, { tool_name: 'add', prompt: '/fail auth' })
    expect([failing.status, failing.body.code]).toEqual([401, 'llm_authentication'])
    expect((await call('POST', path, { tool_name: 'add', prompt: handIn(args), handle: 'nobody/model' })).status).toBe(404)
    expect((await call('POST', path, { tool_name: 'add' })).status).toBe(422)
  })
})
