import { describe, expect, it } from 'vitest'
import { insertOnce } from '../../src/resources/passages/recall'
import type { RunResult } from '../../src/runtime/rpc'
import { bindings, freshAgent, freshScope, giveTools, send, storedMessages } from '../support/agent'

const tools = ['archival_memory_insert', 'archival_memory_search']
const call = (name: string, args: object) => `/call ${name} ${JSON.stringify(args)}`
const returnsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))
const found = (result: RunResult) => JSON.parse(String(returnsOf(result)[0]?.tool_return))

async function archivist(fields: Parameters<typeof freshAgent>[1] = {}) {
  const scope = await freshScope()
  const agent = await freshAgent(scope, { name: 'Ada', ...fields })
  await giveTools(scope, agent, tools)
  return { scope, agent }
}

const passagesOf = async (agent: string) =>
  (
    await bindings.DB.prepare(
      'select p.* from archival_passages p join archives_agents l on l.archive_id = p.archive_id where l.agent_id = ?1 order by p.created_at, p.id',
    )
      .bind(agent)
      .all<Record<string, unknown>>()
  ).results

describe('an agent with archival memory', () => {
  it('stores a passage, finds it in the same turn, and is told how much it has stored', async () => {
    const { scope, agent } = await archivist({ timezone: 'Europe/Berlin' })
    const insert = call('archival_memory_insert', { content: 'Grace keeps a cat called Schrödinger.', tags: ['pets', 'pets'] })
    const result = await send(scope, agent, `${insert}\n/then\n${call('archival_memory_search', { query: 'schrodinger dog' })}`)
    const [stored, searched] = returnsOf(result)
    expect(stored).toMatchObject({ status: 'success', tool_return: 'None' })
    expect(JSON.parse(String(searched?.tool_return))).toEqual([
      {
        id: expect.stringMatching(/^passage-/),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0[12]:00$/),
        content: 'Grace keeps a cat called Schrödinger.',
        tags: ['pets'],
        relevance: { rrf_score: 1 / 61, vector_rank: null, fts_rank: 1 },
      },
    ])
    expect(await passagesOf(agent)).toMatchObject([{ text: 'Grace keeps a cat called Schrödinger.', tags: '["pets"]' }])
    const [system] = await storedMessages(agent)
    expect(system?.content).toContain('- 1 total memories you created are stored in archival memory')
  })

  it('finds by tags and by days of its own time zone, before the limit', async () => {
    const { scope, agent } = await archivist({ timezone: 'Asia/Tokyo' })
    for (const n of [1, 2, 3]) await send(scope, agent, call('archival_memory_insert', { content: `walrus walrus ${n}`, tags: ['noise'] }))
    await send(scope, agent, call('archival_memory_insert', { content: 'one walrus among words', tags: ['a', 'b'] }))
    const [first] = await passagesOf(agent)
    await bindings.DB.prepare('update archival_passages set created_at = ?2 where id = ?1')
      .bind(first?.id, Date.parse('2024-01-15T14:59:00Z'))
      .run()
    const search = async (args: object) =>
      found(await send(scope, agent, call('archival_memory_search', { query: 'walrus', top_k: 1, ...args }))).map(
        ({ content }: { content: string }) => content,
      )
    expect(await search({ tags: ['b'] })).toEqual(['one walrus among words'])
    expect(await search({ tags: ['a', 'noise'], tag_match_mode: 'all' })).toEqual([])
    expect(await search({ start_datetime: '2024-01-15', end_datetime: '2024-01-15' })).toEqual(['walrus walrus 1'])
    expect(await search({ end_datetime: '2024-01-14' })).toEqual([])
    expect(await search({ query: '' })).toEqual([])
  })

  it.each([
    ['archival_memory_insert', { tags: ['x'] }, 'Parameter `content` is required'],
    ['archival_memory_insert', { content: 'x', tags: 'x' }, 'Parameter `tags` must be a list of strings'],
    ['archival_memory_insert', { content: '' }, 'must not be empty'],
    ['archival_memory_insert', { content: 'x'.repeat(250_001) }, 'Store it as several passages'],
    ['archival_memory_search', {}, 'Parameter `query` is required'],
    ['archival_memory_search', { query: 'x', tag_match_mode: 'some' }, '`any` or `all`'],
    ['archival_memory_search', { query: 'x', top_k: 1000 }, 'from 1 to 100'],
    ['archival_memory_search', { query: 'x', start_datetime: 'soon' }, 'must be an ISO date or datetime'],
  ])('%s is told what is wrong with its arguments', async (name, args, expected) => {
    const { scope, agent } = await archivist()
    const result = await send(scope, agent, call(name, args))
    expect(returnsOf(result)).toMatchObject([{ status: 'error', tool_return: expect.stringContaining(expected) }])
    expect(await passagesOf(agent)).toEqual([])
  })

  it('stores once what a call stores again after a crash, wherever the archive has gone', async () => {
    const { scope, agent } = await archivist()
    const by = { ...scope, agent_id: agent, key: 'step-1/0' }
    await Promise.all([1, 2, 3].map(() => insertOnce(bindings, by, { text: 'once', tags: ['t'] })))
    expect(await passagesOf(agent)).toHaveLength(1)
    await insertOnce(bindings, { ...by, key: 'step-1/1' }, { text: 'once', tags: ['t'] })
    expect(await passagesOf(agent)).toHaveLength(2)
    await bindings.DB.prepare('delete from archives_agents where agent_id = ?1').bind(agent).run()
    await insertOnce(bindings, by, { text: 'once', tags: ['t'] })
    const archives = await bindings.DB.prepare('select count(*) as n from archives where organization_id = ?1')
      .bind(scope.organization_id)
      .first('n')
    expect(archives).toBe(1)
  })
})
