import type { Env } from '../../env'
import type { Millis } from '../../lib/time'
import { pokeIndex } from './poke'
import { verify } from './submit'

/** Organizations that one sweep wakes, and vectors that it looks for. */
const most = { organizations: 200, vectors: 400 }
/** What is due for so long is not being worked on. */
const overdueMs: Millis = 30_000

/** Rebuilds that a crash interrupted before anybody was told of them are among what is overdue. */
const overdue = `select organization_id from vectors where due_at <= ?1
  union select organization_id from jobs
    where job_type = 'job' and status in ('created', 'running') and metadata_ ->> 'kind' = 'reindex' and updated_at <= ?1
  limit ?2`

/** Vectors from a random row on. */
const sample = `select id, version, dimensions from vectors
  where state = 'indexed' and rowid >= abs(random()) % (select coalesce(max(rowid), 0) + 1 from vectors) limit ?1`

/** Wakes the index of every organization that should have been at work: who told it so was cut short. Rejects when the database cannot be reached. */
export async function wakeIndexes(env: Env, now: Millis): Promise<void> {
  const { results } = await env.DB.prepare(overdue)
    .bind(now - overdueMs, most.organizations)
    .all<{ organization_id: string }>()
  await Promise.all(results.map(({ organization_id }) => pokeIndex(env, organization_id)))
}

/** Looks for a sample of indexed vectors in their index; what it lost is due again. Rejects when the index or the database cannot be reached. */
export async function checkIndexes(env: Env, now: Millis): Promise<void> {
  const { results } = await env.DB.prepare(sample).bind(most.vectors).all<{ id: string; version: number; dimensions: number }>()
  await verify(env, results, now)
}
