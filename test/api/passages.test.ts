import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { addPassages } from '../../src/resources/passages/insert'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const archive = async (call: Call): Promise<string> => (await call('POST', '/v1/archives/', { name: 'Notes' })).body.id
const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const remember = async (call: Call, agentId: string, text: string, fields: Record<string, unknown> = {}) =>
  (await call('POST', `/v1/agents/${agentId}/archival-memory`, { text, ...fields })).body[0]
const add = (call: Call, archiveId: string, body: Record<string, unknown>) => call('POST', `/v1/archives/${archiveId}/passages`, body)
const texts = (rows: { text: string }[]) => rows.map(({ text }) => text)
const tagsOf = async (passageId: string) =>
  (await DB.prepare('select tag from passage_tags where passage_id = ?1 order by tag').bind(passageId).all<{ tag: string }>()).results.map(
    ({ tag }) => tag,
  )

describe('passages of an archive', () => {
  it('keep what is sent: the time, metadata, and tags once each in their order', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const archive_id = await archive(call)
    const body = { text: 'Ada likes tea', tags: ['tea', 'ada', 'tea'], metadata: { a: [1] }, created_at: '2020-01-02T03:04:05+01:00' }
    const { status, body: made } = await add(call, archive_id, body)
    expect(status).toBe(200)
    expect(made).toEqual({
      id: expect.stringMatching(/^passage-/),
      organization_id,
      archive_id,
      source_id: null,
      file_id: null,
      file_name: null,
      text: 'Ada likes tea',
      embedding: null,
      embedding_config: null,
      metadata: { a: [1] },
      tags: ['tea', 'ada'],
      is_deleted: false,
      created_at: '2020-01-02T02:04:05.000Z',
      updated_at: expect.stringMatching(/Z$/),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    expect(await tagsOf(made.id)).toEqual(['ada', 'tea'])
    const removed = await call('DELETE', `/v1/archives/${archive_id}/passages/${made.id}`)
    expect([removed.status, removed.body]).toEqual([204, ''])
    expect(await tagsOf(made.id)).toEqual([])
    expect((await call('DELETE', `/v1/archives/${archive_id}/passages/${made.id}`)).status).toBe(404)
    expect((await add(call, newId('archive'), { text: 'x' })).status).toBe(404)
  })

  it('have the embedding model of their archive', async () => {
    const { call } = await freshOrganization()
    const embedding_config = { embedding_model: 'own', embedding_dim: 3, embedding_endpoint_type: 'vllm' }
    const { id } = (await call('POST', '/v1/archives', { name: 'x', embedding_config })).body
    expect((await add(call, id, { text: 'x' })).body).toMatchObject({ embedding: null, embedding_config })
  })

  it('are stored many at once, in order, or not at all', async () => {
    const { call } = await freshOrganization()
    const archive_id = await archive(call)
    const id = await agent(call)
    await call('PATCH', `/v1/agents/${id}/archives/attach/${archive_id}`)
    const stored = async () => texts((await call('GET', `/v1/agents/${id}/archival-memory?limit=1000`)).body)
    const batch = (passages: unknown[], headers = {}) => call('POST', `/v1/archives/${archive_id}/passages/batch`, { passages }, headers)
    const many = Array.from({ length: 150 }, (_, i) => ({ text: `number ${i} ${'long '.repeat(500)}`.trim(), tags: [`t${i}`] }))
    const made = await batch(many)
    expect(texts(made.body)).toEqual(texts(many))
    expect(await stored()).toEqual(texts(many))
    expect(made.body[149].tags).toEqual(['t149'])
    expect((await batch([])).body).toEqual([])
    const refused = await batch([{ text: 'good' }, { text: '' }])
    expect([refused.status, refused.body.errors[0].field]).toEqual([422, 'passages.1.text'])
    expect((await batch([{ text: 'good' }, { text: 'bad', created_at: 'soon' }])).status).toBe(422)
    expect((await batch(Array.from({ length: 1001 }, () => ({ text: 'x' })))).status).toBe(422)
    expect(await stored()).toHaveLength(150)
    const once = await batch([{ text: 'first' }, { text: 'second' }], { 'idempotency-key': 'k' })
    expect((await batch([{ text: 'first' }, { text: 'second' }], { 'idempotency-key': 'k' })).body).toEqual(once.body)
    expect((await stored()).slice(150)).toEqual(['first', 'second'])
  })

  it('come to nothing when one statement of the batch fails', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const archive_id = await archive(call)
    const metadata = JSON.parse(`${'{"a":'.repeat(1100)}1${'}'.repeat(1100)}`)
    const passages = [
      { id: newId('passage'), text: 'x'.repeat(200_000) },
      { id: newId('passage'), text: 'y'.repeat(200_000), metadata },
    ]
    await expect(addPassages(DB, { organization_id, user_id }, archive_id, passages)).rejects.toThrow()
    expect((await call('POST', '/v1/passages/search', { archive_id })).body).toEqual([])
  })

  it('may be long, but not too long', async () => {
    const { call } = await freshOrganization()
    const archive_id = await archive(call)
    const long = '漢'.repeat(250_000)
    expect((await add(call, archive_id, { text: long })).body.text).toBe(long)
    const refused = await add(call, archive_id, { text: `${long}漢` })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'text', message: expect.stringContaining('250000') }] } })
    const heavy = await add(call, archive_id, { text: long, metadata: { a: long } })
    expect(heavy).toMatchObject({ status: 422, body: { detail: expect.stringContaining('bytes') } })
    expect((await add(call, archive_id, { text: '\0' })).status).toBe(422)
    expect((await add(call, archive_id, { text: 'a\0b \ud800' })).body.text).toBe('ab \ufffd')
    expect((await call('POST', '/v1/passages/search', { archive_id })).body).toHaveLength(2)
  })
})

describe('the archival memory of an agent', () => {
  it('has an archive from the first passage on, which the agent owns', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { embedding: 'openai/text-embedding-3-small', embedding_config: { embedding_model: 'm' } })
    expect((await call('GET', `/v1/agents/${id}/archival-memory`)).body).toEqual([])
    const passage = await remember(call, id, 'first', { tags: ['t'] })
    expect(passage).toMatchObject({ text: 'first', tags: ['t'], embedding_config: { embedding_model: 'm' } })
    expect((await call('GET', `/v1/archives?agent_id=${id}`)).body).toMatchObject([
      {
        id: passage.archive_id,
        name: "Ada's Archive",
        embedding: 'openai/text-embedding-3-small',
        embedding_config: { embedding_model: 'm' },
      },
    ])
    expect((await remember(call, id, 'second')).archive_id).toBe(passage.archive_id)
    expect(await DB.prepare('select is_owner from archives_agents where agent_id = ?1').bind(id).first('is_owner')).toBe(1)
    expect((await call('POST', `/v1/agents/${newId('agent')}/archival-memory`, { text: 'x' })).status).toBe(404)
  })

  it('gets one archive however many passages come first at once', async () => {
    const { call, organization_id } = await freshOrganization()
    const id = await agent(call)
    const made = await Promise.all(Array.from({ length: 8 }, (_, i) => remember(call, id, `passage ${i}`)))
    expect(new Set(made.map(({ archive_id }) => archive_id)).size).toBe(1)
    expect((await call('GET', `/v1/agents/${id}/archival-memory`)).body).toHaveLength(8)
    const archives = await DB.prepare('select count(*) as n from archives where organization_id = ?1').bind(organization_id).first('n')
    expect(archives).toBe(1)
  })

  it('is written once under an Idempotency-Key, also when the first answer was lost', async () => {
    const { call, organization_id } = await freshOrganization()
    const id = await agent(call)
    const write = () => call('POST', `/v1/agents/${id}/archival-memory`, { text: 'once' }, { 'idempotency-key': 'k' })
    const first = await write()
    await DB.prepare('update idempotency_keys set status = null, locked_until = 0 where organization_id = ?1').bind(organization_id).run()
    expect((await write()).body).toEqual(first.body)
    expect((await call('GET', `/v1/agents/${id}/archival-memory`)).body).toHaveLength(1)
  })

  it('is listed oldest first, both ways, and by text', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    for (const [i, text] of ['a tea', 'b', 'c', 'd TEA', 'e'].entries())
      await remember(call, id, text, { created_at: `2024-01-0${i < 3 ? 1 : i}` })
    const list = async (query: string) => (await call('GET', `/v1/agents/${id}/archival-memory?${query}`)).body
    const all = await list('')
    expect(texts(all)).toEqual(['a tea', 'b', 'c', 'd TEA', 'e'])
    expect(texts(await list('ascending=false'))).toEqual(texts(all).toReversed())
    expect(texts(await list('order=desc&limit=1'))).toEqual(['e'])
    expect(texts(await list(`limit=2&after=${all[1].id}`))).toEqual(['c', 'd TEA'])
    expect(texts(await list(`limit=1&before=${all[2].id}`))).toEqual(['b'])
    expect(texts(await list(`ascending=false&after=${all[2].id}`))).toEqual(['b', 'a tea'])
    expect(texts(await list('search=Tea'))).toEqual(['a tea', 'd TEA'])
    expect((await call('GET', `/v1/agents/${id}/archival-memory?after=${newId('passage')}`)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${newId('agent')}/archival-memory`)).status).toBe(404)
    const removed = await call('DELETE', `/v1/agents/${id}/archival-memory/${all[0].id}`)
    expect(removed.body).toEqual({ message: `Memory id=${all[0].id} successfully deleted` })
    expect(await list('search=a%20tea')).toEqual([])
  })

  it('is counted in the prompt as soon as there is something in it', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const system = async () => (await call('GET', `/v1/agents/${id}/messages?order=asc&limit=1`)).body[0].content as string
    const turn = () => call('POST', `/v1/agents/${id}/messages`, { input: 'hello' })
    await turn()
    expect(await system()).not.toContain('archival memory (use tools')
    await remember(call, id, 'one')
    await remember(call, id, 'two')
    await turn()
    expect(await system()).toContain('- 2 total memories you created are stored in archival memory')
    expect((await call('GET', `/v1/agents/${id}/context`)).body.num_archival_memory).toBe(2)
  })
})

describe('searching archival memory', () => {
  it('finds words in any form of query, the best match first, in the time of the agent', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { timezone: 'America/Los_Angeles' })
    await remember(call, id, 'Crème brûlée, at last.', { created_at: '2024-01-15T17:00:00Z', tags: ['food'] })
    await remember(call, id, 'the green elephant eats green apples')
    await remember(call, id, 'an apple a day, and one more green one')
    const search = async (query: string, more = '') =>
      (await call('GET', `/v1/agents/${id}/archival-memory/search?query=${encodeURIComponent(query)}${more}`)).body
    expect(await search('creme')).toEqual({
      results: [
        {
          id: expect.stringMatching(/^passage-/),
          timestamp: '2024-01-15T09:00:00.000-08:00',
          content: 'Crème brûlée, at last.',
          tags: ['food'],
        },
      ],
      count: 1,
    })
    const { results, count } = await search('green elephant')
    expect([count, results[0].content]).toEqual([2, 'the green elephant eats green apples'])
    expect((await search('green', '&top_k=1')).count).toBe(1)
    for (const query of ['"', '*', 'NEAR(', "'; drop table agents; --", 'text:green', '-green', '', '   ', '🐘', 'AND OR NOT', '((('])
      expect([query, Array.isArray((await search(query)).results)]).toEqual([query, true])
    expect(await search('')).toEqual({ results: [], count: 0 })
    const path = `/v1/agents/${id}/archival-memory/search`
    for (const query of ['', '?query=x&top_k=0', '?query=x&top_k=101', '?query=x&tag_match_mode=some', '?query=x&start_datetime=soon'])
      expect([query, (await call('GET', path + query)).status]).toEqual([query, 422])
    const empty = await agent(call)
    expect((await call('GET', `/v1/agents/${empty}/archival-memory/search?query=green`)).body).toEqual({ results: [], count: 0 })
  })

  it('filters by tags and time before it counts off the limit', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { timezone: 'Asia/Tokyo' })
    for (let i = 0; i < 5; i++) await remember(call, id, `walrus walrus walrus ${i}`, { tags: ['noise'], created_at: '2020-01-01' })
    await remember(call, id, 'a single walrus among many other words', { tags: ['a', 'b'], created_at: '2024-01-15T14:30:00Z' })
    await remember(call, id, 'another walrus among even more other words', { tags: ['a'], created_at: '2024-01-15T15:30:00Z' })
    const search = async (more: string) =>
      (await call('GET', `/v1/agents/${id}/archival-memory/search?query=walrus&top_k=2&${more}`)).body.results.map(
        ({ content }: { content: string }) => content.split(' ')[0],
      )
    expect(await search('tags=b')).toEqual(['a'])
    expect((await search('tags=a&tags=b')).sort()).toEqual(['a', 'another'])
    expect(await search('tags=a&tags=b&tags=a&tag_match_mode=all')).toEqual(['a'])
    expect(await search('tags=none')).toEqual([])
    // 2024-01-15 in Tokyo ends at 15:00 UTC.
    expect(await search('start_datetime=2024-01-15&end_datetime=2024-01-15')).toEqual(['a'])
    expect(await search('start_datetime=2024-01-16')).toEqual(['another'])
    expect(await search('start_datetime=2024-01-15T23:30:00&end_datetime=2024-01-15T23:30:00')).toEqual(['a'])
    expect(await search('start_datetime=2024-01-15T15:00:00Z')).toEqual(['another'])
    expect(await search('tags=a&end_datetime=2023-12-31')).toEqual([])
  })
})

describe('searching passages', () => {
  it('is by agent, by archive or in the whole organization, and tells how well each passage fits', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const mine = await remember(call, one, 'a walrus')
    await remember(call, two, 'walrus and walrus', { tags: ['t'] })
    const apart = await archive(call)
    await add(call, apart, { text: 'the walrus apart, with many more words around it', created_at: '2020-05-05' })
    const search = async (body: Record<string, unknown>) => (await call('POST', '/v1/passages/search', body)).body
    const found = async (body: Record<string, unknown>) =>
      (await search({ query: 'walrus', ...body })).map((hit: { passage: { text: string } }) => hit.passage.text)
    const hits = await search({ query: 'walrus' })
    expect(hits).toHaveLength(3)
    expect(hits[0]).toEqual({
      passage: expect.objectContaining({ text: 'walrus and walrus', tags: ['t'], embedding: null }),
      score: 1 / 61,
      metadata: { search_mode: 'fts', fts_rank: 1, vector_rank: null, rrf_score: 1 / 61 },
    })
    expect(await search({ query: 'walrus', agent_id: one })).toMatchObject([{ passage: mine }])
    expect(await found({ archive_id: apart })).toEqual(['the walrus apart, with many more words around it'])
    expect(await found({ agent_id: one, archive_id: apart })).toEqual(['a walrus'])
    expect(await found({ agent_id: await agent(call) })).toEqual([])
    expect(await found({ tags: ['t'] })).toEqual(['walrus and walrus'])
    expect(await found({ end_date: '2020-05-05' })).toEqual(['the walrus apart, with many more words around it'])
    expect(await found({ limit: 1 })).toHaveLength(1)
    expect(await found({ query: 'zebra' })).toEqual([])
    expect((await call('POST', '/v1/passages/search', { limit: 101 })).status).toBe(422)
    for (const body of [{ agent_id: newId('agent') }, { archive_id: newId('archive') }])
      expect((await call('POST', '/v1/passages/search', body)).status).toBe(404)
  })

  it('without words lists the newest first', async () => {
    const { call } = await freshOrganization()
    const archive_id = await archive(call)
    for (const [text, created_at] of [
      ['second', '2021-01-01'],
      ['third', '2022-01-01'],
      ['first', '2020-01-01'],
    ])
      await add(call, archive_id, { text, created_at })
    for (const query of [undefined, null, '', ' ']) {
      const hits = (await call('POST', '/v1/passages/search', { query, limit: 2 })).body
      expect(hits).toMatchObject([
        { passage: { text: 'third' }, score: 0, metadata: {} },
        { passage: { text: 'second' }, score: 0 },
      ])
    }
  })
})

describe('passages of another organization', () => {
  it('are neither read, written, deleted nor found', async () => {
    const [mine, theirs] = [await freshOrganization(), await freshOrganization()]
    const theirAgent = await agent(theirs.call)
    const passage = await remember(theirs.call, theirAgent, 'secret walrus', { tags: ['t'] })
    const [myAgent, myArchive] = [await agent(mine.call), await archive(mine.call)]
    await mine.call('PATCH', `/v1/agents/${myAgent}/archives/attach/${myArchive}`)
    for (const [method, path, body] of [
      ['GET', `/v1/agents/${theirAgent}/archival-memory`],
      ['POST', `/v1/agents/${theirAgent}/archival-memory`, { text: 'x' }],
      ['GET', `/v1/agents/${theirAgent}/archival-memory/search?query=walrus`],
      ['DELETE', `/v1/agents/${theirAgent}/archival-memory/${passage.id}`],
      ['DELETE', `/v1/agents/${myAgent}/archival-memory/${passage.id}`],
      ['POST', `/v1/archives/${passage.archive_id}/passages`, { text: 'x' }],
      ['POST', `/v1/archives/${passage.archive_id}/passages/batch`, { passages: [{ text: 'x' }] }],
      ['DELETE', `/v1/archives/${myArchive}/passages/${passage.id}`],
      ['DELETE', `/v1/archives/${passage.archive_id}/passages/${passage.id}`],
      ['POST', '/v1/passages/search', { agent_id: theirAgent }],
      ['POST', '/v1/passages/search', { archive_id: passage.archive_id }],
    ] as const)
      expect([path, (await mine.call(method, path, body)).status]).toEqual([path, 404])
    for (const body of [{ query: 'walrus' }, {}, { tags: ['t'] }])
      expect((await mine.call('POST', '/v1/passages/search', body)).body).toEqual([])
    expect((await theirs.call('GET', `/v1/agents/${theirAgent}/archival-memory`)).body).toEqual([passage])
  })
})

describe('the size of what is stored', () => {
  it('is that of the texts, in the unit of the header', async () => {
    const { call } = await freshOrganization()
    const size = async (headers = {}) => (await call('GET', '/v1/embeddings/total_storage_size', undefined, headers)).body
    expect(await size()).toBe(0)
    await add(call, await archive(call), { text: 'é'.repeat(1024) })
    expect(await size({ storage_unit: 'B' })).toBe(2048)
    expect(await size({ storage_unit: 'KB' })).toBe(2)
    expect(await size()).toBe(2048 / 1024 ** 3)
    expect((await call('GET', '/v1/embeddings/total_storage_size', undefined, { storage_unit: 'furlong' })).status).toBe(422)
  })
})
