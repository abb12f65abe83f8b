import { readRow } from '../../db/rows'
import type { Env } from '../../env'
import { messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { UnreadableFile } from '../../retrieval/parse'
import { type EmbedPassages, embedPassages, isPassing } from './embed'
import { dropObjects } from './objects'
import { alive, asMine, living, moved, NotMine } from './own'
import { storePassages } from './passages'
import { readFile } from './read'
import type { FileRow } from './service'
import { attemptsMax, isLeft, nextRound, take } from './states'
import { files } from './table'

/** Ends a file's processing with a message; nothing that was made of it stays. A text that came without its bytes does. */
async function fail(env: Env, file: FileRow, message: string): Promise<void> {
  const d1 = env.DB
  const failed = `select id from files where id = ?1 and processing_status = 'error'`
  const on = (sql: string) => d1.prepare(sql).bind(file.id)
  const [, noted] = await d1.batch<{ object_key: string }>([
    moved(d1, file, 'error', ', error_message = ?6, total_chunks = null, chunks_embedded = null', [message]),
    on(
      `insert into unowned_objects (object_key, organization_id, due_at) select c.object_key, f.organization_id, 0
        from files f join file_contents c on c.file_id = f.id
        where f.id in (${failed}) and c.object_key is not null and c.object_key is not f.object_key
        on conflict do nothing returning object_key`,
    ),
    on(`update file_contents set lines = null where file_id in (${failed} and object_key is null)`),
    on(`delete from file_contents where file_id in (${failed} and object_key is not null)`),
    on(`delete from source_passages where file_id in (${failed})`),
    on(`delete from files_agents where file_id in (${failed})`),
  ])
  await dropObjects(
    env,
    (noted?.results ?? []).map((row) => row.object_key),
  )
}

/** How a worker's turn on a file ended: the file is done or another's, or this worker stopped with work left, or failed. */
export type Outcome = 'ended' | 'handed over' | 'failed'

export interface WorkOptions {
  embed?: EmbedPassages
  /** How long this worker stores passages before it hands the file to another, in milliseconds. */
  turnMs?: number
}

/**
 * Processes a file that this worker has taken, from where it stands to its end or to that of a turn. A file that cannot be read or embedded ends in
 * `error`; after a failure that may pass it stays where it is, for the next worker, with what failed as its `error_message`. Never rejects.
 */
export async function processTaken(
  env: Env,
  file: FileRow,
  { embed = embedPassages, turnMs = Number.POSITIVE_INFINITY }: WorkOptions = {},
): Promise<Outcome> {
  try {
    const done = await living(env, file, async () => {
      if (file.processing_status !== 'parsing') return storePassages(env, file, embed, turnMs)
      await readFile(env, file)
      return storePassages(env, { ...file, chunks_embedded: 0 }, embed, turnMs)
    })
    if (done) return 'ended'
    await asMine(env, [alive(env.DB, file, ', attempt = ?5', [nextRound(file.attempt)])])
    return 'handed over'
  } catch (error) {
    if (error instanceof NotMine) return 'ended'
    const message = messageOf(error)
    if (error instanceof UnreadableFile || !isPassing(error)) {
      await fail(env, file, message).catch(() => undefined)
      return 'ended'
    }
    log('warn', { msg: 'processing of a file stopped', org: file.organization_id, attempt: file.attempt, error: message })
    const note = 'update files set error_message = ?3 where id = ?1 and attempt = ?2'
    await env.DB.prepare(note)
      .bind(file.id, file.attempt, message)
      .run()
      .catch(() => undefined)
    return 'failed'
  }
}

/**
 * Takes a file up if no worker has it: none came yet, the last is silent, or it handed the file over, whose number is then `handed`. Null
 * when it is another's, or done, or is given up by this.
 */
export async function takeUp(env: Env, file: FileRow, now: number, handed?: number): Promise<FileRow | null> {
  const next = take(file)
  if (!next || !(file.processing_status === 'pending' || file.attempt === handed || isLeft(file, now))) return null
  if (next.processing_status === 'error') {
    const last = file.error_message ? ` The last one ended with: ${file.error_message}` : ''
    await fail(
      env,
      file,
      `The file could not be processed: ${attemptsMax} attempts did not come to an end.${last} Retry it, or upload it again.`,
    )
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
