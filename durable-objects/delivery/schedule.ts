import type { Millis } from '../../src/lib/time'

/**
 * What can fall due for a delivery: `send` the next automatic try, `manual` a try someone asked for, `project` the write of its
 * state to D1, `expire` the end of what is kept for redelivery.
 */
export type DueKind = 'send' | 'manual' | 'project' | 'expire'
export type Due = { kind: DueKind; ref: string; due_at: Millis; attempts: number }

export const scheduleTable = `
  create table if not exists schedule (
    kind text not null, ref text not null, due_at integer not null, attempts integer not null default 0, primary key (kind, ref)
  ) without rowid;
  create index if not exists ix_schedule_due_at on schedule (due_at);
`

/** Sets when `kind` falls due for `ref`, replacing an earlier time; null takes it off the schedule. */
export function setDue(sql: SqlStorage, kind: DueKind, ref: string, due_at: Millis | null): void {
  if (due_at === null) sql.exec('delete from schedule where kind = ? and ref = ?', kind, ref)
  else sql.exec('insert or replace into schedule (kind, ref, due_at) values (?, ?, ?)', kind, ref, due_at)
}

/** Moves a row whose work failed to `due_at` and counts the failure. */
export const postpone = (sql: SqlStorage, { kind, ref }: Due, due_at: Millis): void =>
  void sql.exec('update schedule set due_at = ?, attempts = attempts + 1 where kind = ? and ref = ?', due_at, kind, ref)

/** The row that fell due first, or undefined when nothing is due. */
export const firstDue = (sql: SqlStorage, now: Millis): Due | undefined =>
  sql.exec<Due>('select * from schedule where due_at <= ? order by due_at, ref limit 1', now).toArray()[0]

/** How often the work of a row failed. */
export const failuresOf = (sql: SqlStorage, kind: DueKind, ref: string): number =>
  sql.exec<{ attempts: number }>('select attempts from schedule where kind = ? and ref = ?', kind, ref).toArray()[0]?.attempts ?? 0

/** When the alarm must ring next, or null. */
export const earliestDue = (sql: SqlStorage): Millis | null =>
  sql.exec<{ due_at: Millis | null }>('select min(due_at) as due_at from schedule').one().due_at
