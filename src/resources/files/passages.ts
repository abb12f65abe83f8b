import type { Env } from '../../env'
import { newId } from '../../lib/id'
import { type Chunk, chunksOf } from '../../retrieval/chunk'
import { pdfType, structureOf } from '../../retrieval/parse'
import { storedTexts, textOf } from './contents'
import { converterOf } from './converter'
import type { EmbedPassages } from './embed'
import { alive, asMine, moved, NotMine } from './own'
import { chunkSizeOf, typeOf } from './read'
import type { FileRow } from './service'

/** Passages that are stored and embedded at once, and the UTF-16 units in them. */
const groupMost = { passages: 128, units: 250_000 }

/** Where a passage is in its file: lines counted from 1, the headings above it, the columns of its table, the page of a PDF. */
function metadataOf({ start_line, end_line, heading, columns }: Chunk, type: string): Record<string, string | number> {
  const page = type === pdfType ? /^Page (\d+)/.exec(heading ?? '')?.[1] : undefined
  return { start_line, end_line, ...(heading && { heading }), ...(columns && { columns }), ...(page && { page: Number(page) }) }
}

/** Stores passages from the position `from` on, which a worker before may have stored already. Resolves with their ids, in order. */
async function store(env: Env, file: FileRow, from: number, chunks: Chunk[]): Promise<string[]> {
  const d1 = env.DB
  const type = typeOf(file)
  const rows = chunks.map((chunk, i) => [newId('passage'), from + i, chunk.text, metadataOf(chunk, type)])
  const insert = `insert into source_passages
      (id, organization_id, source_id, file_id, file_name, position, text, metadata_, created_at, updated_at, created_by_id, last_updated_by_id)
    select value ->> 0, organization_id, source_id, f.id, file_name, value ->> 1, value ->> 2, value -> 3, ?4, ?4, created_by_id, created_by_id
    from json_each(?3) join files f on f.id = ?1 and attempt = ?2 and is_deleted = 0 and processing_status = 'embedding'
    where true on conflict (file_id, position) do nothing`
  const results = await asMine<{ id: string }>(env, [
    alive(d1, file),
    d1.prepare(insert).bind(file.id, file.attempt, JSON.stringify(rows), Date.now()),
    d1
      .prepare('select id from source_passages where file_id = ?1 and position >= ?2 and position < ?3 order by position')
      .bind(file.id, from, from + chunks.length),
  ])
  return results[2]?.results.map((row) => row.id) ?? []
}

/** The last passage that is stored of a file. */
const lastOf = (env: Env, file: FileRow): Promise<{ position: number; text: string } | null> =>
  env.DB.prepare('select position, text from source_passages where file_id = ?1 order by position desc limit 1').bind(file.id).first()

/** What is stored of a file is not what its text is cut into now: the size of passages was changed meanwhile, or this program. */
class CutOtherwise extends Error {}

/** Stores and embeds the passages of a file from where the last worker stopped. False when that took longer than a turn. */
async function proceed(env: Env, file: FileRow, from: number, embed: EmbedPassages, turnMs: number): Promise<boolean> {
  const stored = (await storedTexts(env, [file.id])).get(file.id)
  if (!stored) throw new NotMine()
  const structure = structureOf(typeOf(file), converterOf(env))
  const size = await chunkSizeOf(env, file.source_id)
  const last = await lastOf(env, file)
  let done = from
  let position = 0
  let group: Chunk[] = []
  let units = 0
  let began = 0
  const flush = async () => {
    const ids = await store(env, file, done, group)
    await embed(env, file, ids)
    done += group.length
    await asMine(env, [alive(env.DB, file, ', chunks_embedded = ?5', [done])])
    group = []
    units = 0
  }
  for await (const chunk of chunksOf(textOf(env, stored), { structure, size })) {
    if (position === last?.position && chunk.text !== last.text) throw new CutOtherwise()
    if (position++ < from) continue
    began ||= Date.now()
    group.push(chunk)
    units += chunk.text.length
    if (group.length < groupMost.passages && units < groupMost.units) continue
    await flush()
    if (Date.now() - began >= turnMs) return false
  }
  if (position <= (last?.position ?? -1)) throw new CutOtherwise()
  if (group.length > 0) await flush()
  await asMine(env, [moved(env.DB, file, 'completed', ', total_chunks = ?6, chunks_embedded = ?6, error_message = null', [position])])
  return true
}

/**
 * From `embedding` to `completed`: passages are stored in order and embedded, in groups, from where the last worker stopped. When
 * that takes longer than `turnMs` it stops with false, after one group at least; the way to where it begins does not count.
 */
export async function storePassages(env: Env, file: FileRow, embed: EmbedPassages, turnMs: number): Promise<boolean> {
  try {
    return await proceed(env, file, file.chunks_embedded ?? 0, embed, turnMs)
  } catch (error) {
    if (!(error instanceof CutOtherwise)) throw error
  }
  const mine = `exists (select 1 from files where id = ?1 and attempt = ?2 and processing_status = 'embedding')`
  await asMine(env, [
    alive(env.DB, file, ', chunks_embedded = 0'),
    env.DB.prepare(`delete from source_passages where file_id = ?1 and ${mine}`).bind(file.id, file.attempt),
  ])
  return proceed(env, file, 0, embed, turnMs)
}
