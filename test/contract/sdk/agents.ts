import { BadRequestError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const names = (items: { name?: string | null }[]) => items.map((item) => item.name)

export function agents(api: Api): void {
  describe('agents', () => {
    it('are created with memory, tools, tags and secrets, and answered whole', async () => {
      const { client } = await api.member()
      const block = await client.blocks.create({ label: 'project', value: 'Loci' })
      const agent = await client.agents.create({
        name: 'caren',
        model: 'openai/gpt-4o-mini',
        embedding: 'openai/text-embedding-3-small',
        memory_blocks: [
          { label: 'human', value: 'Ada' },
          { label: 'persona', value: 'Brief', description: 'How to be' },
        ],
        block_ids: [block.id],
        tags: ['test', 'contract'],
        secrets: { TOKEN: 'do-not-tell' },
        description: null,
      })
      expect(agent).toMatchObject({
        name: 'caren',
        agent_type: 'letta_v1_agent',
        timezone: 'UTC',
        description: null,
        sources: [],
        identities: [],
      })
      expect(agent.model_settings).toEqual({
        max_output_tokens: 16_384,
        parallel_tool_calls: true,
        strict: false,
        provider_type: 'openai',
        temperature: 1,
        reasoning: { reasoning_effort: 'minimal' },
        response_format: null,
      })
      expect(agent.blocks.map(({ label }) => label).sort()).toEqual(['human', 'persona', 'project'])
      expect(agent.blocks.find(({ label }) => label === 'human')).toMatchObject({
        limit: 100_000,
        description: expect.stringMatching(/\w/),
      })
      expect(agent.memory.blocks).toEqual(agent.blocks)
      expect(agent.tags.toSorted()).toEqual(['contract', 'test'])
      expect(names(agent.tools)).toContain('conversation_search')
      expect(agent.secrets).toMatchObject([{ id: expect.stringMatching(/^agent-env-/), key: 'TOKEN', agent_id: agent.id }])
      expect(JSON.stringify(agent)).not.toContain('do-not-tell')
      expect(Object.values(agent)).not.toContain(undefined)
    })

    it('show their relations to whoever asks for them', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({ memory_blocks: [{ label: 'human', value: 'Ada' }], tags: ['a'], secrets: { K: 'v' } })
      const bare = await client.agents.retrieve(id)
      expect(bare).toMatchObject({ blocks: [], tools: [], tags: [], secrets: [], sources: [], identities: [], memory: { blocks: [] } })
      const full = await client.agents.retrieve(id, { include: ['agent.blocks', 'agent.tools', 'agent.tags', 'agent.secrets'] })
      expect(full).toMatchObject({ blocks: [{ value: 'Ada' }], tags: ['a'], secrets: [{ key: 'K' }] })
      expect(full.tools.length).toBeGreaterThan(0)
      expect(full.memory.blocks).toMatchObject([{ label: 'human' }])
      const old = await client.agents.retrieve(id, { include_relationships: ['tags', 'memory'] })
      expect(old).toMatchObject({ tags: ['a'], blocks: [{ value: 'Ada' }], tools: [] })
      const listed = await client.agents.list({ include: ['agent.tags'] })
      expect(listed.items).toMatchObject([{ id, tags: ['a'], blocks: [] }])
    })

    it('are changed field by field: what is absent stays, lists are replaced', async () => {
      const { client } = await api.member()
      const { id, model_settings } = await client.agents.create({
        name: 'before',
        model: 'openai/gpt-4o-mini',
        tags: ['a'],
        metadata: { n: 1 },
      })
      const renamed = await client.agents.update(id, { name: 'after' })
      expect(renamed).toMatchObject({ name: 'after', model_settings, tags: ['a'], metadata: { n: 1 } })
      const retagged = await client.agents.update(id, { tags: ['b', 'c'], secrets: { A: '1' }, description: 'Changed' })
      expect(retagged).toMatchObject({ tags: ['b', 'c'], secrets: [{ key: 'A' }], description: 'Changed' })
      const cleared = await client.agents.update(id, { tags: [], secrets: {} })
      expect(cleared).toMatchObject({ name: 'after', tags: [], secrets: [], description: 'Changed' })
      expect(await client.agents.retrieve(id, { include: ['agent.tags'] })).toMatchObject({ name: 'after', tags: [] })
    })

    it('are listed by filters; a null filter filters nothing', async () => {
      const { client } = await api.member()
      for (const [name, tags] of [
        ['alpha', ['x', 'y']],
        ['beta', ['y']],
        ['alphabet', []],
      ] as const)
        await client.agents.create({ name, tags: [...tags] })
      const listed = async (query: object) => names((await client.agents.list({ order: 'asc', ...query })).items)
      expect(await listed({ name: 'alpha' })).toEqual(['alpha'])
      expect(await listed({ query_text: 'ALPHA' })).toEqual(['alpha', 'alphabet'])
      expect(await listed({ tags: ['x', 'y'] })).toEqual(['alpha', 'beta'])
      expect(await listed({ tags: ['x', 'y'], match_all_tags: true })).toEqual(['alpha'])
      expect(await listed({ name: null, tags: null, before: null, after: null, limit: null })).toEqual(['alpha', 'beta', 'alphabet'])
      expect(await listed({ name: 'nobody' })).toEqual([])
      expect(await client.tags.list()).toEqual(['x', 'y'])
      expect(await client.tags.list({ after: 'x' })).toEqual(['y'])
      expect(await client.tags.list({ name: 'X', limit: 1 })).toEqual(['x'])
    })

    it('page by the SDK’s own paging, forwards and backwards, each once', async () => {
      const { client, exchanges } = await api.member()
      const created: string[] = []
      for (let i = 0; i < 5; i++) created.push((await client.agents.create({ name: `a${i}`, include_base_tools: false })).id)
      for (const order of ['asc', 'desc'] as const) {
        const expected = order === 'asc' ? created : created.toReversed()
        exchanges()
        const forwards = await everyItem(client.agents.list({ order, limit: 2 }))
        expect(forwards.map(({ id }) => id)).toEqual(expected)
        expect(exchanges()).toHaveLength(4)
        const last = expected.at(-1) ?? ''
        const backwards: string[][] = []
        for await (const page of (await client.agents.list({ order, limit: 2, before: last })).iterPages()) {
          backwards.unshift(page.items.map(({ id }) => id))
        }
        expect(backwards.flat()).toEqual(expected.slice(0, -1))
      }
      const newestFirst = await client.agents.list({ limit: 1 })
      expect(newestFirst.items.map(({ id }) => id)).toEqual(created.slice(-1))
    })

    it('tell their compiled prompt, and store it unless it is a dry run', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({ memory_blocks: [{ label: 'human', value: 'Name: Ada' }] })
      const system = async () => (await client.agents.messages.list(id)).items.find((message) => message.message_type === 'system_message')
      const before = await system()
      await client.agents.blocks.update('human', { agent_id: id, value: 'Name: Grace' })
      const preview = await client.agents.recompile(id, { dry_run: true })
      expect(preview).toContain('Name: Grace')
      expect(await system()).toEqual(before)
      const compiled = await client.agents.recompile(id)
      expect(compiled).toMatch(/Name: Grace[\s\S]*AGENT_ID[\s\S]*CONVERSATION_ID: default/)
      expect(await system()).toMatchObject({ id: before?.id, content: compiled })
    })

    it('are gone once deleted', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({})
      expect(await client.agents.delete(id)).toEqual({ message: `Agent id=${id} successfully deleted` })
      for (const gone of [client.agents.retrieve(id), client.agents.update(id, { name: 'x' }), client.agents.delete(id)]) {
        const error = await failureOf(gone, NotFoundError)
        expect(error.error).toMatchObject({ detail: expect.stringContaining(id), code: 'not_found' })
        expect(error.message).toContain('not found')
      }
      expect((await client.agents.list()).items).toEqual([])
    })

    it('are refused with the error class that says why', async () => {
      const { client } = await api.member()
      const model = await failureOf(client.agents.create({ model: 'openai/' }), UnprocessableEntityError)
      expect(model.error).toMatchObject({ detail: expect.stringContaining('model'), errors: [{ field: 'model' }] })
      expect((await failureOf(client.agents.create({ model: 'nobody/gpt' }), NotFoundError)).message).toMatch(/nobody\/gpt/)
      await failureOf(client.agents.create({ name: 'a/b' }), UnprocessableEntityError)
      expect((await failureOf(client.agents.create({ tools: ['no_such_tool'] }), BadRequestError)).message).toContain('no_such_tool')
      await failureOf(client.agents.retrieve('agent-123'), UnprocessableEntityError)
      expect((await client.agents.list()).items).toEqual([])
    })
  })
}
