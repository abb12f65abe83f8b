import { BadRequestError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const names = (tools: { name?: string | null }[]) => tools.map(({ name }) => name)
const definition = (name: string, description = 'Says hello.') => ({
  source_code: `export function ${name}() { return 'hello' }`,
  source_type: 'typescript',
  json_schema: { name, description, parameters: { type: 'object', properties: {}, required: [] } },
})

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

    it('need a schema and a reason to be refused', async () => {
      const { client } = await api.member()
      const error = await failureOf(client.tools.create({ source_code: 'def f(): pass' }), UnprocessableEntityError)
      expect(error.error).toMatchObject({ errors: [{ field: 'json_schema', message: expect.stringMatching(/function schema/) }] })
      await failureOf(client.tools.create({ ...definition('f'), return_char_limit: 0 }), UnprocessableEntityError)
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
