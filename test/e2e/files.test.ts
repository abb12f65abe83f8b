import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { zipSync, zlibSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { type Served, serve } from '../../src/local/serve'
import { docxOf, paragraph, pdfOf, pdfWithContent } from '../support/documents'
import { bodyOf, type Call, client, until } from '../support/retry'
import { startServer } from '../support/server'
import { inD1 } from '../support/state'

const line = 'All work and no play makes a dull file, said the otter to the other otter.\n'
const megabyte = 1024 * 1024

type Content = Uint8Array<ArrayBuffer> | string

/** Sends a file. */
async function send(url: string, folder: string, content: Content, name: string): Promise<{ status: number; id: string; detail: string }> {
  const form = new FormData()
  form.append('file', new File([content], name))
  const response = await fetch(`${url}/v1/folders/${folder}/upload`, { method: 'POST', body: form })
  return { status: response.status, ...((await response.json()) as { id: string; detail: string }) }
}

/** Sends a file of so many bytes, of the text or of what `fill` is. */
const upload = (url: string, folder: string, bytes: number, name: string, fill = line) =>
  send(url, folder, Buffer.alloc(bytes, fill) as Uint8Array<ArrayBuffer>, name)

type State = {
  id: string
  file_name: string
  processing_status: string
  error_message: string | null
  total_chunks: number
  chunks_embedded: number
}

const filesIn = async (call: Call, folder: string) => bodyOf(await call<State[]>('GET', `/v1/folders/${folder}/files?limit=1000`))
const ended = ({ processing_status }: State) => processing_status === 'completed' || processing_status === 'error'

/** The files of a folder, by their names, once all of them have ended. */
const allEnded = (call: Call, folder: string) =>
  until(
    'all files have ended',
    async () => {
      const files = await filesIn(call, folder)
      return files.every(ended) && new Map(files.map((file) => [file.file_name, file]))
    },
    100_000,
  )

/** The work that a server does every minute, as if it were an hour later: whoever had a file is silent by then. */
async function later(server: Served): Promise<void> {
  const worker = await server.miniflare.getWorker()
  await worker.scheduled({ cron: '* * * * *', scheduledTime: new Date(Date.now() + 3_600_000) })
}

/** In what a server left, every completed file has each of its passages once. */
function expectEveryPassageOnce(state: string): void {
  const files = inD1(state, (query) =>
    query(
      `select f.id, total_chunks, chunks_embedded, count(p.id) as n, count(distinct position) as places, max(position) + 1 as last
        from files f left join source_passages p on p.file_id = f.id where processing_status = 'completed' group by f.id`,
    ),
  )
  expect(files.length).toBeGreaterThan(0)
  for (const { id, total_chunks: n, ...found } of files) expect({ id, ...found }).toEqual({ id, chunks_embedded: n, n, places: n, last: n })
}

describe('a file', () => {
  it('whose server is killed while it is processed is completed by the next one, every passage once', async () => {
    const state = mkdtempSync(path.join(tmpdir(), 'loci-state-'))
    try {
      const killed = await startServer({ state })
      const folder = bodyOf(await client(killed)('POST', '/v1/folders', { name: 'docs' })).id
      const { status, id } = await upload(killed.url, folder, 8 * megabyte, 'long.txt')
      await killed.kill9()
      expect(status).toBe(200)
      const [left] = inD1(state, (query) => query('select processing_status, attempt from files where id = ?', id))
      expect(left).toMatchObject({ processing_status: expect.stringMatching(/^(pending|parsing|embedding)$/) })

      const next = await serve({ state })
      try {
        const call = client(next)
        const file = async () => bodyOf(await call('GET', `/v1/folders/${folder}/files/${id}`))
        expect((await file()).processing_status).toBe(left?.processing_status)
        await later(next)
        const done = await until('the file is completed', async () => {
          const now = await file()
          return now.processing_status === 'completed' && now
        })
        expect(done.total_chunks).toBeGreaterThan(6_000)
      } finally {
        await next.dispose()
      }
      expectEveryPassageOnce(state)
    } finally {
      rmSync(state, { recursive: true, force: true })
    }
  })

  it('among many, all of which are processed when the server is killed, ends as it should, every passage once', async () => {
    const state = mkdtempSync(path.join(tmpdir(), 'loci-state-'))
    try {
      const killed = await startServer({ state })
      const folder = bodyOf(await client(killed)('POST', '/v1/folders', { name: 'docs' })).id
      const text = line.repeat(6_000)
      const kinds: [ending: string, content: Content][] = [
        ['txt', text],
        ['md', `# Otters\n\n${text}`],
        ['html', `<h1>Otters</h1><p>${text}`],
        ['pdf', await pdfOf(Array.from({ length: 60 }, (_, i) => `Page ${i}: ${line}`))],
        ['docx', docxOf(paragraph(line).repeat(2_000))],
        ['csv', `what,who\n${'"plays, and works",otter\n'.repeat(6_000)}`],
        ['log', new Uint8Array([0x68, 0, 0x69])],
        ['xml', text],
        ['json', `[${'{"otter": "plays"},'.repeat(9_000)}{}]`],
        ['py', text],
      ]
      const sent = await Promise.all(
        Array.from({ length: 3 }, (_, i) => kinds.map(([ending, content]) => send(killed.url, folder, content, `${i}.${ending}`))).flat(),
      )
      expect(sent.map(({ status }) => status)).toEqual(sent.map(() => 200))
      await until('some files have ended', async () => (await filesIn(client(killed), folder)).filter(ended).length >= 4)
      await killed.kill9()
      const left = inD1(state, (query) => query("select id from files where processing_status not in ('completed', 'error')"))
      expect(left.length).toBeGreaterThan(0)

      const next = await serve({ state })
      try {
        await later(next)
        const files = await allEnded(client(next), folder)
        expect(files.size).toBe(30)
        for (const [name, { processing_status, error_message, total_chunks, chunks_embedded }] of files) {
          expect([name, processing_status]).toEqual([name, name.endsWith('.log') ? 'error' : 'completed'])
          if (name.endsWith('.log')) expect(error_message).toMatch(/NUL/)
          else expect([error_message, chunks_embedded]).toEqual([null, total_chunks])
        }
      } finally {
        await next.dispose()
      }
      expectEveryPassageOnce(state)
    } finally {
      rmSync(state, { recursive: true, force: true })
    }
  }, 180_000)

  it('that is long shows how far it is, while others are served', async () => {
    const server = await startServer()
    try {
      const call = client(server)
      const folder = bodyOf(await call('POST', '/v1/folders', { name: 'docs' })).id
      await upload(server.url, folder, 12 * megabyte, 'long.txt')
      const seen: State[] = []
      await until('the file is completed', async () => {
        seen.push(...(await filesIn(call, folder)))
        return seen.at(-1)?.processing_status === 'completed'
      })
      const way = seen.filter((file) => file.processing_status === 'embedding' && file.chunks_embedded > 0)
      expect(way.length).toBeGreaterThan(1)
      for (const { chunks_embedded, total_chunks } of way) expect(chunks_embedded).toBeLessThanOrEqual(total_chunks)
      expect(way.map((file) => file.chunks_embedded)).toEqual(way.map((file) => file.chunks_embedded).toSorted((a, b) => a - b))
    } finally {
      await server.stop()
    }
  })

  it('that is hostile says what is wrong, or is read, and the server goes on', async () => {
    const server = await startServer()
    try {
      const call = client(server)
      const folder = bodyOf(await call('POST', '/v1/folders', { name: 'docs' })).id
      const zeros = new Uint8Array(48 * megabyte)
      const hostile: [name: string, content: Content, becomes: RegExp | 'completed'][] = [
        ['bomb.docx', zipSync({ 'word/document.xml': zeros }, { level: 6 }) as Uint8Array<ArrayBuffer>, /unpacks to more|NUL/],
        ['bomb.pdf', pdfWithContent('/Filter /FlateDecode', zlibSync(zeros)), /unpacks to more/],
        [
          'circle.pdf',
          '%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [2 0 R] /Count 1000000000 >>\nendobj\ntrailer << /Root 1 0 R >>',
          /damaged|no text|pages/,
        ],
        ['locked.pdf', '%PDF-1.7\ntrailer << /Encrypt 1 0 R >>', /encrypted/],
        ['cut.docx', docxOf(paragraph(line)).slice(0, 200), /damaged/],
        ['binary.txt', new Uint8Array(megabyte), /NUL/],
        ['large.pdf', `%PDF-1.7\n${'x'.repeat(26 * megabyte)}`, /over 25 MB/],
        ['deep.html', `${'<div>'.repeat(100_000)}deep`, 'completed'],
        ['deep.json', '['.repeat(200_000), 'completed'],
        ['line.txt', 'x'.repeat(10 * megabyte), 'completed'],
        ['line.json', `{"a": "${'y '.repeat(5 * megabyte)}"}`, 'completed'],
        ['cell.csv', `a,b\n1,"${'cell '.repeat(2 * megabyte)}"\n`, 'completed'],
        ['halves.txt', new Uint8Array([0xff, 0xfe, 0x3d, 0xd8, 0x41, 0x00]), 'completed'],
        ['invalid.md', new Uint8Array(100_000).fill(0xff), 'completed'],
      ]
      for (const [name, content] of hostile) expect([name, (await send(server.url, folder, content, name)).status]).toEqual([name, 200])
      const files = await allEnded(call, folder)
      for (const [name, , becomes] of hostile) {
        const { processing_status, error_message, total_chunks } = files.get(name) as State
        if (becomes === 'completed') expect([name, processing_status, total_chunks > 0]).toEqual([name, 'completed', true])
        else expect([name, error_message]).toEqual([name, expect.stringMatching(becomes)])
      }
      expect((await send(server.url, folder, line, 'plain.txt')).status).toBe(200)
      expect((await allEnded(call, folder)).get('plain.txt')?.processing_status).toBe('completed')
      expect(server.logs).not.toMatch(/heap|fatal|crash/i)
    } finally {
      await server.stop()
    }
  }, 180_000)

  it('may be 100 MB long and no longer, and whoever sends one that is refused sees why', async () => {
    const server = await startServer()
    try {
      const folder = bodyOf(await client(server)('POST', '/v1/folders', { name: 'docs' })).id
      // No text, so that it is not processed for long.
      const largest = await upload(server.url, folder, 100 * megabyte, 'largest.txt', '\0')
      expect(largest).toMatchObject({ status: 200, file_size: 100 * megabyte })
      expect(await upload(server.url, folder, 40 * megabyte, 'slides.pptx')).toMatchObject({
        status: 415,
        detail: expect.stringContaining('slides.pptx'),
      })
      expect((await upload(server.url, folder, 101 * megabyte, 'larger.txt').catch(() => ({ status: 413 }))).status).toBe(413)
    } finally {
      await server.stop()
    }
  })
})
