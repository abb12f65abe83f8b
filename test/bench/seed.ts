import { newId } from '../../src/lib/id.ts'
import type { Client } from './client.ts'

const encodeVector = (vector: Float32Array): string => Buffer.from(vector.buffer).toString('base64')
const decodeVector = (text: string): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)

const pageSize = 500
const waitMs = 500
const patienceMs = 20 * 60_000

/** Numbers from 0 to 1, the same each time. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A vector near another: what another text on the same subject might have. */
function near(vector: Float32Array, random: () => number): Float32Array {
  const moved = vector.map((value) => value + (random() - 0.5) * 0.06)
  const length = Math.hypot(...moved)
  return moved.map((value) => value / length)
}

/** Waits until every passage of an archive is in the index. */
async function indexed(client: Client, archive: string, size: number): Promise<void> {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline; ) {
    const { value } = await client.json<{ indexed: number }>('GET', `/v1/archives/${archive}/index`)
    if (value.indexed === size) return
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
  throw new Error(`the archive was not indexed after ${patienceMs} ms`)
}

/**
 * Fills an archive with `size` passages. Those of the corpus are stored and embedded as any others; the rest are copies with a few words more,
 * straight in the database, whose vectors lie near those of the originals. All of them reach the index the usual way.
 */
export async function seedPassages(
  client: Client,
  d1: D1Database,
  archive: string,
  corpus: readonly { text: string }[],
  size: number,
): Promise<void> {
  const originals = corpus.slice(0, Math.min(size, corpus.length, 1_000))
  await client.json('POST', `/v1/archives/${archive}/passages/batch`, { passages: originals.map(({ text }) => ({ text })) })
  await indexed(client, archive, originals.length)
  const { results } = await d1
    .prepare(
      'select p.text, p.organization_id, v.vector from archival_passages p join vectors v on v.id = p.id where p.archive_id = ?1 order by p.id',
    )
    .bind(archive)
    .all<{ text: string; organization_id: string; vector: string }>()
  const bases = results.map((row) => ({ ...row, vector: decodeVector(row.vector) }))
  const random = numbers(7)
  for (let from = originals.length; from < size - 1; from += pageSize) {
    const rows = Array.from({ length: Math.min(pageSize, size - 1 - from) }, (_, i) => {
      const base = bases[(from + i) % bases.length] as (typeof bases)[number]
      const other = bases[Math.floor(random() * bases.length)] as (typeof bases)[number]
      const words = other.text.split(' ').slice(0, 4).join(' ')
      return [newId('passage'), base.organization_id, `${base.text} ${words} ${from + i}`, encodeVector(near(base.vector, random))]
    })
    const json = JSON.stringify(rows)
    await d1.batch([
      d1
        .prepare(
          `insert into archival_passages (id, organization_id, archive_id, text, created_at, updated_at)
            select value ->> 0, value ->> 1, ?2, value ->> 2, ?3, ?3 from json_each(?1)`,
        )
        .bind(json, archive, Date.now()),
      d1
        .prepare(
          `update vectors set vector = value ->> 3, content_hash = vectors.id, state = 'embedded' from json_each(?1) where vectors.id = value ->> 0`,
        )
        .bind(json),
    ])
  }
  // The last one is stored the usual way, which has the others brought into the index.
  await client.json('POST', `/v1/archives/${archive}/passages`, { text: 'The last of them.' })
  await indexed(client, archive, size)
}
