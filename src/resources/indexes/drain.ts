import type { Env } from '../../env'
import type { Millis } from '../../lib/time'
import { embedRows, type FindModel, type Owed, owedColumns } from './embed'
import { advanceRebuilds } from './rebuild'
import { confirm, submit, withdraw } from './submit'

/** Rows that one round takes of each kind of work. */
const most = { texts: 64, submits: 200, looks: 200, withdrawals: 400 }

/** Texts of an organization that are to be embedded now, those first that have waited longest. */
async function owed(d1: D1Database, organization_id: string, now: Millis): Promise<Owed[]> {
  const { results } = await d1
    .prepare(
      `select ${owedColumns} from vectors v where v.organization_id = ?1 and v.due_at <= ?2 and v.state = 'pending' order by v.due_at limit ?3`,
    )
    .bind(organization_id, now, most.texts)
    .all<Owed>()
  return results.filter(({ text }) => text !== null)
}

async function embed(env: Env, organization_id: string, find: FindModel, now: () => Millis): Promise<number> {
  const rows = await owed(env.DB, organization_id, now())
  await embedRows(env.DB, find, rows, { now })
  return rows.length
}

/**
 * Does what is due for the vectors of one organization: embeds texts, puts vectors into their index, looks whether they arrived, takes out
 * those of what was deleted, and goes on with rebuilds; in rounds, until nothing is due or `until` is over. Resolves with when there is
 * something to do next, null when never. Every step can be cut short and done again.
 */
export async function drain(
  env: Env,
  organization_id: string,
  { find, now = Date.now, until }: { find: FindModel; now?: () => Millis; until: Millis },
): Promise<Millis | null> {
  for (let done = 1; done > 0 && now() < until; ) {
    done = await advanceRebuilds(env.DB, organization_id, now)
    done += await embed(env, organization_id, find, now)
    done += await submit(env, organization_id, now, most.submits)
    done += await confirm(env, organization_id, now, most.looks)
    done += await withdraw(env, organization_id, now, most.withdrawals)
  }
  const next = await env.DB.prepare('select min(due_at) as at from vectors where organization_id = ?1 and due_at is not null')
    .bind(organization_id)
    .first<{ at: Millis | null }>()
  return next?.at ?? null
}
