import { type Row, readRow } from '../../db/rows'
import type { Env } from '../../env'
import { messageOf } from '../../lib/errors'
import { newId } from '../../lib/id'
import { log } from '../../lib/log'
import { passagesOf } from './chunks'
import { bytesOf, openView, type StoredText, storedTexts, textOf } from './contents'
import { closeOverLimit, defaultViewLimit, openForFolder } from './open'
import { before, isFree, silentMs, take, unfinished } from './states'
import { files, type ProcessingState } from './table'
import { decoded, UnreadableFile } from './text'
import { lineCounter } from './window'

type FileRow = Row<typeof files>

/** The file was taken by another worker, or is gone: whoever had it stops without another write. */
class NotMine extends Error {}

/** Largest text that is kept in its row, in bytes; longer ones are read from the uploaded object. */
const rowBytes = 1_000_000
/** Passages that one statement inserts, and the UTF-16 units in them. */
const groupMost = { passages: 500, units: 250_000 }
/** Files that one sweep takes up, and how long it goes on taking them. */
const sweepMost = { files: 20, ms: 10 * 60_000 }

const list = (values: readonly string[]) => JSON.stringify(values)

/** `update files … where` the file is this worker's and in a state that `to` may follow. */
const moved = (d1: D1Database, file: FileRow, to: ProcessingState, set = '', values: unknown[] = []): D1PreparedStatement =>
  d1
    .prepare(
      `update files set processing_status = ?3, updated_at = ?4 ${set} where id = ?1 and attempt = ?2 and is_deleted = 0
        and processing_status in (select value from json_each(?5)) returning id`,
    )
    .bind(file.id, file.attempt, to, Date.now(), list(before(to)), ...values)

/** Runs a batch whose first statement moves the file or says that it is alive. Throws NotMine when it did neither. */
async function asMine(env: Env, statements: D1PreparedStatement[]): Promise<void> {
  const [first] = await env.DB.batch(statements)
  if (!first?.results.length) throw new NotMine()
}

/** The text of a file that is to be read: of its bytes or, when it came without, what is stored as its text already. */
async function* sourceOf(env: Env, file: FileRow): AsyncGenerator<string> {
  if (file.object_key !== null) return yield* decoded(bytesOf(env.FILES, file.object_key))
  const given = await env.DB.prepare('select text from file_contents where file_id = ?1').bind(file.id).first<{ text: string }>()
  if (!given) throw new UnreadableFile('The file has no content. Upload it again.')
  yield given.text
}

/** Reads a file once: the text if it is short, how many lines and passages it has. Throws UnreadableFile. */
async function survey(env: Env, file: FileRow): Promise<StoredText & { passages: number }> {
  const short = file.object_key === null || (file.file_size ?? 0) <= rowBytes
  const lines = lineCounter()
  let text = ''
  async function* pieces() {
    for await (const piece of sourceOf(env, file)) {
      lines.add(piece)
      if (short) text += piece
      yield piece
    }
  }
  let passages = 0
  for await (const passage of passagesOf(pieces())) if (passage.trim()) passages++
  // What replaces invalid bytes is longer than they are.
  const fits = file.object_key === null || (short && new TextEncoder().encode(text).length <= rowBytes)
  return { text: fits ? text : '', object_key: fits ? null : file.object_key, lines: lines.count(), passages }
}

/** From `parsing` to `embedding`: the text is stored, and the agents of the folder have the file, open as far as their limit allows. */
async function parse(env: Env, file: FileRow): Promise<void> {
  const d1 = env.DB
  const found = await survey(env, file)
  const { results } = await d1
    .prepare(
      `select distinct coalesce(a.per_file_view_window_char_limit, ?2) as most from sources_agents sa join agents a on a.id = sa.agent_id
        where sa.source_id = ?1 and a.is_deleted = 0`,
    )
    .bind(file.source_id, defaultViewLimit)
    .all<{ most: number }>()
  const views = await Promise.all(results.map(async ({ most }) => ({ most, content: (await openView(env, found, most)).content })))
  const now = Date.now()
  await asMine(env, [
    moved(d1, file, 'embedding', ', total_chunks = ?6, chunks_embedded = 0', [found.passages]),
    d1
      .prepare(
        `insert into file_contents (id, file_id, text, object_key, lines, created_at, updated_at)
          select ?3, id, ?4, ?5, ?6, ?7, ?7 from files where id = ?1 and attempt = ?2 and processing_status = 'embedding'
          on conflict (file_id) do update set text = excluded.text, object_key = excluded.object_key, lines = excluded.lines`,
      )
      .bind(file.id, file.attempt, newId('fileContent'), found.text, found.object_key, found.lines, now),
    openForFolder(d1, file, views, now),
    closeOverLimit(d1, 'select agent_id from sources_agents where source_id = ?2', [file.source_id], now),
  ])
}

/** From `embedding` to `completed`: the passages are stored in order, from where the last worker stopped. */
async function index(env: Env, file: FileRow): Promise<void> {
  const d1 = env.DB
  const stored = (await storedTexts(env, [file.id])).get(file.id)
  if (!stored) throw new NotMine()
  const [last] = (
    await d1
      .prepare('select max(position) as position from source_passages where file_id = ?1')
      .bind(file.id)
      .all<{ position: number | null }>()
  ).results
  const done = (last?.position ?? -1) + 1
  let position = 0
  let units = 0
  let group: [id: string, position: number, text: string][] = []
  const flush = async () => {
    const [rows, now] = [group, Date.now()]
    group = []
    units = 0
    const alive = `update files set updated_at = ?3 where id = ?1 and attempt = ?2 and is_deleted = 0 and processing_status = 'embedding' returning id`
    const insert = `insert into source_passages
        (id, organization_id, source_id, file_id, file_name, position, text, created_at, updated_at, created_by_id, last_updated_by_id)
      select value ->> 0, organization_id, source_id, f.id, file_name, value ->> 1, value ->> 2, ?4, ?4, created_by_id, created_by_id
      from json_each(?3) join files f on f.id = ?1 and attempt = ?2 and is_deleted = 0 and processing_status = 'embedding'`
    await asMine(env, [
      d1.prepare(alive).bind(file.id, file.attempt, now),
      d1.prepare(insert).bind(file.id, file.attempt, JSON.stringify(rows), now),
    ])
  }
  for await (const text of passagesOf(textOf(env, stored))) {
    if (!text.trim()) continue
    if (position >= done) {
      group.push([newId('passage'), position, text])
      units += text.length
      if (group.length >= groupMost.passages || units >= groupMost.units) await flush()
    }
    position++
  }
  if (group.length > 0) await flush()
  await asMine(env, [moved(d1, file, 'completed')])
}

/** Ends a file's processing with a message; nothing that was made of it stays. */
async function fail(env: Env, file: FileRow, message: string): Promise<void> {
  const failed = `file_id = ?1 and exists (select 1 from files where id = ?1 and processing_status = 'error')`
  await env.DB.batch([
    moved(env.DB, file, 'error', ', error_message = ?6, total_chunks = null, chunks_embedded = null', [message]),
    ...['source_passages', 'file_contents', 'files_agents'].map((table) =>
      env.DB.prepare(`delete from ${table} where ${failed}`).bind(file.id),
    ),
  ])
}

/**
 * Processes a file that this worker has taken, from where it stands to its end. A file that cannot be read ends in `error`; after any other
 * failure it stays where it is, for the next worker. Never rejects.
 */
export async function processTaken(env: Env, file: FileRow): Promise<void> {
  try {
    if (file.processing_status === 'parsing') await parse(env, file)
    await index(env, file)
  } catch (error) {
    if (error instanceof NotMine) return
    if (error instanceof UnreadableFile) return fail(env, file, error.message).catch(() => undefined)
    log('warn', { msg: 'processing of a file stopped', org: file.organization_id, attempt: file.attempt, error: messageOf(error) })
  }
}

/** Takes a file up if it is free; null when it is another's or done. */
export async function takeUp(env: Env, file: FileRow, now: number): Promise<FileRow | null> {
  const next = take(file)
  if (!next || !isFree(file, now)) return null
  if (next.processing_status === 'error') {
    await fail(env, file, `The file could not be processed: ${file.attempt} attempts did not come to an end. Upload it again.`)
    return null
  }
  const [taken] = (
    await env.DB.prepare(
      `update files set processing_status = ?3, attempt = ?4, updated_at = ?5
        where id = ?1 and attempt = ?2 and is_deleted = 0 and processing_status = ?6 returning *`,
    )
      .bind(file.id, file.attempt, next.processing_status, next.attempt, Date.now(), file.processing_status)
      .all<Record<string, unknown>>()
  ).results
  return taken ? readRow(files, taken) : null
}

/** Processes a file if it is free. Never rejects. */
export async function resume(env: Env, file: FileRow): Promise<void> {
  const taken = await takeUp(env, file, Date.now()).catch(() => null)
  if (taken) await processTaken(env, taken)
}

/** Processes those of the given files that are free, one after the other. Never rejects. */
export async function resumeAll(env: Env, ids: string[]): Promise<void> {
  for (const id of ids) {
    const raw = await env.DB.prepare('select * from files where id = ?1').bind(id).first<Record<string, unknown>>()
    if (raw) await resume(env, readRow(files, raw))
  }
}

/** Takes up files that a crash left unfinished, a bounded number, one after the other. */
export async function sweepFiles(env: Env, now: number): Promise<void> {
  const began = Date.now()
  const { results } = await env.DB.prepare(
    `select * from files where is_deleted = 0 and (processing_status = 'pending'
        or processing_status in (select value from json_each(?1)) and updated_at <= ?2) limit ?3`,
  )
    .bind(list(unfinished), now - silentMs, sweepMost.files)
    .all<Record<string, unknown>>()
  for (const raw of results) {
    if (Date.now() - began > sweepMost.ms) return
    const taken = await takeUp(env, readRow(files, raw), now)
    if (taken) await processTaken(env, taken)
  }
}
