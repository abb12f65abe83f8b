import { createExecutionContext, createScheduledController } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import worker from '../../src/index'
import { processTaken, takeUp } from '../../src/resources/files/process'
import { sweepFiles } from '../../src/resources/files/queue'
import { attemptsMax, silentMs } from '../../src/resources/files/states'
import { bindings } from '../support/agent'
import { countOf, fileRow, finished, made, objectsOf, positions, retrieve, upload, uploaded, withFolder } from '../support/files'

const { DB, FILES } = bindings

/** Puts a file back to where a worker that died had it, and all it had written. */
async function abandon(id: string, processing_status: string, attempt = 1): Promise<void> {
  await DB.batch([
    DB.prepare('update files set processing_status = ?2, attempt = ?3, updated_at = 0, chunks_embedded = null where id = ?1').bind(
      id,
      processing_status,
      attempt,
    ),
    DB.prepare('delete from source_passages where file_id = ?1').bind(id),
    ...(processing_status === 'embedding' ? [] : [DB.prepare('delete from file_contents where file_id = ?1').bind(id)]),
  ])
}

describe('the processing of a file', () => {
  it('reads UTF-8 with a byte order mark, and replaces what is invalid', async () => {
    const { call, folder } = await withFolder()
    const { body } = await upload(call, folder, new Uint8Array([0xef, 0xbb, 0xbf, 0x68, 0xc3, 0xa9, 0xff, 0x21]), 'a.txt')
    await finished(call, folder, body.id)
    expect(await retrieve(call, folder, body.id, '?include_content=true')).toMatchObject({ content: 'hé\ufffd!' })
  })

  it('ends in an error for bytes that are no text, and leaves nothing of them but the file', async () => {
    const { call, folder, organization_id } = await withFolder()
    const agent = await made(call, '/v1/agents', { folder_ids: [folder] })
    const { body } = await upload(call, folder, new Uint8Array([0x68, 0x00, 0x69]), 'a.txt')
    const failed = await finished(call, folder, body.id)
    expect(failed).toMatchObject({
      processing_status: 'error',
      error_message: expect.stringMatching(/NUL bytes.*UTF-8/),
      total_chunks: null,
    })
    for (const table of ['source_passages', 'files_agents']) expect([table, await countOf(table, organization_id)]).toEqual([table, 0])
    expect((await call('GET', `/v1/agents/${agent.id}/files`)).body.files).toEqual([])
    await call('PATCH', `/v1/agents/${agent.id}/folders/detach/${folder}`)
    await call('PATCH', `/v1/agents/${agent.id}/folders/attach/${folder}`)
    expect((await call('GET', `/v1/agents/${agent.id}/files`)).body.files).toEqual([])
    expect((await call('DELETE', `/v1/folders/${folder}/${body.id}`)).status).toBe(204)
  })

  it('of nothing but blanks completes without a passage', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, ' \n\n ', 'a.txt')
    expect(await retrieve(call, folder, id, '?include_content=true')).toMatchObject({ total_chunks: 0, content: ' \n\n ' })
  })

  it.each(['pending', 'parsing', 'embedding'])(
    'that stopped at %s is taken up by the sweep, and stores every passage once',
    async (state) => {
      const { call, folder } = await withFolder()
      const id = await uploaded(call, folder, 'A line of text.\n'.repeat(1_000), 'a.txt')
      const before = (await call('GET', `/v1/folders/${folder}/passages`)).body.map(({ text }: { text: string }) => text).sort()
      await abandon(id, state, state === 'pending' ? 0 : 1)
      await Promise.all([sweepFiles(bindings, Date.now()), sweepFiles(bindings, Date.now())])
      expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed' })
      const { total_chunks } = await retrieve(call, folder, id)
      expect(await positions(id)).toEqual(Array.from({ length: total_chunks }, (_, i) => i))
      expect((await call('GET', `/v1/folders/${folder}/passages`)).body.map(({ text }: { text: string }) => text).sort()).toEqual(before)
    },
  )

  it('that stopped between two passages goes on after the last that is stored', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'A line of text.\n'.repeat(1_000), 'a.txt')
    const all = await positions(id)
    await DB.batch([
      DB.prepare("update files set processing_status = 'embedding', chunks_embedded = 5, updated_at = 0 where id = ?1").bind(id),
      DB.prepare('delete from source_passages where file_id = ?1 and position >= 5').bind(id),
    ])
    await sweepFiles(bindings, Date.now())
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed', chunks_embedded: all.length })
    expect(await positions(id)).toEqual(all)
  })

  it('is taken up by whoever asks for a file that was left', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'parsing')
    expect(await retrieve(call, folder, id)).toMatchObject({ processing_status: 'parsing' })
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed' })
    expect(await positions(id)).toEqual([0])
  })

  it('is not taken from a worker that gives signs of life', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'parsing')
    await DB.prepare('update files set updated_at = ?2 where id = ?1').bind(id, Date.now()).run()
    expect(await takeUp(bindings, await fileRow(id), Date.now())).toBeNull()
    expect(await takeUp(bindings, await fileRow(id), Date.now() + silentMs + 1_000)).toMatchObject({ attempt: 2 })
  })

  it('by a worker that lost its file to another writes nothing more', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'parsing')
    const slow = await fileRow(id)
    const [fast, late] = await Promise.all([takeUp(bindings, slow, Date.now()), takeUp(bindings, slow, Date.now())])
    expect([fast, late].filter(Boolean)).toHaveLength(1)
    await processTaken(bindings, slow)
    expect(await fileRow(id)).toMatchObject({ processing_status: 'parsing', attempt: 2 })
    expect(await positions(id)).toEqual([])
    await processTaken(bindings, (fast ?? late) as typeof slow)
    expect(await fileRow(id)).toMatchObject({ processing_status: 'completed', attempt: 2 })
  })

  it('that never comes to an end is given up', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'parsing', attemptsMax)
    await sweepFiles(bindings, Date.now())
    expect(await finished(call, folder, id)).toMatchObject({
      processing_status: 'error',
      error_message: expect.stringContaining(`${attemptsMax} attempts`),
    })
  })

  it('of a file that is deleted meanwhile leaves nothing', async () => {
    const { call, folder, organization_id } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'parsing')
    const row = await fileRow(id)
    await call('DELETE', `/v1/folders/${folder}/${id}`)
    await processTaken(bindings, row)
    for (const table of ['files', 'source_passages', 'files_agents'])
      expect([table, await countOf(table, organization_id)]).toEqual([table, 0])
  })
})

describe('every hour', () => {
  const hour = (at: number) =>
    worker.scheduled(createScheduledController({ scheduledTime: new Date(at), cron: '17 * * * *' }), bindings, createExecutionContext())

  it('objects that no file owns are deleted when they are due, and only those', async () => {
    const { call, folder, organization_id } = await withFolder()
    await uploaded(call, folder, 'text', 'a.txt')
    const [kept] = await objectsOf(organization_id)
    const now = Date.now()
    await FILES.put(`${organization_id}/left`, 'x')
    await FILES.put(`${organization_id}/arriving`, 'x')
    await DB.batch(
      [
        [`${organization_id}/left`, 0],
        [`${organization_id}/arriving`, now + 60_000],
      ].map(([key, due]) => DB.prepare('insert into unowned_objects values (?1, ?2, ?3)').bind(key, organization_id, due)),
    )
    await hour(now)
    expect((await objectsOf(organization_id)).sort()).toEqual([kept, `${organization_id}/arriving`].sort())
    await hour(now + 120_000)
    expect(await objectsOf(organization_id)).toEqual([kept])
    expect(await countOf('unowned_objects', organization_id)).toBe(0)
  })

  it('files that were left are taken up', async () => {
    const { call, folder } = await withFolder()
    const id = await uploaded(call, folder, 'text', 'a.txt')
    await abandon(id, 'embedding')
    await hour(Date.now())
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed' })
  })
})
