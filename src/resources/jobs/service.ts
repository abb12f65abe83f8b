import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { AppError } from '../../lib/errors'
import { cancelBatchOf, settled } from '../batches/state'
import { type JobRow, jobOf, jobRows, jobs } from './rows'
import type { Job, JobQuery } from './schema'

export { jobOf, jobRows }

const isActive = ({ status }: JobRow) => status === 'created' || status === 'running' || status === 'pending'

async function current(ctx: Ctx, id: string): Promise<JobRow> {
  const [row] = await settled(ctx, [await jobRows.get(ctx, id)])
  return row as JobRow
}

/** Jobs. What they have come to is read from their runs. */
export const jobService = {
  async list(ctx: Ctx, query: JobQuery, type?: JobRow['job_type']): Promise<Job[]> {
    if (query.source_id) return []
    const order = query.ascending === undefined ? query.order : query.ascending ? 'asc' : 'desc'
    const where = and(
      query.active ? inArray(sql`+${jobs.status}`, ['created', 'running', 'pending']) : undefined,
      type ? eq(jobs.job_type, type) : undefined,
    )
    const rows = await settled(ctx, await jobRows.list(ctx, { ...query, order }, where))
    return rows.filter((row) => !query.active || isActive(row)).map(jobOf)
  },

  get: async (ctx: Ctx, id: string): Promise<Job> => jobOf(await current(ctx, id)),

  /** Cancels what is left of a job. A job that has ended stays as it is. */
  async cancel(ctx: Ctx, id: string): Promise<Job> {
    const row = await current(ctx, id)
    if (isActive(row) && row.job_type === 'batch') await cancelBatchOf(ctx, id)
    else if (isActive(row)) await jobRows.update(ctx, id, { status: 'cancelled', completed_at: new Date().toISOString() })
    return jobOf(await current(ctx, id))
  },

  /** Forgets a job that has ended; its runs and messages stay. Answers what it was. */
  async remove(ctx: Ctx, id: string): Promise<Job> {
    const row = await current(ctx, id)
    if (isActive(row)) throw new AppError('conflict', `Job '${id}' is in progress. Cancel it first.`)
    await jobRows.remove(ctx, id)
    return jobOf(row)
  },
}
