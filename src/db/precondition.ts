import { AppError } from '../lib/errors'

/** The ETag of a versioned row. The id is part of it, because one path can come to name another row. */
export const etagOf = (row: { id: string; version: number }): string => `"${row.id}:${row.version}"`

/** What a writer says it saw: `If-Match` (412 when stale) or the body's `base_version` (409 when stale). */
export interface Precondition {
  version: number
  source: 'if-match' | 'base_version'
}

/**
 * Throws unless the row is at the version that the writer saw. Either failure carries the current ETag as a header and
 * `current_version` and `current_value` in its body, so that the writer can merge without another request.
 */
export function assertCurrent(row: { id: string; version: number; value: string }, precondition: Precondition): void {
  if (row.version === precondition.version) return
  const state = { current_version: row.version, current_value: row.value, headers: { etag: etagOf(row) } }
  if (precondition.source === 'if-match') {
    const detail = `If-Match does not name the current version of '${row.id}', which is ${row.version}. Read it, merge, and try again.`
    throw new AppError('precondition_failed', detail, state)
  }
  const detail = `base_version is ${precondition.version}, but '${row.id}' is at version ${row.version}. Read it, merge, and try again.`
  throw new AppError('version_conflict', detail, { ...state, headers: { ...state.headers, 'x-should-retry': 'false' } })
}
