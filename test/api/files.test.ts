import { describe, expect, it } from 'vitest'
import { dropObjects, storeUnowned } from '../../src/resources/files/objects'
import { bindings } from '../support/agent'
import { type Call, formWith, freshOrganization } from '../support/client'
import { countOf, fileRow, finished, made, objectsOf, positions, retrieve, upload, uploaded, withFolder } from '../support/files'
import { expectProblem } from '../support/requests'

const { FILES } = bindings

const namesIn = async (call: Call, folder: string) =>
  (await call('GET', `/v1/folders/${folder}/files?order=asc`)).body.map(({ file_name }: { file_name: string }) => file_name)

describe('an upload', () => {
  it('is answered while it waits to be processed, and is completed then', async () => {
    const { call, folder, organization_id } = await withFolder()
    const { status, body } = await upload(call, folder, '# Otters\n\nThey hold hands.\n', 'otters.md')
    expect(status).toBe(200)
    expect(body).toEqual({
      id: expect.stringMatching(/^file-/),
      source_id: folder,
      folder_id: folder,
      file_name: 'docs/otters.md',
      original_file_name: 'otters.md',
      file_path: null,
      file_type: 'text/markdown',
      file_size: 27,
      file_creation_date: null,
      file_last_modified_date: null,
      processing_status: 'pending',
      error_message: null,
      total_chunks: null,
      chunks_embedded: null,
      content: null,
      organization_id,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const done = await finished(call, folder, body.id)
    expect(done).toMatchObject({
      file_name: 'otters.md',
      processing_status: 'completed',
      total_chunks: 1,
      chunks_embedded: 1,
      content: null,
    })
    expect(await retrieve(call, folder, body.id, '?include_content=true')).toMatchObject({ content: '# Otters\n\nThey hold hands.\n' })
    const { body: passages } = await call('GET', `/v1/folders/${folder}/passages`)
    expect(passages).toMatchObject([
      {
        id: expect.stringMatching(/^passage-/),
        text: '# Otters\n\nThey hold hands.\n',
        file_id: body.id,
        source_id: folder,
        archive_id: null,
        embedding: null,
      },
    ])
    expect(passages[0].file_name).toBe('otters.md')
    expect(await objectsOf(organization_id)).toEqual([`${organization_id}/${folder}/${body.id}`])
    expect((await fileRow(body.id)).content_hash).toBe('c9862388a0cc2c844f66bc7cfb057a9f85d90a02ee47b43f1e2a0f27aecfd1f8')
  })

  it('is known by the ending of its name, else by what its sender calls it', async () => {
    const { call, folder } = await withFolder()
    const typeOf = async (name: string, type: string, query = '') => {
      const { status, body } = await call('POST', `/v1/folders/${folder}/upload${query}`, formWith('x', name, type))
      return status === 200 ? body.file_type : status
    }
    expect(await typeOf('a.json', '')).toBe('application/json')
    expect(await typeOf('a.PY', 'application/octet-stream')).toBe('text/x-python')
    expect(await typeOf('notes', 'text/plain; charset=utf-8')).toBe('text/plain')
    expect(await typeOf('a.weird', 'text/x-weird')).toBe('text/x-weird')
    expect(await typeOf('a.csv', '', '?name=table')).toBe('text/csv')
    expect(await typeOf('a.bin', '', '?name=a.txt')).toBe('text/plain')
    expect(await typeOf('a.pdf', 'text/plain')).toBe('application/pdf')
    expect(await typeOf('a.pptx', 'text/plain')).toBe(415)
    expect(await typeOf('a.weird', 'application/octet-stream')).toBe(415)
  })

  it('of a type that is not read is refused with those that are, and stores nothing', async () => {
    const { call, folder, organization_id } = await withFolder()
    for (const name of ['slides.pptx', 'letter.doc', 'photo.png', 'data']) {
      const answer = await call('POST', `/v1/folders/${folder}/upload`, formWith('x', name, 'application/octet-stream'))
      expectProblem(answer, 415)
      expect(answer.body.detail).toMatch(new RegExp(`'${name}'.*\\.txt, .*\\.md, .*\\.py`))
    }
    expect([await countOf('files', organization_id), await objectsOf(organization_id)]).toEqual([0, []])
  })

  it('that is no form, has no file, is empty, has a bad name or breaks off is refused, and stores nothing', async () => {
    const { call, folder, organization_id } = await withFolder()
    const path = `/v1/folders/${folder}/upload`
    const form = (text: string) => new Blob([text], { type: 'multipart/form-data; boundary=x' })
    const part = (name: string, content: string) =>
      `--x\r\nContent-Disposition: form-data; name="${name}"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n${content}`
    for (const [status, body, query = ''] of [
      [415, { file: 'text' }],
      [415, new Blob(['text'], { type: 'text/plain' })],
      [415, undefined],
      [415, new Blob(['--x--'], { type: 'multipart/form-data' })],
      [422, formWith('text', 'a.txt', 'text/plain', 'other')],
      [422, form(`${part('other', 'text')}\r\n--x--\r\n`)],
      [422, formWith('', 'a.txt')],
      [422, formWith('text', `${'x'.repeat(256)}.txt`)],
      [422, formWith('text', 'a.txt'), '?name=/'],
      [422, formWith('text', 'a.txt'), '?duplicate_handling=ask'],
      [400, form(part('file', 'text that breaks off'))],
      [400, form(part('file', 'x'.repeat(300_000)))],
      [400, form('no form at all')],
    ] as const) {
      expectProblem(await call('POST', path + query, body), status)
    }
    for (const table of ['files', 'unowned_objects']) expect([table, await countOf(table, organization_id)]).toEqual([table, 0])
    expect(await objectsOf(organization_id)).toEqual([])
    expectProblem(await call('POST', '/v1/folders/source-00000000-0000-4000-8000-000000000000/upload', formWith('x', 'a.txt')), 404)
  })

  it('takes other parts of the form, and keeps of a name what comes after the last slash', async () => {
    const { call, folder } = await withFolder()
    const { body } = await upload(call, folder, 'naïve 🦦', 'ünïcode 🦦.txt')
    expect(body).toMatchObject({ original_file_name: 'ünïcode 🦦.txt', file_size: 11 })
    expect(
      (await call('POST', `/v1/folders/${folder}/upload?name=${encodeURIComponent('../a/b.txt')}`, formWith('x', 'c.txt'))).body.file_name,
    ).toBe('docs/b.txt')
    await finished(call, folder, body.id)
    expect(await retrieve(call, folder, body.id, '?include_content=1')).toMatchObject({ content: 'naïve 🦦' })
  })

  it('of a name that is there is stored beside it, refused, skipped or put in its place', async () => {
    const { call, folder, organization_id } = await withFolder()
    const first = await uploaded(call, folder, 'one', 'a.b.txt')
    const suffixed = await upload(call, folder, 'two', 'a.b.txt')
    expect(suffixed.body).toMatchObject({ file_name: 'docs/a.b_(1).txt', original_file_name: 'a.b.txt' })
    expect((await upload(call, folder, 'three', 'a.b.txt', '?duplicate_handling=suffix')).body.file_name).toBe('docs/a.b_(2).txt')
    const refused = await upload(call, folder, 'four', 'a.b.txt', '?duplicate_handling=error')
    expect(refused).toMatchObject({ status: 400, body: { code: 'name_taken', detail: expect.stringContaining("'a.b.txt'") } })
    const skipped = await upload(call, folder, 'five', 'a.b.txt', '?duplicate_handling=skip')
    expect(skipped).toMatchObject({ status: 200, body: { id: first, processing_status: 'completed' } })
    expect(skipped.headers.get('x-upload-result')).toBe('skipped')
    expect((await upload(call, folder, 'new', 'new.txt', '?duplicate_handling=skip')).headers.get('x-upload-result')).toBeNull()
    const replacing = await upload(call, folder, 'six', 'a.b.txt', '?duplicate_handling=replace')
    expect(replacing.body).toMatchObject({ file_name: 'docs/a.b.txt', file_size: 3 })
    await finished(call, folder, replacing.body.id)
    expect((await call('GET', `/v1/folders/${folder}/files/${first}`)).status).toBe(404)
    expect(await namesIn(call, folder)).toEqual(['a.b_(1).txt', 'a.b_(2).txt', 'new.txt', 'a.b.txt'])
    expect(await objectsOf(organization_id)).toHaveLength(4)
    expect(await countOf('unowned_objects', organization_id)).toBe(0)
  })

  it('beside others of its name gets a name of its own, also when all arrive at once', async () => {
    const { call, folder } = await withFolder()
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => upload(call, folder, `text ${i}`, 'a.txt')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect((await namesIn(call, folder)).sort()).toEqual(['a.txt', 'a_(1).txt', 'a_(2).txt', 'a_(3).txt', 'a_(4).txt', 'a_(5).txt'])
  })

  it('may be longer than other bodies, and is stored in parts', async () => {
    const { call, folder, organization_id } = await withFolder()
    const line = `${'All work and no play makes a dull file. '.repeat(25)}\n`
    const content = line.repeat(Math.ceil((17 * 1024 * 1024) / line.length))
    const id = await uploaded(call, folder, content, 'long.txt')
    const [stored] = (await FILES.list({ prefix: `${organization_id}/` })).objects
    expect(stored?.size).toBe(content.length)
    const { total_chunks } = await retrieve(call, folder, id)
    expect(await positions(id)).toEqual(Array.from({ length: total_chunks }, (_, i) => i))
    expect((await retrieve(call, folder, id, '?include_content=true')).content === content).toBe(true)
    const { body: listed } = await call('GET', `/v1/folders/${folder}/files?include_content=true`)
    expect(listed).toMatchObject([{ id, content: null }])
  }, 60_000)

  it('over the limit leaves nothing, neither when it is stored at once nor in parts', async () => {
    const { organization_id } = await freshOrganization()
    async function* megabytes(n: number) {
      for (let i = 0; i < n; i++) yield new Uint8Array(1024 * 1024).fill(65)
    }
    for (const n of [3, 20]) {
      const key = `${organization_id}/${n}`
      const limit = n * 1024 * 1024
      await expect(storeUnowned(bindings, organization_id, key, megabytes(n), limit - 1)).rejects.toMatchObject({
        kind: 'payload_too_large',
      })
      expect([await objectsOf(organization_id), await countOf('unowned_objects', organization_id)]).toEqual([[], 0])
      expect(await storeUnowned(bindings, organization_id, key, megabytes(n), limit)).toMatchObject({ size: limit })
      expect(await objectsOf(organization_id)).toEqual([key])
      await dropObjects(bindings, [key])
    }
  })

  it('under an Idempotency-Key is stored once, though its boundary is another each time', async () => {
    const { call, folder } = await withFolder()
    const send = (content: string) =>
      call('POST', `/v1/folders/${folder}/upload`, formWith(content, 'a.txt'), { 'idempotency-key': `upload-${folder}` })
    const first = await send('text')
    const again = await send('text')
    expect([first.status, again.status]).toEqual([200, 200])
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await namesIn(call, folder)).toEqual(['a.txt'])
  })
})

describe('the files of a folder', () => {
  it('are listed newest first with or without their texts, and page by id', async () => {
    const { call, folder } = await withFolder()
    const ids: string[] = []
    for (const name of ['a.txt', 'b.txt', 'c.txt']) ids.push(await uploaded(call, folder, `text of ${name}`, name))
    const list = async (query: string) => (await call('GET', `/v1/folders/${folder}/files?${query}`)).body
    expect((await list('')).map(({ id }: { id: string }) => id)).toEqual(ids.toReversed())
    expect((await list(`order=asc&after=${ids[0]}&limit=1`)).map(({ id }: { id: string }) => id)).toEqual([ids[1]])
    expect((await list('order=asc&include_content=true')).map(({ content }: { content: string }) => content)).toEqual([
      'text of a.txt',
      'text of b.txt',
      'text of c.txt',
    ])
    expect((await list(''))[0].content).toBeNull()
    expect((await call('GET', `/v1/folders/${folder}/files?after=${folder}`)).status).toBe(404)
  })

  it('are deleted with everything that was made of them', async () => {
    const { call, folder, organization_id } = await withFolder()
    const [gone, stays] = [await uploaded(call, folder, 'gone', 'a.txt'), await uploaded(call, folder, 'stays', 'b.txt')]
    const other = await made(call, '/v1/folders', { name: 'other' })
    for (const path of [`/v1/folders/${other.id}/${gone}`, `/v1/folders/${other.id}/files/${gone}`]) {
      expect((await call(path.includes('/files/') ? 'GET' : 'DELETE', path)).status).toBe(404)
    }
    expect(await call('DELETE', `/v1/folders/${folder}/${gone}`)).toMatchObject({ status: 204, body: '' })
    expect((await call('DELETE', `/v1/folders/${folder}/${gone}`)).status).toBe(404)
    for (const table of ['files', 'source_passages']) expect(await countOf(table, organization_id)).toBe(1)
    expect(await objectsOf(organization_id)).toEqual([expect.stringContaining(stays)])
    expect(await countOf('unowned_objects', organization_id)).toBe(0)
  })
})
