import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import type { Row } from '../../db/rows'
import { iso } from '../../lib/time'
import { agentObject } from '../agents/object'
import { jobs } from '../jobs/table'

type JobRow = Row<typeof jobs>
type State = Pick<JobRow, 'status' | 'completed_at' | 'total_duration_ns'>

interface Tally {
  job_id: string
  items: number
  begun: number
  ended: number
  completed: number
  cancelled: number
  last: number | null
}

/** How far the requests of batches are. A request that could not be submitted, or was cancelled before, has ended too. */
async function tallies(ctx: Ctx, ids: string[]): Promise<Map<string, Tally>> {
  const { results } = await ctx.env.DB.prepare(
    `select b.letta_batch_job_id as job_id, count(*) as items,
      sum(i.request_status in ('failed', 'cancelled') or r.status is not null and r.status <> 'created') as begun,
      sum(r.completed_at is not null or i.run_id is null and i.request_status in ('failed', 'cancelled')) as ended,
      sum(r.status is 'completed') as completed, sum(r.status is 'cancelled' or i.request_status = 'cancelled') as cancelled,
      max(r.completed_at) as last
    from llm_batch_job b join llm_batch_items i on i.llm_batch_id = b.id left join runs r on r.id = i.run_id
    where b.letta_batch_job_id in (select value from json_each(?1)) and b.organization_id = ?2
    group by b.letta_batch_job_id`,
  )
    .bind(JSON.stringify(ids), ctx.actor.organization_id)
    .all<Tally & Record<string, unknown>>()
  return new Map(results.map((tally) => [tally.job_id, tally]))
}

function stateOf(row: JobRow, tally: Tally): State {
  if (tally.ended < tally.items) return { status: tally.begun > 0 ? 'running' : 'created', completed_at: null, total_duration_ns: null }
  const status = tally.completed > 0 ? 'completed' : tally.cancelled > 0 ? 'cancelled' : 'failed'
  const at = tally.last ?? Date.parse(row.created_at)
  return { status, completed_at: iso(at), total_duration_ns: (at - Date.parse(row.created_at)) * 1e6 }
}

/**
 * Jobs as they are now. A batch is what its runs are: completed when all have ended and one of them well, else cancelled or failed. That it
 * has ended is written down.
 */
export async function settled(ctx: Ctx, rows: JobRow[]): Promise<JobRow[]> {
  const open = rows.filter((row) => row.job_type === 'batch' && row.completed_at === null)
  if (open.length === 0) return rows
  const found = await tallies(
    ctx,
    open.map(({ id }) => id),
  )
  return Promise.all(
    rows.map(async (row) => {
      const tally = row.completed_at === null ? found.get(row.id) : undefined
      if (!tally) return row
      const state = stateOf(row, tally)
      if (state.completed_at === null) return { ...row, ...state }
      const ended = and(eq(jobs.id, row.id), sql`${jobs.completed_at} is null`)
      const [written] = await ctx.db.update(jobs).set(state).where(ended).returning()
      return written ?? { ...row, ...state }
    }),
  )
}

/** Cancels the requests of a batch that have not ended: those in progress by their agents, and those that were not submitted for good. */
export async function cancelBatchOf(ctx: Ctx, jobId: string): Promise<void> {
  const d1 = ctx.env.DB
  const { organization_id } = ctx.actor
  const items =
    'select i.* from llm_batch_items i join llm_batch_job b on b.id = i.llm_batch_id where b.letta_batch_job_id = ?1 and b.organization_id = ?2'
  await d1
    .prepare(
      `update llm_batch_items set request_status = 'cancelled' where run_id is null and request_status = 'created' and id in (select id from (${items}))`,
    )
    .bind(jobId, organization_id)
    .run()
  const { results } = await d1
    .prepare(`select i.agent_id, i.run_id from (${items}) i join runs r on r.id = i.run_id where r.completed_at is null`)
    .bind(jobId, organization_id)
    .all<{ agent_id: string; run_id: string }>()
  const byAgent = Map.groupBy(results, ({ agent_id }) => agent_id)
  for (const [agent_id, of] of byAgent) await agentObject(ctx, agent_id).cancel({ run_ids: of.map(({ run_id }) => run_id) })
}
