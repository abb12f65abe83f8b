import type { Ctx } from '../../context'
import { readRow } from '../../db/rows'
import type { Env } from '../../env'
import { AppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { list } from './own'
import { processTaken, takeUp, type WorkOptions } from './process'
import { type FileRow, fileRows, fileService } from './service'
import { nextRound, silentMs, unfinished } from './states'
import { files } from './table'

// The queue brings files to workers; what there is to do stands in D1. So a message may come twice, late or never: what comes of a file is
// the same, and a file that no message came for is summoned again.

/** Says that a file waits to be processed. */
export interface FileMessage {
  file_id: string
  /** The number that the file has since its last worker gave it up. */
  attempt?: number | undefined
}

/** Longest a worker has one file while others wait, in milliseconds. */
const turnMs = 20_000
/** Messages of one call to the queue, and files that one sweep summons. */
const most = 100

/** Sends messages. Never rejects: a file whose message is lost is summoned when it has rested. */
export async function enqueue(env: Env, messages: FileMessage[]): Promise<void> {
  try {
    for (let from = 0; from < messages.length; from += most) {
      await env.FILE_QUEUE.sendBatch(messages.slice(from, from + most).map((body) => ({ body })))
    }
  } catch (error) {
    log('warn', { msg: 'files wait without a message', rows: messages.length, error: messageOf(error) })
  }
}

/** Summons workers for the files among `which`, a condition on `files` with parameters from ?4, that nobody works on. */
async function summon(env: Env, now: number, which: string, values: unknown[]): Promise<void> {
  // Resting begins anew, so that a file is summoned once at a time; the message says that it may be taken nevertheless.
  const { results } = await env.DB.prepare(
    `update files set updated_at = ?3 where id in (
      select id from files where is_deleted = 0 and processing_status in (select value from json_each(?1)) and updated_at <= ?2 and ${which}
      limit ${most}) returning id, attempt`,
  )
    .bind(list(unfinished), now - silentMs, now, ...values)
    .all<{ id: string; attempt: number }>()
  if (results.length > 0)
    await enqueue(
      env,
      results.map(({ id, attempt }) => ({ file_id: id, attempt })),
    )
}

/** Summons a worker for a file if nobody works on it. */
export const summonFor = (env: Env, fileId: string, now: number): Promise<void> => summon(env, now, 'id = ?4', [fileId])

/** Summons workers for files that nobody works on: a crash left them, or their message was lost. A bounded number. */
export const sweepFiles = (env: Env, now: number): Promise<void> => summon(env, now, 'true', [])

/** Processes the file of a message if no other worker has it; a file that takes long is sent on. Never rejects. */
export async function processMessage(env: Env, { file_id, attempt }: FileMessage, options: WorkOptions = {}): Promise<void> {
  try {
    const raw = await env.DB.prepare('select * from files where id = ?1 and is_deleted = 0').bind(file_id).first<Record<string, unknown>>()
    const taken = raw ? await takeUp(env, readRow(files, raw), Date.now(), attempt) : null
    if (!taken) return
    const outcome = await processTaken(env, taken, { turnMs, ...options })
    if (outcome === 'handed over') await enqueue(env, [{ file_id, attempt: nextRound(taken.attempt) }])
  } catch (error) {
    log('warn', { msg: 'a file waits for its next worker', error: messageOf(error) })
  }
}

/** Processes the files of messages side by side. Never rejects: what is left of a file is in D1. */
export async function consumeFiles(env: Env, messages: readonly unknown[]): Promise<void> {
  const isFile = (body: unknown): body is FileMessage => typeof (body as FileMessage | null)?.file_id === 'string'
  await Promise.all(messages.filter(isFile).map((message) => processMessage(env, message)))
}

/**
 * Processes a file anew that ended in an error. Throws 404 for a file that is not there, 409 for one in another state, or whose content is
 * not there any more.
 */
export async function retryFile(ctx: Ctx, folderId: string, fileId: string): Promise<FileRow> {
  const file = await fileService.get(ctx, folderId, fileId)
  const not = (why: string) =>
    new AppError('conflict', `File '${fileId}' cannot be retried: ${why}`, { headers: { 'x-should-retry': 'false' } })
  if (file.processing_status !== 'error') throw not(`it is ${file.processing_status}. Only files in the state error can be.`)
  const d1 = ctx.env.DB
  const there =
    file.object_key === null
      ? await d1.prepare('select 1 from file_contents where file_id = ?1').bind(fileId).first()
      : await ctx.env.FILES.head(file.object_key)
  if (!there) throw not('its content is not there any more. Upload it again.')
  const [again] = (
    await d1
      .prepare(
        `update files set processing_status = 'pending', error_message = null, attempt = ?3, updated_at = ?4
          where id = ?1 and attempt = ?2 and processing_status = 'error' and is_deleted = 0 returning *`,
      )
      .bind(fileId, file.attempt, nextRound(file.attempt), Date.now())
      .all<Record<string, unknown>>()
  ).results
  if (!again) return fileRows.get(ctx, fileId)
  await enqueue(ctx.env, [{ file_id: fileId }])
  return readRow(files, again)
}
