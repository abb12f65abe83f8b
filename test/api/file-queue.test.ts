import { createExecutionContext, createMessageBatch, createScheduledController, getQueueResult } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { Env } from '../../src/env'
import worker from '../../src/index'
import { AppError } from '../../src/lib/errors'
import type { EmbedPassages } from '../../src/resources/files/embed'
import { processTaken, takeUp, type WorkOptions } from '../../src/resources/files/process'
import { type FileMessage, processMessage, sweepFiles } from '../../src/resources/files/queue'
import { attemptsMax } from '../../src/resources/files/states'
import { bindings } from '../support/agent'
import type { Call } from '../support/client'
import { docxOf, paragraph, pdfOf } from '../support/documents'
import { countOf, fileRow, finished, made, objectsOf, positions, retrieve, upload, withFolder } from '../support/files'
import { expectProblem } from '../support/requests'

const { DB, FILES } = bindings

/** A file that waits and for which no message comes: its text is so many lines. */
async function waiting(call: Call, folder: string, content: string | Uint8Array<ArrayBuffer>, name = 'a.txt'): Promise<string> {
  const { body } = await upload(call, folder, content, name)
  await finished(call, folder, body.id)
  await DB.batch([
    DB.prepare('delete from source_passages where file_id = ?1').bind(body.id),
    DB.prepare('delete from file_contents where file_id = ?1').bind(body.id),
    DB.prepare(
      `update files set processing_status = 'pending', attempt = 0, chunks_embedded = null, total_chunks = null, error_message = null,
        updated_at = ?2 where id = ?1`,
    ).bind(body.id, Date.now()),
  ])
  return body.id
}

const lines = (n: number) => Array.from({ length: n }, (_, i) => `Line ${i} of a file about otters and rivers.\n`).join('')
const process = (id: string, options: WorkOptions = {}, env: Env = bindings) => processMessage(env, { file_id: id }, options)
/** Makes a file look as if its worker had died long ago. */
const silence = (id: string) => DB.prepare('update files set updated_at = 0 where id = ?1').bind(id).run()

describe('the queue', () => {
  it('brings files to the worker, which acknowledges whatever comes of them', async () => {
    const { call, folder } = await withFolder()
    const [good, bad] = [await waiting(call, folder, 'text', 'a.txt'), await waiting(call, folder, new Uint8Array([0]), 'b.txt')]
    const bodies: unknown[] = [{ file_id: good }, { file_id: good }, { file_id: bad }, { file_id: 'file-none' }, null, 'nonsense']
    const batch = createMessageBatch<FileMessage>(
      'loci-files',
      bodies.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body: body as FileMessage })),
    )
    await worker.queue(batch, bindings)
    expect(await getQueueResult(batch, createExecutionContext())).toMatchObject({ outcome: 'ok', retryBatch: { retry: false } })
    expect(await retrieve(call, folder, good)).toMatchObject({ processing_status: 'completed', total_chunks: 1, chunks_embedded: 1 })
    expect(await positions(good)).toEqual([0])
    expect(await retrieve(call, folder, bad)).toMatchObject({ processing_status: 'error', error_message: expect.stringMatching(/NUL/) })
  })

  it('takes up every minute what was left, each file once', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, 'text')
    const minute = () =>
      worker.scheduled(createScheduledController({ scheduledTime: new Date(), cron: '* * * * *' }), bindings, createExecutionContext())
    await minute()
    expect(await fileRow(id)).toMatchObject({ processing_status: 'pending', attempt: 0 })
    await silence(id)
    const sent: unknown[] = []
    const env = { ...bindings, FILE_QUEUE: { sendBatch: async (messages: { body: FileMessage }[]) => void sent.push(...messages) } }
    await Promise.all([sweepFiles(env as never, Date.now()), sweepFiles(env as never, Date.now())])
    expect(sent.filter((message) => (message as { body: FileMessage }).body.file_id === id)).toHaveLength(1)
    await silence(id)
    await minute()
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed' })
  })

  it('that cannot be reached leaves the file waiting, and the upload acknowledged', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, 'text')
    await silence(id)
    const broken = { ...bindings, FILE_QUEUE: { sendBatch: () => Promise.reject(new Error('the queue is down')) } }
    await sweepFiles(broken as never, Date.now())
    expect(await fileRow(id)).toMatchObject({ processing_status: 'pending' })
  })

  it('has a long file taken in turns, however many it takes', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, lines(30_000))
    const groups: number[] = []
    const embed: EmbedPassages = async (_env, _file, ids) => void groups.push(ids.length)
    const env = { ...bindings, FILE_QUEUE: { sendBatch: async () => undefined } } as unknown as Env
    let message: FileMessage = { file_id: id }
    const seen: [string, number | null, number][] = []
    for (let turn = 0; turn < 40; turn++) {
      await processMessage(env, message, { embed, turnMs: 0 })
      const { processing_status, chunks_embedded, attempt } = await fileRow(id)
      seen.push([processing_status, chunks_embedded, attempt])
      if (processing_status === 'completed') break
      message = { file_id: id, attempt }
    }
    const { total_chunks } = await fileRow(id)
    expect(seen.length).toBeGreaterThan(8)
    expect(seen.at(-1)).toEqual(['completed', total_chunks, expect.any(Number)])
    expect(seen.slice(0, -1).every(([state], i) => state === 'embedding' && seen[i]?.[2] === 100 * (i + 1))).toBe(true)
    expect(seen.map(([, done]) => done)).toEqual(seen.map(([, done]) => done).toSorted((a, b) => (a ?? 0) - (b ?? 0)))
    expect(groups.reduce((sum, n) => sum + n, 0)).toBe(total_chunks)
    expect(await positions(id)).toEqual(Array.from({ length: total_chunks ?? 0 }, (_, i) => i))
  })

  it('brings a file that was handed over to one worker only', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, lines(8_000))
    const env = { ...bindings, FILE_QUEUE: { sendBatch: async () => undefined } } as unknown as Env
    await processMessage(env, { file_id: id }, { turnMs: 0 })
    const handed = await fileRow(id)
    expect(await takeUp(bindings, handed, Date.now())).toBeNull()
    const taken = await Promise.all([1, 2].map(() => takeUp(bindings, handed, Date.now(), handed.attempt)))
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
})

describe('embedding', () => {
  it('gets every passage once, in groups, in order, and moves on what is seen of the file', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, lines(8_000))
    const ids: string[] = []
    const seen: unknown[] = []
    const embed: EmbedPassages = async (_env, file, group) => {
      const { processing_status, chunks_embedded, total_chunks } = await retrieve(call, folder, file.id)
      seen.push([processing_status, chunks_embedded, total_chunks > 128])
      ids.push(...group)
    }
    await process(id, { embed })
    expect(seen.slice(0, 2)).toEqual([
      ['embedding', 0, true],
      ['embedding', 128, true],
    ])
    const { results } = await DB.prepare('select id from source_passages where file_id = ?1 order by position')
      .bind(id)
      .all<{ id: string }>()
    expect(ids).toEqual(results.map((row) => row.id))
  })

  it('that fails in a way that may pass is tried again from the group that failed, and shows why meanwhile', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, lines(8_000))
    const asked: string[][] = []
    const embed =
      (fails: boolean): EmbedPassages =>
      async (_env, _file, ids) => {
        asked.push(ids)
        if (fails && asked.length === 2) throw new AppError('llm_rate_limit', 'too many requests')
      }
    await process(id, { embed: embed(true) })
    expect(await retrieve(call, folder, id)).toMatchObject({
      processing_status: 'embedding',
      chunks_embedded: 128,
      error_message: 'too many requests',
    })
    await silence(id)
    await process(id, { embed: embed(false) })
    expect(asked[2]).toEqual(asked[1])
    const { total_chunks } = await retrieve(call, folder, id)
    expect(new Set(asked.flat()).size).toBe(total_chunks)
    expect(await retrieve(call, folder, id)).toMatchObject({ processing_status: 'completed', error_message: null })
  })

  it('that cannot succeed is the error of the file, which can be retried', async () => {
    const { call, folder, organization_id } = await withFolder()
    const id = await waiting(call, folder, 'text')
    await process(id, { embed: () => Promise.reject(new AppError('llm_authentication', 'the key is wrong')) })
    expect(await retrieve(call, folder, id)).toMatchObject({ processing_status: 'error', error_message: 'the key is wrong' })
    expect(await countOf('source_passages', organization_id)).toBe(0)
    const again = await call('POST', `/v1/folders/${folder}/files/${id}/retry`)
    expect(again).toMatchObject({ status: 200, body: { processing_status: 'pending', error_message: null } })
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed', total_chunks: 1 })
  })

  it('that never succeeds is given up with the last reason', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, 'text')
    const embed: EmbedPassages = () => Promise.reject(new Error('the model is away'))
    for (let tries = 0; tries <= attemptsMax; tries++) {
      await process(id, { embed })
      await silence(id)
    }
    expect(await retrieve(call, folder, id)).toMatchObject({
      processing_status: 'error',
      error_message: expect.stringMatching(/10 attempts.*the model is away.*Retry/),
    })
  })

  it('begins anew when the passages of the folder became larger in between', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, lines(8_000))
    await process(id, { turnMs: 0 })
    expect(await fileRow(id)).toMatchObject({ processing_status: 'embedding', chunks_embedded: 128 })
    await call('PATCH', `/v1/folders/${folder}`, { embedding_config: { embedding_chunk_size: 1_000 } })
    await silence(id)
    await process(id)
    const { total_chunks } = await retrieve(call, folder, id)
    expect(total_chunks).toBeLessThan(128)
    expect(await positions(id)).toEqual(Array.from({ length: total_chunks }, (_, i) => i))
    const { text } = (await DB.prepare('select max(text) as text from source_passages where file_id = ?1')
      .bind(id)
      .first<{ text: string }>()) ?? {
      text: '',
    }
    expect(text.length).toBeGreaterThan(2_000)
  })
})

describe('retrying', () => {
  it('is for files in an error whose content is still there, and for others a conflict', async () => {
    const { call, folder } = await withFolder()
    const retry = (id: string, of = 'folders') => call('POST', `/v1/${of}/${folder}/files/${id}/retry`)
    const id = await waiting(call, folder, 'text')
    expectProblem(await retry(id), 409)
    await process(id)
    expectProblem(await retry(id), 409)
    expect((await retry(id)).body.detail).toMatch(/is completed/)
    const bad = (await upload(call, folder, new Uint8Array([0]), 'b.txt')).body.id
    await finished(call, folder, bad)
    expect((await retry(bad, 'sources')).status).toBe(200)
    expect(await finished(call, folder, bad)).toMatchObject({ processing_status: 'error', error_message: expect.stringMatching(/NUL/) })
    await FILES.delete((await fileRow(bad)).object_key ?? '')
    expect((await retry(bad)).body.detail).toMatch(/content is not there/)
    expectProblem(await retry('file-00000000-0000-4000-8000-000000000000'), 404)
  })

  it('keeps the text of a file that came without its bytes', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, 'text')
    await DB.batch([
      DB.prepare('update files set object_key = null where id = ?1').bind(id),
      DB.prepare(
        `insert into file_contents (id, file_id, text, created_at, updated_at) values ('file_content-' || ?1, ?1, 'imported text', 0, 0)`,
      ).bind(id),
    ])
    await process(id, { embed: () => Promise.reject(new AppError('bad_request', 'not set up')) })
    expect(await retrieve(call, folder, id)).toMatchObject({ processing_status: 'error' })
    expect((await call('POST', `/v1/folders/${folder}/files/${id}/retry`)).status).toBe(200)
    expect(await finished(call, folder, id)).toMatchObject({ processing_status: 'completed' })
    expect((await retrieve(call, folder, id, '?include_content=true')).content).toBe('imported text')
  })
})

describe('a document', () => {
  const passagesOf = async (call: Call, folder: string) => (await call('GET', `/v1/folders/${folder}/passages?order=asc`)).body

  it('becomes Markdown, whose passages say where they are', async () => {
    const { call, folder } = await withFolder()
    const agent = await made(call, '/v1/agents', { folder_ids: [folder] })
    const pdf = await upload(call, folder, await pdfOf(['Otters hold hands.', 'They sleep.']), 'paper.pdf')
    expect(pdf.body).toMatchObject({ file_type: 'application/pdf', processing_status: 'pending' })
    expect(await finished(call, folder, pdf.body.id)).toMatchObject({ processing_status: 'completed', error_message: null })
    const text = '## Page 1\n\nOtters hold hands.\n\n## Page 2\n\nThey sleep.\n'
    expect((await retrieve(call, folder, pdf.body.id, '?include_content=true')).content).toBe(text)
    expect(await passagesOf(call, folder)).toMatchObject([{ text, metadata: { start_line: 1, end_line: 7, heading: 'Page 1', page: 1 } }])
    const [opened] = (await call('GET', `/v1/agents/${agent.id}/files`)).body.files
    expect(opened.visible_content).toContain('3: Otters hold hands.')
    const docx = await upload(call, folder, docxOf(paragraph('Rivers run.')), 'letter.docx')
    await finished(call, folder, docx.body.id)
    expect((await retrieve(call, folder, docx.body.id, '?include_content=true')).content).toBe('Rivers run.\n')
  })

  it('whose text is long has it in an object of its own, which goes with it', async () => {
    const { call, folder, organization_id } = await withFolder()
    const html = `<h1>Otters</h1>${'<p>They hold hands 🦦 while they sleep.</p>\n'.repeat(40_000)}`
    const { body } = await upload(call, folder, html, 'long.html')
    expect(await finished(call, folder, body.id)).toMatchObject({ processing_status: 'completed' })
    const { content } = await retrieve(call, folder, body.id, '?include_content=true')
    expect(content).toBe(`# Otters\n${'\nThey hold hands 🦦 while they sleep.\n'.repeat(40_000)}`)
    expect((await objectsOf(organization_id)).length).toBe(2)
    expect(await countOf('unowned_objects', organization_id)).toBe(0)
    expect((await call('DELETE', `/v1/folders/${folder}/${body.id}`)).status).toBe(204)
    expect(await objectsOf(organization_id)).toEqual([])
  })

  it('whose text was stored for nothing leaves no object', async () => {
    const { call, folder, organization_id } = await withFolder()
    const html = '<p>They hold hands.</p>\n'.repeat(80_000)
    const id = await waiting(call, folder, html, 'long.html')
    const before = await objectsOf(organization_id)
    await process(id, { embed: () => Promise.reject(new AppError('bad_request', 'not set up')) })
    expect(await retrieve(call, folder, id)).toMatchObject({ processing_status: 'error' })
    const lost = { ...(await fileRow(id)), processing_status: 'parsing' as const, attempt: 50 }
    expect(await processTaken(bindings, lost)).toBe('ended')
    expect((await objectsOf(organization_id)).filter((key) => !before.includes(key))).toEqual([])
  })

  it.each([
    ['encrypted.pdf', '%PDF-1.7\ntrailer << /Encrypt 1 0 R >>', /encrypted/],
    ['garbage.pdf', 'no pdf', /is no PDF/],
    ['garbage.docx', 'no archive', /damaged/],
  ])('that cannot be read, %s, says why', async (name, content, why) => {
    const { call, folder } = await withFolder()
    const { status, body } = await upload(call, folder, content, name)
    expect(status).toBe(200)
    expect(await finished(call, folder, body.id)).toMatchObject({ processing_status: 'error', error_message: expect.stringMatching(why) })
  })
})

describe('Workers AI', () => {
  type Answer = { format: 'markdown'; data: string } | { format: 'error'; error: string }
  /** The binding, as it answers one document: https://developers.cloudflare.com/workers-ai/features/markdown-conversion/ */
  const withAi = (answer: Answer, asked: unknown[] = []): Env => ({
    ...bindings,
    AI: {
      async toMarkdown({ name, blob }: { name: string; blob: Blob }) {
        asked.push([name, blob.type, await blob.text()])
        return { id: 'x', name, mimeType: blob.type, tokens: 1, ...answer }
      },
    } as unknown as Ai,
  })

  it('converts documents where it is bound, also those that this server reads itself', async () => {
    const { call, folder } = await withFolder()
    const asked: unknown[] = []
    const id = await waiting(call, folder, 'no pdf', 'paper.pdf')
    await process(id, {}, withAi({ format: 'markdown', data: '# Otters\n\nThey hold hands.\n' }, asked))
    expect(asked).toEqual([['paper.pdf', 'application/pdf', 'no pdf']])
    expect((await retrieve(call, folder, id, '?include_content=true')).content).toBe('# Otters\n\nThey hold hands.\n')
  })

  it('that cannot convert a document is its error, with the reason', async () => {
    const { call, folder } = await withFolder()
    const id = await waiting(call, folder, 'no pdf', 'paper.pdf')
    await process(id, {}, withAi({ format: 'error', error: 'broken file' }))
    expect(await retrieve(call, folder, id)).toMatchObject({
      processing_status: 'error',
      error_message: expect.stringMatching(/broken file/),
    })
  })
})
