import { newId } from '../../src/lib/id'
import type { Millis } from '../../src/lib/time'
import type { NewDelivery } from '../../src/resources/deliveries/service'
import type { DeliveryStatus } from '../../src/resources/deliveries/table'
import { conclude, type TryResult } from './retry'
import { scheduleTable, setDue } from './schedule'

/** A delivery as its object keeps it. `updated_at` grows with every change, so it is also the version that is projected. */
export type StoredDelivery = {
  id: string
  organization_id: string
  agent_id: string | null
  run_id: string | null
  event: string
  url: string
  /** What is sent; null once it is no longer kept for redelivery. */
  body: string | null
  status: DeliveryStatus
  attempts: number
  delivered_at: Millis | null
  last_attempt_at: Millis | null
  last_status_code: number | null
  last_error: string | null
  created_at: Millis
  updated_at: Millis
  projected_at: Millis
}

/** One try. It is written before the request is sent; `finished_at` is null until its result is known. */
export type StoredAttempt = {
  id: string
  delivery_id: string
  number: number
  manual: number
  started_at: Millis
  finished_at: Millis | null
  status_code: number | null
  error: string | null
  response_excerpt: string | null
  projected: number
}

/** How long a finished delivery can be sent again. */
export const keptMs: Millis = 30 * 24 * 3600 * 1000
/** Head start of the projection that follows a commit at once, before the alarm takes it up. */
const projectionGraceMs: Millis = 1000

export function createTables(sql: SqlStorage): void {
  sql.exec(`
    create table if not exists deliveries (
      id text primary key, organization_id text not null, agent_id text, run_id text, event text not null, url text not null, body text,
      status text not null default 'pending', attempts integer not null default 0, delivered_at integer, last_attempt_at integer,
      last_status_code integer, last_error text, created_at integer not null, updated_at integer not null, projected_at integer not null default 0
    );
    create table if not exists attempts (
      id text primary key, delivery_id text not null references deliveries (id) on delete cascade, number integer not null,
      manual integer not null, started_at integer not null, finished_at integer, status_code integer, error text, response_excerpt text,
      projected integer not null default 0, unique (delivery_id, number)
    );
    create index if not exists ix_attempts_open on attempts (delivery_id) where finished_at is null;
    ${scheduleTable}
  `)
}

export const findDelivery = (sql: SqlStorage, id: string): StoredDelivery | undefined =>
  sql.exec<StoredDelivery>('select * from deliveries where id = ?', id).toArray()[0]

/** Marks a delivery as changed: its version grows and the change is owed to D1. */
function changed(sql: SqlStorage, id: string, now: Millis): void {
  sql.exec('update deliveries set updated_at = max(?, updated_at + 1) where id = ?', now, id)
  setDue(sql, 'project', id, now + projectionGraceMs)
}

/** Takes a delivery in; false when it is already there. With `refusal` it is recorded as failed and never tried by itself. */
export function insertDelivery(sql: SqlStorage, delivery: NewDelivery, refusal: string | null, now: Millis): boolean {
  if (findDelivery(sql, delivery.id)) return false
  const { id, organization_id, agent_id, run_id, event, url, body, created_at } = delivery
  sql.exec(
    `insert into deliveries (id, organization_id, agent_id, run_id, event, url, body, status, last_error, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, organization_id, agent_id, run_id, event, url, body, refusal ? 'failed' : 'pending', refusal, created_at, created_at],
  )
  if (refusal) setDue(sql, 'expire', id, now + keptMs)
  else setDue(sql, 'send', id, now)
  changed(sql, id, now)
  return true
}

/** Asks for one try now, beside the schedule. */
export function requestTry(sql: SqlStorage, id: string, now: Millis): void {
  setDue(sql, 'manual', id, now)
  changed(sql, id, now)
}

/** Writes down that a try begins. Its schedule row moves out of the way but stays, so that the object always has something to wake up for. */
export function journalAttempt(sql: SqlStorage, delivery: StoredDelivery, manual: boolean, now: Millis, leaseMs: Millis): StoredAttempt {
  const attempt = {
    id: newId('deliveryAttempt'),
    delivery_id: delivery.id,
    number: delivery.attempts + 1,
    manual: Number(manual),
    started_at: now,
  }
  sql.exec('update deliveries set attempts = ?, last_attempt_at = ? where id = ?', attempt.number, now, delivery.id)
  sql.exec(
    'insert into attempts (id, delivery_id, number, manual, started_at) values (?, ?, ?, ?, ?)',
    ...[attempt.id, attempt.delivery_id, attempt.number, attempt.manual, attempt.started_at],
  )
  setDue(sql, manual ? 'manual' : 'send', delivery.id, now + leaseMs)
  return { ...attempt, finished_at: null, status_code: null, error: null, response_excerpt: null, projected: 0 }
}

/** Writes down what a try came to, and what follows from it for its delivery. Returns the delivery's new status. */
export function finishAttempt(
  sql: SqlStorage,
  { id, delivery_id, manual }: StoredAttempt,
  result: TryResult,
  now: Millis,
  random: () => number,
): DeliveryStatus | undefined {
  const delivery = findDelivery(sql, delivery_id)
  if (!delivery) return undefined
  const { tries } = sql
    .exec<{ tries: number }>('select count(*) as tries from attempts where delivery_id = ? and manual = 0', delivery_id)
    .one()
  const { status, next } = conclude(delivery, manual === 1, tries, result, now, random)
  const { status_code, error, response_excerpt } = result
  sql.exec(
    'update attempts set finished_at = ?, status_code = ?, error = ?, response_excerpt = ? where id = ?',
    ...[now, status_code, error, response_excerpt, id],
  )
  sql.exec(
    `update deliveries set status = ?, last_status_code = ?, last_error = ?,
       delivered_at = coalesce(delivered_at, case when ? = 'delivered' then ? end) where id = ?`,
    ...[status, status_code, error, status, now, delivery_id],
  )
  if (manual) setDue(sql, 'manual', delivery_id, null)
  if (next !== undefined) setDue(sql, 'send', delivery_id, next)
  if (status !== 'pending') setDue(sql, 'expire', delivery_id, now + keptMs)
  changed(sql, delivery_id, now)
  return status
}

const interrupted: TryResult = {
  status_code: null,
  error: 'interrupted: the server stopped while the request was open; whether it arrived is unknown',
  response_excerpt: null,
  retry_after_ms: null,
}
/** Wait before a manual try that was interrupted is made again. */
const manualAgainMs: Millis = 5000

/** Ends the tries that a crash left open, as interrupted. The schedule makes the next one. */
export function endInterrupted(sql: SqlStorage, now: Millis, random: () => number): void {
  for (const attempt of sql.exec<StoredAttempt>('select * from attempts where finished_at is null').toArray()) {
    finishAttempt(sql, attempt, interrupted, now, random)
    if (attempt.manual) setDue(sql, 'manual', attempt.delivery_id, now + manualAgainMs)
  }
}

/** Forgets what only a redelivery needs. The row itself stays, so that a repeated enqueue is still known. */
export function expire(sql: SqlStorage, id: string): void {
  sql.exec('update deliveries set body = null where id = ?', id)
  sql.exec('delete from attempts where delivery_id = ? and projected = 1', id)
  setDue(sql, 'expire', id, null)
}
