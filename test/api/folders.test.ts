import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { freshOrganization } from '../support/client'
import { countOf, made, objectsOf, upload, uploaded } from '../support/files'

const { DB } = bindings
const names = (rows: { name: string }[]) => rows.map((row) => row.name)

describe('folders', () => {
  it('are created, read, changed and deleted', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const created = await call('POST', '/v1/folders/', { name: 'handbook', description: 'How we work', metadata: { a: [1] } })
    expect(created).toMatchObject({ status: 200 })
    expect(created.body).toEqual({
      id: expect.stringMatching(/^source-/),
      name: 'handbook',
      description: 'How we work',
      instructions: null,
      metadata: { a: [1] },
      embedding_config: {},
      organization_id,
      created_by_id: user_id,
      last_updated_by_id: user_id,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const path = `/v1/folders/${created.body.id}`
    expect((await call('GET', path)).body).toEqual(created.body)
    const changed = await call('PATCH', path, { name: 'guide', instructions: 'Read it first', description: null })
    expect(changed.body).toMatchObject({ name: 'guide', instructions: 'Read it first', description: 'How we work', metadata: { a: [1] } })
    expect((await call('GET', path)).body).toEqual(changed.body)
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: null })
    for (const method of ['GET', 'DELETE']) expect((await call(method, path)).status).toBe(404)
    expect((await call('PATCH', path, { name: 'x' })).status).toBe(404)
  })

  it('are listed oldest first, by name, page by id, and are counted', async () => {
    const { call } = await freshOrganization()
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) ids.push((await made(call, '/v1/folders', { name })).id)
    const list = async (query: string) => names((await call('GET', `/v1/folders/?${query}`)).body)
    expect(await list('')).toEqual(['a', 'b', 'c', 'd'])
    expect(await list('order=desc&limit=2')).toEqual(['d', 'c'])
    expect(await list(`after=${ids[1]}`)).toEqual(['c', 'd'])
    expect(await list(`before=${ids[2]}&limit=1`)).toEqual(['b'])
    expect(await list('name=c')).toEqual(['c'])
    expect(await list('name=nobody')).toEqual([])
    expect((await call('GET', '/v1/folders/count')).body).toBe(4)
    expect(await call('GET', '/v1/folders/name/b')).toMatchObject({ status: 200, body: ids[1] })
    expect((await call('GET', '/v1/folders/name/nobody')).status).toBe(404)
  })

  it('have names that differ within an organization', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const first = await made(mine.call, '/v1/folders', { name: 'a/b & c' })
    const second = await made(mine.call, '/v1/folders', { name: 'second' })
    for (const refused of [
      await mine.call('POST', '/v1/folders', { name: 'a/b & c' }),
      await mine.call('PATCH', `/v1/folders/${second.id}`, { name: 'a/b & c', description: 'kept out' }),
    ]) {
      expect(refused).toMatchObject({ status: 409, body: { code: 'name_taken', detail: expect.stringContaining("'a/b & c'") } })
      expect(refused.headers.get('x-should-retry')).toBe('false')
    }
    expect((await mine.call('GET', `/v1/folders/${second.id}`)).body).toMatchObject({ name: 'second', description: null })
    expect((await mine.call('GET', `/v1/folders/name/${encodeURIComponent('a/b & c')}`)).body).toBe(first.id)
    expect((await mine.call('PATCH', `/v1/folders/${first.id}`, { name: 'a/b & c' })).status).toBe(200)
    await made(other.call, '/v1/folders', { name: 'a/b & c' })
    await mine.call('DELETE', `/v1/folders/${first.id}`)
    await made(mine.call, '/v1/folders', { name: 'a/b & c' })
  })

  it('name the field that is wrong, and accept what they do not know', async () => {
    const { call, organization_id } = await freshOrganization()
    for (const [field, body] of [
      ['name', {}],
      ['name', { name: '' }],
      ['name', { name: ' ' }],
      ['name', { name: 'a\u0000' }],
      ['name', { name: 'x'.repeat(256) }],
      ['metadata', { name: 'x', metadata: [1] }],
    ] as const) {
      const { status, body: problem } = await call('POST', '/v1/folders', body)
      expect([status, problem.errors[0].field]).toEqual([422, field])
    }
    expect(await countOf('sources', organization_id)).toBe(0)
    const { body } = await call('POST', '/v1/folders', {
      name: 'x',
      embedding: 'openai/text-embedding-3-small',
      embedding_chunk_size: 200,
      new: 1,
    })
    expect(body.embedding_config).toMatchObject({ handle: 'openai/text-embedding-3-small', embedding_chunk_size: 200 })
  })

  it('tell what they hold together', async () => {
    const { call } = await freshOrganization()
    const [full, empty] = [await made(call, '/v1/folders', { name: 'full' }), await made(call, '/v1/folders', { name: 'empty' })]
    const file = await uploaded(call, full.id, 'twelve bytes', 'a.txt')
    const totals = { total_sources: 2, total_files: 1, total_size: 12 }
    expect(await call('GET', '/v1/folders/metadata')).toMatchObject({ status: 200, body: { ...totals, sources: [] } })
    expect((await call('GET', '/v1/sources/metadata?include_detailed_per_source_metadata=true')).body).toEqual({
      ...totals,
      sources: [
        {
          source_id: full.id,
          source_name: 'full',
          file_count: 1,
          total_size: 12,
          files: [{ file_id: file, file_name: 'a.txt', file_size: 12 }],
        },
        { source_id: empty.id, source_name: 'empty', file_count: 0, total_size: 0, files: [] },
      ],
    })
  })

  it('take with them everything that was made of their files', async () => {
    const { call, organization_id } = await freshOrganization()
    const [gone, stays] = [await made(call, '/v1/folders', { name: 'gone' }), await made(call, '/v1/folders', { name: 'stays' })]
    const agent = await made(call, '/v1/agents', { folder_ids: [gone.id, stays.id] })
    for (const folder of [gone, stays]) await uploaded(call, folder.id, `${folder.name} quokka`, 'a.txt')
    expect(await objectsOf(organization_id)).toHaveLength(2)
    await call('DELETE', `/v1/folders/${gone.id}`)
    for (const table of ['sources', 'files', 'files_agents', 'source_passages'])
      expect([table, await countOf(table, organization_id)]).toEqual([table, 1])
    expect(await objectsOf(organization_id)).toEqual([expect.stringContaining(stays.id)])
    expect(await countOf('unowned_objects', organization_id)).toBe(0)
    const { results } = await DB.prepare(
      'select text from source_passages where rowid in (select rowid from source_passages_fts where source_passages_fts match ?1)',
    )
      .bind('quokka')
      .all()
    expect(results.map(({ text }) => text)).toEqual(['stays quokka'])
    expect((await call('GET', `/v1/agents/${agent.id}/folders`)).body.map(({ id }: { id: string }) => id)).toEqual([stays.id])
  })

  it('give their name to their files, also a new one', async () => {
    const { call } = await freshOrganization()
    const folder = await made(call, '/v1/folders', { name: 'old/name' })
    const agent = await made(call, '/v1/agents', { folder_ids: [folder.id] })
    const answer = await upload(call, folder.id, 'text', 'a.txt')
    expect(answer.body.file_name).toBe('old/name/a.txt')
    await uploaded(call, folder.id, 'text', 'b.txt')
    await call('PATCH', `/v1/folders/${folder.id}`, { name: 'new' })
    const { body } = await call('GET', `/v1/agents/${agent.id}/files?order=asc`)
    expect(body.files.map(({ file_name }: { file_name: string }) => file_name)).toEqual(['new/a.txt', 'new/b.txt'])
    expect(body.files[0].folder_name).toBe('new')
    const { body: files } = await call('GET', `/v1/folders/${folder.id}/files?order=asc`)
    expect(files.map(({ file_name }: { file_name: string }) => file_name)).toEqual(['a.txt', 'b.txt'])
  })
})

describe('sources', () => {
  it('are the folders under their older name', async () => {
    const { call } = await freshOrganization()
    const source = (await call('POST', '/v1/sources/', { name: 'handbook' })).body
    expect(source).toMatchObject({ id: expect.stringMatching(/^source-/), vector_db_provider: 'native' })
    const { vector_db_provider: _, ...folder } = source
    expect((await call('GET', `/v1/folders/${source.id}`)).body).toEqual(folder)
    expect((await call('GET', '/v1/sources/')).body).toEqual([source])
    expect((await call('GET', '/v1/sources/count')).body).toBe(1)
    expect((await call('GET', '/v1/sources/name/handbook')).body).toBe(source.id)
    const file = await uploaded(call, source.id, 'text', 'a.txt')
    const path = `/v1/sources/${source.id}`
    expect((await call('GET', `${path}/files?check_status_updates=true`)).body).toMatchObject([{ id: file, file_name: 'a.txt' }])
    expect((await call('GET', `${path}/files/${file}?include_content=true`)).body).toMatchObject({ id: file, content: 'text' })
    expect((await call('GET', `${path}/passages`)).body).toMatchObject([{ file_id: file, source_id: source.id, text: 'text' }])
    const agent = await made(call, '/v1/agents', {})
    const attached = await call('PATCH', `/v1/agents/${agent.id}/sources/attach/${source.id}`)
    expect(attached.body).toMatchObject({ id: agent.id, sources: [{ id: source.id }] })
    expect((await call('GET', `${path}/agents`)).body).toEqual([agent.id])
    expect((await call('GET', `/v1/agents/${agent.id}/sources`)).body).toEqual([source])
    expect((await call('PATCH', `/v1/agents/${agent.id}/sources/detach/${source.id}`)).body).toMatchObject({ id: agent.id, sources: [] })
    expect((await call('DELETE', `${path}/${file}`)).status).toBe(204)
    expect(await call('DELETE', path)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', `/v1/folders/${source.id}`)).status).toBe(404)
  })
})
