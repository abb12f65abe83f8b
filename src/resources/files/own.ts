import type { Env } from '../../env'
import type { FileRow } from './service'
import { before, signMs, unfinished } from './states'
import type { ProcessingState } from './table'

// A worker has a file as long as the file has the worker's number. Everything that a worker writes is in a batch whose first statement
// says so, and is written only then.

/** The file was taken by another worker, or is gone: whoever had it stops without another write. */
export class NotMine extends Error {}

export const list = (values: readonly string[]): string => JSON.stringify(values)

/** `update files … where` the file is this worker's and in a state that `to` may follow. The first of `values` is `?6`. */
export const moved = (d1: D1Database, file: FileRow, to: ProcessingState, set = '', values: unknown[] = []): D1PreparedStatement =>
  d1
    .prepare(
      `update files set processing_status = ?3, updated_at = ?4 ${set} where id = ?1 and attempt = ?2 and is_deleted = 0
        and processing_status in (select value from json_each(?5)) returning id`,
    )
    .bind(file.id, file.attempt, to, Date.now(), list(before(to)), ...values)

/** `update files … where` the file is still this worker's: a sign that the worker lives. The first of `values` is `?5`. */
export const alive = (d1: D1Database, file: FileRow, set = '', values: unknown[] = []): D1PreparedStatement =>
  d1
    .prepare(
      `update files set updated_at = ?3 ${set} where id = ?1 and attempt = ?2 and is_deleted = 0
        and processing_status in (select value from json_each(?4)) returning id`,
    )
    .bind(file.id, file.attempt, Date.now(), list(unfinished), ...values)

/** Runs a batch whose first statement is `moved` or `alive`. Throws NotMine when that did nothing. */
export async function asMine<T = Record<string, unknown>>(env: Env, statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
  const results = await env.DB.batch<T>(statements)
  if (!results[0]?.results.length) throw new NotMine()
  return results
}

/** Gives signs that the worker of a file lives, while it works. */
export async function living<T>(env: Env, file: FileRow, work: () => Promise<T>): Promise<T> {
  const sign = () =>
    void alive(env.DB, file)
      .run()
      .catch(() => undefined)
  const timer = setInterval(sign, signMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
