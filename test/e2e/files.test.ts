import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { serve } from '../../src/local/serve'
import { bodyOf, client, until } from '../support/retry'
import { startServer } from '../support/server'
import { inD1 } from '../support/state'

const line = 'All work and no play makes a dull file, said the otter to the other otter.\n'
const megabyte = 1024 * 1024

/** Sends a file of so many bytes, of the text or of what `fill` is. */
async function upload(
  url: string,
  folder: string,
  bytes: number,
  name: string,
  fill = line,
): Promise<{ status: number; id: string; detail: string }> {
  const form = new FormData()
  form.append('file', new File([Buffer.alloc(bytes, fill)], name))
  const response = await fetch(`${url}/v1/folders/${folder}/upload`, { method: 'POST', body: form })
  return { status: response.status, ...((await response.json()) as { id: string; detail: string }) }
}

describe('a file', () => {
  it('whose server is killed while it is processed is completed by the hourly sweep of the next one, every passage once', async () => {
    const state = mkdtempSync(path.join(tmpdir(), 'loci-state-'))
    try {
      const killed = await startServer({ state })
      const folder = bodyOf(await client(killed)('POST', '/v1/folders', { name: 'docs' })).id
      const { status, id } = await upload(killed.url, folder, 8 * megabyte, 'long.txt')
      await killed.kill9()
      expect(status).toBe(200)
      const [left] = inD1(state, (query) => query('select processing_status, attempt from files where id = ?', id))
      expect(left).toMatchObject({ processing_status: expect.stringMatching(/^(parsing|embedding)$/), attempt: 1 })

      const next = await serve({ state })
      try {
        const call = client(next)
        const file = async () => bodyOf(await call('GET', `/v1/folders/${folder}/files/${id}`))
        expect(['parsing', 'embedding']).toContain((await file()).processing_status)
        const worker = await next.miniflare.getWorker()
        for (let sweep = 0; sweep < 2; sweep++)
          await worker.scheduled({ cron: '17 * * * *', scheduledTime: new Date(Date.now() + 3_600_000) })
        const done = await until('the file is completed', async () => {
          const now = await file()
          return now.processing_status === 'completed' && now
        })
        expect(done.total_chunks).toBeGreaterThan(6_000)
      } finally {
        await next.dispose()
      }
      const [stored] = inD1(state, (query) =>
        query(
          'select count(*) as n, count(distinct position) as places, max(position) + 1 as last, sum(length(text)) as units from source_passages',
        ),
      )
      const [{ total_chunks }] = inD1(state, (query) => query('select total_chunks from files')) as [{ total_chunks: number }]
      expect(stored).toEqual({ n: total_chunks, places: total_chunks, last: total_chunks, units: 8 * megabyte })
    } finally {
      rmSync(state, { recursive: true, force: true })
    }
  })

  it('may be 100 MB long and no longer, and whoever sends one that is refused sees why', async () => {
    const server = await startServer()
    try {
      const folder = bodyOf(await client(server)('POST', '/v1/folders', { name: 'docs' })).id
      // No text, so that it is not processed for long.
      const largest = await upload(server.url, folder, 100 * megabyte, 'largest.txt', '\0')
      expect(largest).toMatchObject({ status: 200, file_size: 100 * megabyte })
      expect(await upload(server.url, folder, 40 * megabyte, 'paper.pdf')).toMatchObject({
        status: 415,
        detail: expect.stringContaining('paper.pdf'),
      })
      expect((await upload(server.url, folder, 101 * megabyte, 'larger.txt').catch(() => ({ status: 413 }))).status).toBe(413)
    } finally {
      await server.stop()
    }
  })
})
