import { ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import type { Passage } from '@letta-ai/letta-client/resources/passages'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const texts = (passages: { text: string }[]) => passages.map(({ text }) => text)
const found = (hits: { passage: { text: string } }[]) => texts(hits.map(({ passage }) => passage))
const nobody = 'archive-00000000-0000-4000-8000-00000000dead'

export function archives(api: Api): void {
  describe('archives', () => {
    it('are created, read, changed, listed and deleted', async () => {
      const { client } = await api.member()
      const made = await client.archives.create({ name: 'Notes', description: 'What I noted', embedding: 'openai/text-embedding-3-small' })
      expect(made).toMatchObject({ id: expect.stringMatching(/^archive-/), name: 'Notes', description: 'What I noted' })
      expect(made).toMatchObject({ vector_db_provider: 'native', embedding_config: { embedding_dim: 1536 }, metadata: {} })
      expect(await client.archives.retrieve(made.id)).toEqual(made)
      const changed = await client.archives.update(made.id, { name: 'Diary' })
      expect(changed).toMatchObject({ id: made.id, name: 'Diary', description: 'What I noted' })
      const others = []
      for (const name of ['b', 'c', 'd']) others.push((await client.archives.create({ name })).id)
      const ids = [made.id, ...others]
      expect((await everyItem(client.archives.list({ limit: 1, order: 'asc' }))).map(({ id }) => id)).toEqual(ids)
      expect((await everyItem(client.archives.list({ limit: 3 }))).map(({ id }) => id)).toEqual(ids.toReversed())
      expect((await client.archives.list({ name: 'Diary' })).items).toEqual([changed])
      expect(await client.archives.delete(made.id)).toBeNull()
      await failureOf(client.archives.retrieve(made.id), NotFoundError)
      await failureOf(client.archives.delete(made.id), NotFoundError)
      await failureOf(client.archives.create({ name: 'x', embedding: 'nobody/model' }), NotFoundError)
      await failureOf(client.archives.create({ name: '' }), UnprocessableEntityError)
    })

    it('hold passages, one at a time or many at once', async () => {
      const { client } = await api.member()
      const { id } = await client.archives.create({ name: 'Notes' })
      const created_at = '2020-01-02T03:04:05.000Z'
      const passage = await client.archives.passages.create(id, { text: 'one', tags: ['a', 'b', 'a'], metadata: { n: 1 }, created_at })
      expect(passage).toMatchObject({ id: expect.stringMatching(/^passage-/), archive_id: id, text: 'one', tags: ['a', 'b'], created_at })
      const embedding_config = expect.objectContaining({ handle: 'loci/use-lite', embedding_dim: 512 })
      expect(passage).toMatchObject({ embedding: null, embedding_config, metadata: { n: 1 }, file_id: null, is_deleted: false })
      const many = await client.archives.passages.createMany(id, { passages: [{ text: 'two' }, { text: 'three', tags: ['a'] }] })
      expect(texts(many)).toEqual(['two', 'three'])
      expect(await client.archives.passages.delete(passage.id ?? '', { archive_id: id })).toBeNull()
      await failureOf(client.archives.passages.delete(passage.id ?? '', { archive_id: id }), NotFoundError)
      await failureOf(client.archives.passages.create(nobody, { text: 'x' }), NotFoundError)
      await failureOf(client.archives.passages.createMany(id, { passages: [{ text: 'x' }, { text: '' }] }), UnprocessableEntityError)
      expect(found(await client.passages.search({ archive_id: id })).toSorted()).toEqual(['three', 'two'])
    })

    it('are attached to agents, one to each, and detached again', async () => {
      const { client } = await api.member()
      const [one, two] = [await client.archives.create({ name: 'one' }), await client.archives.create({ name: 'two' })]
      const { id: agent_id } = await client.agents.create({})
      expect(await client.agents.archives.attach(one.id, { agent_id })).toBeNull()
      expect(await client.agents.archives.attach(one.id, { agent_id })).toBeNull()
      await failureOf(client.agents.archives.attach(two.id, { agent_id }), ConflictError)
      expect((await client.archives.list({ agent_id })).items).toEqual([one])
      expect(await client.agents.archives.detach(one.id, { agent_id })).toBeNull()
      expect((await client.archives.list({ agent_id })).items).toEqual([])
      await failureOf(client.agents.archives.attach(nobody, { agent_id }), NotFoundError)
    })
  })

  describe('archival memory', () => {
    it('is written, listed, searched and deleted', async () => {
      const { client } = await api.member()
      const { id: agent_id } = await client.agents.create({ timezone: 'America/Los_Angeles' })
      const made: Passage[] = []
      for (const [text, tags, created_at] of [
        ['Ada likes green tea', ['tea', 'ada'], '2024-01-15T17:00:00Z'],
        ['Grace likes coffee', ['grace'], '2024-02-01T00:00:00Z'],
        ['nobody likes green coffee', [], '2024-03-01T00:00:00Z'],
      ] as const)
        made.push(...(await client.agents.passages.create(agent_id, { text, tags: [...tags], created_at })))
      expect(made).toHaveLength(3)
      expect(await client.agents.passages.list(agent_id)).toEqual(made)
      expect(await client.agents.passages.list(agent_id, { ascending: false, limit: 1 })).toEqual(made.slice(2))
      expect(await client.agents.passages.list(agent_id, { after: made[0]?.id ?? null, before: made[2]?.id ?? null })).toEqual(
        made.slice(1, 2),
      )
      expect(texts(await client.agents.passages.list(agent_id, { search: 'COFFEE' }))).toHaveLength(2)

      const { count, results } = await client.agents.passages.search(agent_id, { query: 'green tea' })
      // What holds the words comes first, then what is near in meaning only.
      expect([count, results]).toEqual([
        3,
        [
          { id: made[0]?.id, content: 'Ada likes green tea', timestamp: '2024-01-15T09:00:00.000-08:00', tags: ['tea', 'ada'] },
          expect.objectContaining({ id: made[2]?.id, tags: [] }),
          expect.objectContaining({ id: made[1]?.id }),
        ],
      ])
      const search = async (params: object) =>
        (await client.agents.passages.search(agent_id, { query: 'likes', ...params })).results.map(({ id }) => id).toSorted()
      const at = (...indices: number[]) => indices.map((i) => made[i]?.id).toSorted()
      expect(await search({ tags: ['tea', 'grace'] })).toEqual(at(0, 1))
      expect(await search({ tags: ['tea', 'ada'], tag_match_mode: 'all' })).toEqual(at(0))
      expect(await search({ start_datetime: '2024-01-16', end_datetime: '2024-01-31' })).toEqual(at(1))
      expect(await search({ top_k: 1 })).toHaveLength(1)
      await failureOf(client.agents.passages.search(agent_id, { query: 'likes', top_k: 0 }), UnprocessableEntityError)

      const memory = made[0]?.id ?? ''
      expect(await client.agents.passages.delete(memory, { agent_id })).toEqual({ message: `Memory id=${memory} successfully deleted` })
      await failureOf(client.agents.passages.delete(memory, { agent_id }), NotFoundError)
      expect(await client.agents.passages.list(agent_id)).toEqual(made.slice(1))
    })

    it('is searched by agent, by archive, or in the whole organization', async () => {
      const { client } = await api.member()
      const [one, two] = [await client.agents.create({}), await client.agents.create({})]
      const [mine] = await client.agents.passages.create(one.id, { text: 'the walrus of one', tags: ['t'] })
      await client.agents.passages.create(two.id, { text: 'the walrus of two', created_at: '2020-01-01T00:00:00Z' })
      const hits = await client.passages.search({ query: 'walrus', agent_id: one.id })
      const metadata = { search_mode: 'hybrid', fts_rank: 1, vector_rank: 1, rrf_score: 1.5 / 61 }
      expect(hits).toEqual([{ passage: mine, score: 1.5 / 61, metadata }])
      expect(found(await client.passages.search({ query: 'walrus', archive_id: mine?.archive_id ?? '' }))).toEqual(['the walrus of one'])
      expect(found(await client.passages.search({ query: 'walrus' }))).toHaveLength(2)
      expect(found(await client.passages.search({}))).toEqual(['the walrus of one', 'the walrus of two'])
      expect(found(await client.passages.search({ tags: ['t'], limit: 5 }))).toEqual(['the walrus of one'])
      expect(found(await client.passages.search({ query: 'walrus', end_date: '2020-01-01' }))).toEqual(['the walrus of two'])
      await failureOf(client.passages.search({ archive_id: nobody }), NotFoundError)
    })

    it('is kept by the agent itself, with its tools', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({ tools: ['archival_memory_insert', 'archival_memory_search'] })
      const input =
        '/call archival_memory_insert {"content":"Ada likes tea","tags":["ada"]}\n/then\n/call archival_memory_search {"query":"tea"}'
      const { messages } = await client.agents.messages.create(id, { input })
      const returns = messages.flatMap((message) => (message.message_type === 'tool_return_message' ? [message] : []))
      expect(returns.map(({ status }) => status)).toEqual(['success', 'success'])
      expect(JSON.parse(String(returns[1]?.tool_return))).toMatchObject([{ content: 'Ada likes tea', tags: ['ada'] }])
      expect(texts(await client.agents.passages.list(id))).toEqual(['Ada likes tea'])
    })
  })
}
