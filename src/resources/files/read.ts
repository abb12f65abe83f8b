import type { Env } from '../../env'
import { newId } from '../../lib/id'
import { Chunker, defaultChunk, largestChunk, smallestChunk } from '../../retrieval/chunk'
import { type ParsedFile, parsed, structureOf, UnreadableFile } from '../../retrieval/parse'
import { bytesOf, openView, type StoredText } from './contents'
import { converterOf } from './converter'
import { dropObjects, maxFileBytes, ownedText, storeUnowned, textKey } from './objects'
import { closeOverLimit, defaultViewLimit, openForFolder } from './open'
import { asMine, moved } from './own'
import { type FileRow, nameWithin } from './service'
import { lineCounter } from './window'

/** Largest text that is kept in its row, in bytes; longer ones are in R2. */
const rowBytes = 1_000_000
/** Longest text that is stored of a file, in bytes: more than any that can be made of the largest file. */
const textBytes = 6 * maxFileBytes

export const typeOf = (file: FileRow): string => file.file_type ?? 'text/plain'

/** Tokens of the passages of a folder's files, as its embedding configuration says, within bounds. */
export async function chunkSizeOf(env: Env, folderId: string): Promise<number> {
  const size = `embedding_config ->> 'embedding_chunk_size'`
  const folder = await env.DB.prepare(`select ${size} as size from sources where id = ?1`).bind(folderId).first<{ size: unknown }>()
  const given = typeof folder?.size === 'number' && folder.size > 0 ? Math.floor(folder.size) : defaultChunk
  return Math.min(largestChunk, Math.max(smallestChunk, given))
}

/** The text of a file that is to be read: of its bytes or, when it came without, what is stored as its text already. */
async function sourceOf(env: Env, file: FileRow): Promise<ParsedFile> {
  const type = typeOf(file)
  const converter = converterOf(env)
  if (file.object_key !== null) {
    const name = nameWithin(file.file_name) ?? 'file'
    return parsed({ name, type, bytes: bytesOf(env.FILES, file.object_key) }, { converter })
  }
  const given = await env.DB.prepare('select text from file_contents where file_id = ?1').bind(file.id).first<{ text: string }>()
  if (!given) throw new UnreadableFile('The file has no content. Upload it again.')
  async function* text() {
    yield given?.text ?? ''
  }
  return { text: text(), structure: structureOf(type, converter), asIs: true }
}

/** What reading a file came to: where its text is, and how many passages it has. */
type Found = StoredText & { passages: number }

/**
 * Reads a file once. Its text is in the answer if it is short; a longer one is the uploaded object, or an object that the file does not own
 * yet. Throws UnreadableFile.
 */
async function found(env: Env, file: FileRow): Promise<Found> {
  const { text, structure, asIs } = await sourceOf(env, file)
  const chunker = new Chunker({ structure, size: await chunkSizeOf(env, file.source_id) })
  const lines = lineCounter()
  const encoder = new TextEncoder()
  let passages = 0
  async function* counted() {
    for await (const piece of text) {
      lines.add(piece)
      for (const _ of chunker.add(piece)) passages++
      yield piece
    }
    for (const _ of chunker.end()) passages++
  }
  const pieces = counted()
  let head = ''
  let bytes = 0
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    head += next.value
    bytes += encoder.encode(next.value).length
    if (bytes > rowBytes && file.object_key !== null) break
  }
  const fits = bytes <= rowBytes || file.object_key === null
  const answer = (object_key: string | null): Found => ({ text: fits ? head : '', object_key, lines: lines.count(), passages })
  if (fits) return answer(null)
  const fileKey = file.object_key as string
  if (asIs) {
    for await (const _ of pieces);
    return answer(fileKey)
  }
  async function* encoded() {
    yield encoder.encode(head)
    for await (const piece of pieces) yield encoder.encode(piece)
  }
  const key = textKey(fileKey, file.attempt)
  await storeUnowned(env, file.organization_id, key, encoded(), textBytes)
  return answer(key)
}

/** From `parsing` to `embedding`: the text is stored, and the agents of the folder have the file, open as far as their limit allows. */
export async function readFile(env: Env, file: FileRow): Promise<void> {
  const d1 = env.DB
  const text = await found(env, file)
  const made = text.object_key !== null && text.object_key !== file.object_key ? text.object_key : null
  try {
    const { results } = await d1
      .prepare(
        `select distinct coalesce(a.per_file_view_window_char_limit, ?2) as most from sources_agents sa join agents a on a.id = sa.agent_id
          where sa.source_id = ?1 and a.is_deleted = 0`,
      )
      .bind(file.source_id, defaultViewLimit)
      .all<{ most: number }>()
    const views = await Promise.all(results.map(async ({ most }) => ({ most, content: (await openView(env, text, most)).content })))
    const now = Date.now()
    await asMine(env, [
      moved(d1, file, 'embedding', ', total_chunks = ?6, chunks_embedded = 0', [text.passages]),
      d1
        .prepare(
          `insert into file_contents (id, file_id, text, object_key, lines, created_at, updated_at)
            select ?3, id, ?4, ?5, ?6, ?7, ?7 from files where id = ?1 and attempt = ?2 and processing_status = 'embedding'
            on conflict (file_id) do update set text = excluded.text, object_key = excluded.object_key, lines = excluded.lines`,
        )
        .bind(file.id, file.attempt, newId('fileContent'), text.text, text.object_key, text.lines, now),
      ...(made === null ? [] : [ownedText(d1, made, file.id)]),
      openForFolder(d1, file, views, now),
      closeOverLimit(d1, 'select agent_id from sources_agents where source_id = ?2', [file.source_id], now),
    ])
  } catch (error) {
    if (made !== null) await dropUnlessOwned(env, made)
    throw error
  }
}

/** Deletes the object of a text that was not stored; one whose batch was written before its answer was lost is left. */
async function dropUnlessOwned(env: Env, key: string): Promise<void> {
  const note = 'select 1 from unowned_objects where object_key = ?1'
  const unowned = await env.DB.prepare(note)
    .bind(key)
    .first()
    .catch(() => null)
  if (unowned) await dropObjects(env, [key])
}
