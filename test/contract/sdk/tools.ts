import { BadRequestError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const names = (tools: { name?: string | null }[]) => tools.map(({ name }) => name)
const definition = (name: string, description = 'Says hello.') => ({
  source_code: `export function ${name}() { return 'hello' }`,
  source_type: 'typescript',
  json_schema: { name, description, parameters: { type: 'object', properties: {}, required: [] } },
})

const python = `def add(x: int, y: int = 1) -> int:
    """Adds two numbers.

    Args:
        x (int): The first.
        y (int): The second.
    """
    return x + y
`
const schema = {
  name: 'add',
  description: 'Adds two numbers.',
  parameters: {
    type: 'object',
    properties: { x: { type: 'integer', description: 'The first.' }, y: { type: 'integer', description: 'The second.' } },
    required: ['x'],
  },
}

export function tools(api: Api): void {
  describe('tools', () => {
    it('are created and upserted by name, read, changed and deleted', async () => {
      const { client } = await api.member()
      const made = await client.tools.create({ ...definition('friendly'), tags: ['a'], return_char_limit: 100 })
      expect(made).toMatchObject({ id: expect.stringMatching(/^tool-/), name: 'friendly', tool_type: 'custom', source_type: 'typescript' })
      expect(made).toMatchObject({ tags: ['a'], return_char_limit: 100, description: 'Says hello.', pip_requirements: null })
      const again = await client.tools.upsert(definition('friendly', 'Says more.'))
      expect(again).toMatchObject({ id: made.id, description: 'Says more.' })
      expect(await client.tools.create(definition('friendly'))).toMatchObject({ id: made.id })
      const updated = await client.tools.update(made.id, { tags: ['b'], return_char_limit: 2000 })
      expect(updated).toMatchObject({ tags: ['b'], return_char_limit: 2000, name: 'friendly' })
      expect(await client.tools.retrieve(made.id)).toEqual(updated)
      expect((await client.tools.list({ name: 'friendly' })).items).toEqual([updated])
      expect(await client.tools.delete(made.id)).toBeNull()
      await failureOf(client.tools.retrieve(made.id), NotFoundError)
      expect((await client.tools.list({ name: 'friendly' })).items).toEqual([])
    })

    it('are made from their source alone: name, description and schema are told by the last function', async () => {
      const { client } = await api.member()
      const made = await client.tools.create({ source_code: python, args_json_schema: null, json_schema: null, tags: ['a'] })
      expect(made).toMatchObject({ name: 'add', description: 'Adds two numbers.', source_type: 'python', source_code: python, tags: ['a'] })
      expect(made.json_schema).toEqual(schema)
      expect(made.metadata_).toMatchObject({ tool_hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
      const changed = python.replace('return x + y', 'return y + x')
      expect(await client.tools.upsert({ source_code: changed })).toMatchObject({ id: made.id, source_code: changed })
      const script = 'export function greet(name: string, loud = false) {}'
      await failureOf(client.tools.create({ source_code: script, source_type: 'typescript' }), BadRequestError)
      const typed = await client.tools.create({ source_code: script.replace('loud =', 'loud: boolean ='), source_type: 'typescript' })
      expect(typed.json_schema).toMatchObject({ name: 'greet', parameters: { required: ['name'] } })
    })

    it('take a schema of their arguments from a pydantic class', async () => {
      const { client } = await api.member()
      const args_json_schema = {
        $defs: { Item: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
        type: 'object',
        properties: { data: { $ref: '#/$defs/Item' }, change: { type: 'integer' } },
        required: ['data', 'change'],
      }
      const source_code = 'def manage_inventory(data: Item, change: int) -> bool:\n    """Updates the catalogue."""\n    return True\n'
      const made = await client.tools.upsert({ source_code, args_json_schema })
      expect(made).toMatchObject({ name: 'manage_inventory', args_json_schema })
      expect(made.json_schema).toMatchObject({ description: 'Updates the catalogue.', parameters: args_json_schema })
    })

    it('are renamed by a new source, and refuse a schema of another name', async () => {
      const { client } = await api.member()
      const { id } = await client.tools.create({ source_code: python })
      const error = await failureOf(client.tools.update(id, { json_schema: { ...schema, name: 'sum_up' } }), BadRequestError)
      expect(error.message).toContain("the source defines 'add'")
      const source_code = python.replace('def add', 'def sum_up')
      expect(await client.tools.update(id, { source_code, json_schema: { ...schema, name: 'sum_up' } })).toMatchObject({
        id,
        name: 'sum_up',
      })
      expect(await client.tools.update(id, { source_code: python })).toMatchObject({ id, name: 'add', json_schema: schema })
    })

    it('are refused with a reason', async () => {
      const { client } = await api.member()
      for (const [source_code, reason] of [
        ['def f(x):\n  pass', /'x' of function 'f' has no type annotation/],
        ['def f(x: int):\n  pass', /'x' of function 'f' has no description/],
        ['def f(', /syntax error/],
      ] as const) {
        expect((await failureOf(client.tools.create({ source_code }), BadRequestError)).message).toMatch(reason)
        expect((await failureOf(client.tools.upsert({ source_code }), BadRequestError)).message).toMatch(reason)
      }
      const error = await failureOf(client.tools.create({ source_code: 'x', source_type: 'json' }), UnprocessableEntityError)
      expect(error.error).toMatchObject({ errors: [{ field: 'json_schema' }] })
      await failureOf(client.tools.create({ ...definition('f'), return_char_limit: 0 }), UnprocessableEntityError)
    })

    it('are found by words and by meaning, best match first', async () => {
      const { client } = await api.member()
      await client.tools.create({ ...definition('send_email', 'Sends a message.'), tags: ['office'] })
      await client.tools.create(definition('list_invoices', 'Lists invoices that were emailed.'))
      const found = await client.tools.search({ query: 'email', search_mode: 'hybrid', limit: 5 })
      expect(found.map(({ tool }) => tool.name).slice(0, 2)).toEqual(['send_email', 'list_invoices'])
      expect(found[0]).toMatchObject({ combined_score: expect.any(Number), fts_rank: 1, vector_rank: expect.any(Number) })
      expect(found[0]?.embedded_text).toContain('office')
      expect(await client.tools.search({ query: 'email', tags: ['office'], tool_types: ['custom'] })).toHaveLength(1)
      const near = await client.tools.search({ query: 'Which bills are unpaid?', search_mode: 'vector', tool_types: ['custom'] })
      expect(near.map(({ tool, fts_rank, vector_rank }) => [tool.name, fts_rank, vector_rank])).toEqual([
        ['list_invoices', null, 1],
        ['send_email', null, 2],
      ])
      await failureOf(client.tools.search({ limit: 101 }), UnprocessableEntityError)
    })

    it('of an agent are run directly: a built-in for real, its refusal as a result', async () => {
      const { client } = await api.member()
      const { id, blocks } = await client.agents.create({ memory_blocks: [{ label: 'human', value: 'Name: Ada' }] })
      const run = (name: string, args?: Record<string, unknown>) =>
        client.agents.tools.run(name, { agent_id: id, ...(args ? { args } : {}) })
      const none = { agent_state: null, stdout: [], sandbox_config_fingerprint: null }
      const done = await run('memory_insert', { label: 'human', new_string: 'Likes tea.' })
      expect(done).toEqual({ ...none, status: 'success', func_return: 'Name: Ada\nLikes tea.', stderr: [] })
      expect(await client.blocks.retrieve(blocks[0]?.id ?? '')).toMatchObject({ value: 'Name: Ada\nLikes tea.' })
      const refused = await run('memory_insert', { label: 'human', wrong: 1 })
      expect(refused).toEqual({ ...none, status: 'error', func_return: null, stderr: [expect.stringContaining("'wrong'")] })
      expect(await run('conversation_search')).toMatchObject({ status: 'success', func_return: { results: [] } })
      const error = await failureOf(run('nothing'), NotFoundError)
      expect(error.message).toContain(`Tool 'nothing' not found or not attached to agent '${id}'`)
    })

    it('are listed with the built-in ones, by filters, and page by the SDK’s own paging', async () => {
      const { client } = await api.member()
      const made: (string | null | undefined)[] = []
      for (const name of ['one', 'two', 'three']) made.push((await client.tools.create(definition(name))).name)
      expect(names(await everyItem(client.tools.list({ tool_types: ['custom'], limit: 1, order: 'asc' })))).toEqual(made)
      expect(names(await everyItem(client.tools.list({ tool_types: ['custom'], limit: 2 })))).toEqual(made.toReversed())
      const builtin = names(await everyItem(client.tools.list({ return_only_letta_tools: true, limit: 3 })))
      expect(builtin).toEqual(expect.arrayContaining(['conversation_search', 'memory_insert', 'memory_replace', 'send_message']))
      expect(new Set(builtin).size).toBe(builtin.length)
      expect(names((await client.tools.list({ search: 'ONE' })).items)).toEqual(['one'])
      expect(names((await client.tools.list({ names: ['two', 'memory_insert'], order: 'asc' })).items).toSorted()).toEqual([
        'memory_insert',
        'two',
      ])
      expect((await client.tools.list({ exclude_tool_types: ['custom'] })).items.some(({ tool_type }) => tool_type === 'custom')).toBe(
        false,
      )
    })

    it('are attached to agents and detached again', async () => {
      const { client } = await api.member()
      const tool = await client.tools.create({ ...definition('gated'), default_requires_approval: true })
      const { id } = await client.agents.create({ include_base_tools: false })
      await client.agents.tools.attach(tool.id, { agent_id: id })
      const agent = await client.agents.retrieve(id, { include: ['agent.tools'] })
      expect(names(agent.tools)).toEqual(['gated'])
      expect(agent.tool_rules).toEqual([{ tool_name: 'gated', type: 'requires_approval', prompt_template: null }])
      expect((await client.agents.tools.list(id)).items).toMatchObject([{ id: tool.id, name: 'gated' }])
      await client.agents.tools.detach(tool.id, { agent_id: id })
      expect((await client.agents.tools.list(id)).items).toEqual([])
    })

    it('of an agent page ten at a time, each once', async () => {
      const { client } = await api.member()
      const ids: string[] = []
      for (let i = 0; i < 12; i++) ids.push((await client.tools.create(definition(`tool_${i}`))).id)
      const { id } = await client.agents.create({ include_base_tools: false, tool_ids: ids })
      expect((await client.agents.tools.list(id)).items).toHaveLength(10)
      expect((await everyItem(client.agents.tools.list(id))).map((tool) => tool.id).toSorted()).toEqual(ids.toSorted())
    })

    it('of custom code are not run: a call answers with a clear error and the turn goes on', async () => {
      const { client } = await api.member()
      const { id: tool_id } = await client.tools.create(definition('friendly'))
      const { id } = await client.agents.create({ tool_ids: [tool_id] })
      const answer = await client.agents.messages.create(id, { input: '/call friendly {}\n/then\n/say Sorry.' })
      const [, result, said] = answer.messages
      expect(result).toMatchObject({
        message_type: 'tool_return_message',
        status: 'error',
        tool_return: expect.stringContaining('friendly'),
      })
      expect(said).toMatchObject({ content: 'Sorry.' })
    })

    it('that an agent would need are known: unknown ones are refused', async () => {
      const { client } = await api.member()
      const unknown = 'tool-00000000-0000-4000-8000-00000000dead'
      expect((await failureOf(client.agents.create({ tool_ids: [unknown] }), BadRequestError)).message).toContain(unknown)
      const { id } = await client.agents.create({})
      await failureOf(client.agents.tools.attach(unknown, { agent_id: id }), NotFoundError)
    })
  })
}
