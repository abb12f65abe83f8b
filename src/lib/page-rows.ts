import { notFound } from './errors'
import type { Page } from './page'

/**
 * One page of rows that are already in memory, oldest first: for the few things attached to one agent. Same cursors as every list;
 * a cursor that is not among the rows is a 404.
 */
export function pageRows<R extends { id: string }>(rows: R[], page: Page): R[] {
  const ordered = page.order === 'asc' ? rows : rows.toReversed()
  const at = (id: string) => {
    const i = ordered.findIndex((row) => row.id === id)
    if (i < 0) throw notFound('Cursor', id)
    return i
  }
  const start = page.after === undefined ? 0 : at(page.after) + 1
  const end = page.before === undefined ? ordered.length : at(page.before)
  const window = ordered.slice(start, Math.max(start, end))
  return page.before !== undefined && page.after === undefined ? window.slice(-page.limit) : window.slice(0, page.limit)
}

/** Compares rows by time of creation, then id: the order of every list that names no other. */
export const byAge = (a: { created_at: string; id: string }, b: { created_at: string; id: string }): number => {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? -1 : 1
  return a.id < b.id ? -1 : 1
}
