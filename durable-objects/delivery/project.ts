import type { Millis } from '../../src/lib/time'
import { setDue } from './schedule'
import { findDelivery, type StoredAttempt, type StoredDelivery } from './store'

/** What D1 does not know yet of one delivery. */
export interface Unprojected {
  delivery: StoredDelivery
  next_attempt_at: Millis | null
  attempts: StoredAttempt[]
}

/** What is owed to D1 for a delivery, or null when D1 has everything. */
export function unprojected(sql: SqlStorage, id: string): Unprojected | null {
  const delivery = findDelivery(sql, id)
  if (!delivery || delivery.projected_at >= delivery.updated_at) return null
  const { due_at } = sql
    .exec<{ due_at: Millis | null }>(`select min(due_at) as due_at from schedule where ref = ? and kind in ('send', 'manual')`, id)
    .one()
  const attempts = sql
    .exec<StoredAttempt>('select * from attempts where delivery_id = ? and finished_at is not null and projected = 0 order by number', id)
    .toArray()
  return { delivery, next_attempt_at: due_at, attempts }
}

/** Records that D1 has what `unprojected` found; a change made since then stays owed. */
export function projected(sql: SqlStorage, { delivery, attempts }: Unprojected): void {
  for (const { id } of attempts) sql.exec('update attempts set projected = 1 where id = ?', id)
  sql.exec('update deliveries set projected_at = max(projected_at, ?) where id = ?', delivery.updated_at, delivery.id)
  if (unprojected(sql, delivery.id) === null) setDue(sql, 'project', delivery.id, null)
}

const deliveryColumns = [
  'id',
  'organization_id',
  'agent_id',
  'run_id',
  'event',
  'url',
  'status',
  'attempts',
  'next_attempt_at',
  'delivered_at',
  'last_status_code',
  'last_error',
  'created_at',
  'updated_at',
] as const
const attemptColumns = [
  'id',
  'organization_id',
  'delivery_id',
  'number',
  'manual',
  'started_at',
  'duration_ms',
  'status_code',
  'error',
  'response_excerpt',
  'created_at',
  'updated_at',
] as const

const fields = (columns: readonly string[]) => columns.map((name) => `json_extract(value, '$.${name}')`).join(', ')
const upsertDelivery = `
  insert into deliveries (${deliveryColumns.join(', ')}) select ${fields(deliveryColumns)} from json_each(?1)
  where exists (select 1 from organizations where id = ?2) and (?3 is null or exists (select 1 from agents where id = ?3))
  on conflict (id) do update set ${deliveryColumns.slice(6).map((name) => `${name} = excluded.${name}`)}
  where excluded.updated_at >= deliveries.updated_at`
const insertAttempts = `
  insert into delivery_attempts (${attemptColumns.join(', ')}) select ${fields(attemptColumns)} from json_each(?1)
  where exists (select 1 from deliveries where id = ?2) on conflict (id) do nothing`
const updateRun = `
  update runs set callback_sent_at = ?1, callback_status_code = ?2, callback_error = ?3 where id = ?4 and organization_id = ?5`

/**
 * Writes a delivery, its new tries and the `callback_*` of its run to D1 in one batch that can be repeated; an older version never
 * overwrites a newer one. For an agent that was deleted nothing is written. Returns false when the run is not in D1 yet.
 */
export async function project(d1: D1Database, { delivery, next_attempt_at, attempts }: Unprojected): Promise<boolean> {
  const { id, organization_id, agent_id, run_id, last_attempt_at, last_status_code, last_error } = delivery
  const row = { ...delivery, body: undefined, next_attempt_at }
  const tries = attempts.map((attempt) => {
    const finished_at = attempt.finished_at ?? attempt.started_at
    const duration_ms = finished_at - attempt.started_at
    return { ...attempt, organization_id, duration_ms, created_at: attempt.started_at, updated_at: finished_at }
  })
  const tried = last_attempt_at !== null || delivery.status !== 'pending'
  const statements = [
    d1.prepare(upsertDelivery).bind(JSON.stringify([row]), organization_id, agent_id),
    d1.prepare(insertAttempts).bind(JSON.stringify(tries), id),
    ...(run_id && tried ? [d1.prepare(updateRun).bind(last_attempt_at, last_status_code, last_error, run_id, organization_id)] : []),
    d1
      .prepare('select (select count(*) from deliveries where id = ?1) as here, (select count(*) from runs where id = ?2) as run')
      .bind(id, run_id),
  ]
  const results = await d1.batch<{ here: number; run: number }>(statements)
  const found = results.at(-1)?.results[0]
  return !(run_id && tried) || found?.here !== 1 || found.run === 1
}
