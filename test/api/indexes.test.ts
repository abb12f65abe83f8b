import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const model = 'loci/use-lite'

async function archiveOf(call: Call, fields: Record<string, unknown> = { embedding: model }): Promise<string> {
  return (await call('POST', '/v1/archives/', { name: 'notes', ...fields })).body.id
}
const add = (call: Call, id: string, texts: string[]) =>
  call('POST', `/v1/archives/${id}/passages/batch`, { passages: texts.map((text) => ({ text })) })
const search = async (call: Call, body: Record<string, unknown>) =>
  (await call('POST', '/v1/passages/search', body)).body as {
    passage: { text: string }
    score: number
    metadata: Record<string, unknown>
  }[]
const textsOf = (hits: { passage: { text: string } }[]) => hits.map(({ passage }) => passage.text)

/** Waits until nothing of an index is on its way. */
async function settled(call: Call, path: string) {
  for (;;) {
    const { body } = await call('GET', `/v1/${path}/index`)
    if (body.pending + body.embedded + body.submitted + body.deleted === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('an index', () => {
  it('tells how far it is, for an archive, a folder and the messages', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call)
    await add(call, id, ['The cat sleeps.', 'The invoice is overdue.'])
    expect(await settled(call, `archives/${id}`)).toEqual({
      embedding: model,
      dimensions: 512,
      metric: 'cosine',
      texts: 2,
      unqueued: 0,
      pending: 0,
      embedded: 0,
      submitted: 0,
      indexed: 2,
      failed: 0,
      deleted: 0,
      errors: [],
      index: { bound: true, vectors: expect.any(Number) },
      checked: null,
      missing: null,
    })
    const folder = (await call('POST', '/v1/folders/', { name: 'papers', embedding: model })).body.id
    expect((await call('GET', `/v1/folders/${folder}/index`)).body).toMatchObject({ embedding: model, texts: 0, indexed: 0 })
    expect((await call('GET', '/v1/messages/index')).body).toMatchObject({ embedding: null, dimensions: null, texts: 0 })
  })

  it('is looked at and rebuilt by its organization alone', async () => {
    const { call } = await freshOrganization()
    const other = await freshOrganization()
    const id = await archiveOf(call)
    for (const one of [id, newId('archive')]) {
      expect((await other.call('GET', `/v1/archives/${one}/index`)).status).toBe(404)
      expect((await other.call('POST', `/v1/archives/${one}/reindex`, {})).status).toBe(404)
    }
    expect((await call('POST', `/v1/archives/${id}/reindex`, { embedding: 'nobody/model' })).status).toBe(404)
    expect((await call('POST', `/v1/archives/${id}/reindex`, { embedding: 'no handle' })).status).toBe(422)
  })

  it('gets back what it lost when it is checked', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call)
    const [lost] = (await add(call, id, ['lost', 'kept'])).body
    await settled(call, `archives/${id}`)
    await bindings.VECTORIZE_512?.deleteByIds([lost.id])
    expect((await call('GET', `/v1/archives/${id}/index?check=true`)).body).toMatchObject({ checked: 2, missing: 1 })
    await settled(call, `archives/${id}`)
    expect((await call('GET', `/v1/archives/${id}/index?check=true`)).body).toMatchObject({ checked: 2, missing: 0, indexed: 2 })
  })

  it('is rebuilt by a job, which gives an archive of plain texts its vectors', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call, {})
    await add(call, id, ['A kitten is on the sofa.', 'Bread needs flour.'])
    expect((await call('GET', `/v1/archives/${id}/index`)).body).toMatchObject({ embedding: null, texts: 2, unqueued: 2, indexed: 0 })
    expect((await call('POST', '/v1/passages/search', { archive_id: id, query: 'cat', search_mode: 'vector' })).status).toBe(400)
    const { status, body: job } = await call('POST', `/v1/archives/${id}/reindex`, { embedding: model })
    expect([status, job.job_type, job.metadata.kind]).toEqual([202, 'job', 'reindex'])
    for (;;) {
      const now = (await call('GET', `/v1/jobs/${job.id}`)).body
      if (now.status === 'completed') break
      expect(['created', 'running']).toContain(now.status)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect((await call('GET', `/v1/archives/${id}`)).body).toMatchObject({ embedding: model, embedding_config: { embedding_dim: 512 } })
    expect(textsOf(await search(call, { archive_id: id, query: 'cat', search_mode: 'vector', limit: 1 }))).toEqual([
      'A kitten is on the sofa.',
    ])
  })

  it('does not mix models', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call)
    for (const change of [{ embedding: 'openai/text-embedding-3-small' }, { embedding_config: { handle: model, embedding_dim: 300 } }]) {
      const { status, body } = await call('PATCH', `/v1/archives/${id}`, change)
      expect([status, body.code, body.detail]).toEqual([
        409,
        'embedding_mismatch',
        expect.stringContaining(`POST /v1/archives/${id}/reindex`),
      ])
    }
    expect((await call('PATCH', `/v1/archives/${id}`, { embedding: model, name: 'renamed' })).body).toMatchObject({ name: 'renamed' })
  })
})

describe('search by meaning', () => {
  it('counts tags and dates before the limit', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call)
    const passages = [
      ...Array.from({ length: 12 }, (_, n) => ({ text: `The cat number ${n} sleeps.`, created_at: '2024-01-01T00:00:00Z' })),
      { text: 'A kitten rests.', tags: ['young', 'pet'], created_at: '2024-06-01T12:00:00Z' },
      { text: 'Taxes are due.', tags: ['young'], created_at: '2024-06-01T13:00:00Z' },
    ]
    await call('POST', `/v1/archives/${id}/passages/batch`, { passages })
    const near = (more: Record<string, unknown>) => search(call, { archive_id: id, query: 'cat', search_mode: 'vector', limit: 1, ...more })
    for (const again of ['while it is not indexed', 'and when it is']) {
      expect([again, textsOf(await near({ tags: ['young'] }))]).toEqual([again, ['A kitten rests.']])
      expect(textsOf(await near({ tags: ['young', 'pet'], tag_match_mode: 'all' }))).toEqual(['A kitten rests.'])
      expect(textsOf(await near({ start_date: '2024-06-01', end_date: '2024-06-01' }))).toEqual(['A kitten rests.'])
      expect(textsOf(await near({ start_date: '2024-06-01T12:30:00Z' }))).toEqual(['Taxes are due.'])
      expect(textsOf(await near({ end_date: '2023-12-31' }))).toEqual([])
      await settled(call, `archives/${id}`)
    }
  })

  it('goes on by words alone when the model cannot be used, and says so', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call, { embedding: 'openai/text-embedding-3-small' })
    await add(call, id, ['The walrus sings.'])
    expect(await search(call, { archive_id: id, query: 'walrus' })).toMatchObject([
      { score: 1 / 61, metadata: { search_mode: 'fts', fts_rank: 1, vector_rank: null } },
    ])
    const { status, body } = await call('POST', '/v1/passages/search', { archive_id: id, query: 'walrus', search_mode: 'vector' })
    expect([status, body.detail]).toEqual([400, expect.stringContaining('OPENAI_API_KEY')])
    for (;;) {
      const { errors } = (await call('GET', `/v1/archives/${id}/index`)).body
      if (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
      else {
        expect(errors).toEqual([{ error: expect.stringContaining('OPENAI_API_KEY'), count: 1 }])
        break
      }
    }
  })

  it('finds nothing of another organization, whatever is nearest', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    await add(other.call, await archiveOf(other.call), ['The secret cat.'])
    await add(mine.call, await archiveOf(mine.call), ['A plain dog.'])
    for (const search_mode of ['vector', 'hybrid'])
      expect(textsOf(await search(mine.call, { query: 'The secret cat.', search_mode }))).toEqual(['A plain dog.'])
  })
})

describe('a passage that is changed', () => {
  it('is found by what it says now, with its new tags', async () => {
    const { call } = await freshOrganization()
    const id = await archiveOf(call)
    const [passage] = (await add(call, id, ['The cat sleeps.'])).body
    const path = `/v1/archives/${id}/passages/${passage.id}`
    const change = { text: 'Taxes are due.', tags: ['b', 'a', 'b'], metadata: { n: 1 } }
    expect((await call('PATCH', path, change)).body).toMatchObject({ ...change, tags: ['b', 'a'], id: passage.id })
    expect((await call('PATCH', path, { tags: null })).body).toMatchObject({ ...change, tags: ['b', 'a'] })
    expect(await search(call, { archive_id: id, query: 'cat', search_mode: 'fts' })).toEqual([])
    expect(textsOf(await search(call, { archive_id: id, query: 'money for the state', tags: ['a'], search_mode: 'vector' }))).toEqual([
      'Taxes are due.',
    ])
    expect(await search(call, { archive_id: id, query: 'x', tags: ['c'] })).toEqual([])
    for (const text of ['', ' '.repeat(250_001)]) expect((await call('PATCH', path, { text })).status).toBe(422)
    expect((await call('PATCH', `/v1/archives/${id}/passages/${newId('passage')}`, change)).status).toBe(404)
    expect((await (await freshOrganization()).call('PATCH', path, change)).status).toBe(404)
    const { results } = await DB.prepare('select tag from passage_tags where passage_id = ?1 order by tag').bind(passage.id).all()
    expect(results).toEqual([{ tag: 'a' }, { tag: 'b' }])
  })
})

describe('the files of a folder', () => {
  it('are searched with their place, and with nothing that folders do not have', async () => {
    const { call } = await freshOrganization()
    const folder = (await call('POST', '/v1/folders/', { name: 'papers', embedding: model })).body.id
    const file = newId('file')
    const { organization_id } = (await call('GET', `/v1/folders/${folder}`)).body
    await DB.batch([
      DB.prepare(
        `insert into files (id, organization_id, source_id, file_name, processing_status, created_at, updated_at) values (?1, ?2, ?3, 'papers/a.md', 'completed', 0, 0)`,
      ).bind(file, organization_id, folder),
      ...['The cat sleeps.', 'Taxes are due.'].map((text, n) =>
        DB.prepare(
          `insert into source_passages (id, organization_id, source_id, file_id, file_name, position, text, metadata_, created_at, updated_at)
            values (?1, ?2, ?3, ?4, 'papers/a.md', ?5, ?6, '{"start_line":3}', 0, 0)`,
        ).bind(newId('passage'), organization_id, folder, file, n, text),
      ),
    ])
    const [hit] = await search(call, { folder_id: folder, query: 'kitten', search_mode: 'vector' })
    expect(hit).toMatchObject({
      passage: {
        text: 'The cat sleeps.',
        file_id: file,
        file_name: 'a.md',
        source_id: folder,
        archive_id: null,
        metadata: { start_line: 3 },
      },
      metadata: { vector_rank: 1, fts_rank: null },
    })
    expect(textsOf(await search(call, { folder_id: folder, query: 'taxes', search_mode: 'fts' }))).toEqual(['Taxes are due.'])
    for (const wrong of [{}, { query: ' ' }, { query: 'x', tags: ['a'] }, { query: 'x', archive_id: newId('archive') }])
      expect((await call('POST', '/v1/passages/search', { folder_id: folder, ...wrong })).status).toBe(422)
    expect((await (await freshOrganization()).call('POST', '/v1/passages/search', { folder_id: folder, query: 'x' })).status).toBe(404)
  })
})
