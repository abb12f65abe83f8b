import type { Env } from '../../env'
import type { Millis } from '../../lib/time'
import { pokeIndex } from './poke'
import { verify } from './submit'

/** Organizations that one sweep wakes, and vectors that it looks for. */
const most = { organizations: 200, vectors: 400 }

/** Rebuilds that a crash interrupted before anybody was told of them. */
const rebuilding = `select organization_id from jobs where job_type = 'job' and status in ('created', 'running') and metadata_ ->> 'kind' = 'reindex'`

/** A random id, from which a sample begins: ids end in random digits, and begin with a time. */
const sampleOf = `select id, organization_id, version, dimensions from vectors where state = 'indexed' and rowid >= abs(random()) % (select max(rowid) + 1 from vectors) limit ?1`

/**
 * Wakes the index of every organization that has something due, and looks for a sample of indexed vectors in the index, so that what it lost
 * comes back. Rejects when the database cannot be reached.
 */
export async function sweepIndexes(env: Env, now: Millis): Promise<void> {
  const { results: sample } = await env.DB.prepare(sampleOf)
    .bind(most.vectors)
    .all<{ id: string; organization_id: string; version: number; dimensions: number }>()
  await verify(env, sample, now).catch(() => [])
  const { results } = await env.DB.prepare(`select organization_id from vectors where due_at <= ?1 union ${rebuilding} limit ?2`)
    .bind(now, most.organizations)
    .all<{ organization_id: string }>()
  await Promise.all(results.map(({ organization_id }) => pokeIndex(env, organization_id)))
}
