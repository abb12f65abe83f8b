import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { repository } from '../../db/repository'
import { insertRows } from '../../db/rows'
import { AppError, messageOf, notFound } from '../../lib/errors'
import { newId } from '../../lib/id'
import { log } from '../../lib/log'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import type { Job } from '../jobs/schema'
import { jobRows, jobService } from '../jobs/service'
import { jobs } from '../jobs/table'
import { internalMessage } from '../messages/internal'
import { messagesByIds } from '../messages/service'
import { turnRequest } from '../messages/service/request'
import { describeHandle } from '../providers/models'
import type { BatchCreate } from './schema'
import { cancelBatchOf } from './state'
import { submitBatch } from './submit'
import { batches, batchItems } from './table'

const agentRows = repository(agents, 'Agent')
const mode = { streaming: false, background: true, run_type: 'batch' }

/** Bytes that a stored request may have: it is a row. */
const requestMax = 1_500_000
const chunkMax = 250_000

/** How long after its creation a reader of a batch sees to it that all of it is submitted. */
const patienceMs = 5_000

/** Items in groups that are small enough for one bound parameter each. */
function chunks<T>(items: T[]): T[][] {
  const groups: T[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const item of items) {
    const { length } = JSON.stringify(item)
    if (size + length > chunkMax) {
      groups.push([])
      size = 0
    }
    groups.at(-1)?.push(item)
    size += length
  }
  return groups
}

/** Throws what is wrong with any of the requests, before anything of the batch is stored. */
async function check(ctx: Ctx, requests: BatchCreate['requests']): Promise<void> {
  const ids = [...new Set(requests.map(({ agent_id }) => agent_id ?? ''))]
  const known = new Set((await agentRows.getMany(ctx, ids)).map(({ id }) => id))
  const missing = ids.find((id) => !known.has(id))
  if (missing !== undefined) throw notFound('Agent', missing)
  for (const request of requests) {
    const { override_model } = turnRequest(ctx, request, mode)
    if (override_model) await describeHandle(ctx, override_model)
    if (JSON.stringify(request).length > requestMax)
      throw new AppError('payload_too_large', `A request of a batch is over ${requestMax} bytes.`)
  }
}

async function batchOf(ctx: Ctx, jobId: string) {
  const [batch] = await ctx.db
    .select()
    .from(batches)
    .where(and(eq(batches.letta_batch_job_id, jobId), sql`+${batches.organization_id} = ${ctx.actor.organization_id}`))
    .limit(1)
  if (!batch) throw notFound('Batch', jobId)
  return batch
}

async function ofJob(ctx: Ctx, id: string) {
  const row = await jobRows.get(ctx, id)
  if (row.job_type !== 'batch') throw notFound('Batch', id)
  return row
}

/** Batches: many requests to agents in the background. Each is a run; the batch is a job that shows what they have come to. */
export const batchService = {
  list: (ctx: Ctx, query: Page & { active?: boolean | undefined }): Promise<Job[]> =>
    jobService.list(ctx, { ...query, order_by: undefined }, 'batch'),

  /** A batch that waits for room with an agent goes on when it is looked at, and every hour. */
  async get(ctx: Ctx, id: string): Promise<Job> {
    const { completed_at, created_at } = await ofJob(ctx, id)
    if (completed_at === null && Date.now() - Date.parse(created_at) > patienceMs) await submitBatch(ctx, (await batchOf(ctx, id)).id)
    return jobService.get(ctx, id)
  },

  create(ctx: Ctx, { requests }: BatchCreate): Promise<Job> {
    const make = async (id: string) => {
      await check(ctx, requests)
      const { organization_id, user_id } = ctx.actor
      const by = { organization_id, created_by_id: user_id, last_updated_by_id: user_id }
      const batch = { ...by, id: newId('batch'), llm_provider: 'loci', letta_batch_job_id: id }
      const job = { ...by, id, user_id, job_type: 'batch' as const, background: true, metadata: { requests: requests.length } }
      const items = requests.map((request, position) => ({
        ...by,
        id: newId('batchItem'),
        llm_batch_id: batch.id,
        agent_id: request.agent_id ?? '',
        position,
        step_state: { request },
      }))
      const d1 = ctx.env.DB
      await d1.batch([
        insertRows(d1, jobs, [job]),
        insertRows(d1, batches, [batch]),
        ...chunks(items).map((rows) => insertRows(d1, batchItems, rows)),
      ])
      // It is stored: what cannot be submitted now is submitted later.
      await submitBatch(ctx, batch.id).catch((error) => log('error', { msg: 'batch not submitted', error: messageOf(error) }))
      return jobService.get(ctx, id)
    }
    const finish = async (id: string) => {
      await submitBatch(ctx, (await batchOf(ctx, id)).id)
      return jobService.get(ctx, id)
    }
    return createOnce(ctx, 'job', make, finish)
  },

  async cancel(ctx: Ctx, id: string): Promise<void> {
    await ofJob(ctx, id)
    await cancelBatchOf(ctx, id)
  },

  /** The messages of the runs of a batch, in the order of their creation. */
  async messages(ctx: Ctx, id: string, query: Page & { agent_id?: string | undefined }): Promise<Record<string, unknown>[]> {
    await ofJob(ctx, id)
    const { id: batch } = await batchOf(ctx, id)
    const { results } = await ctx.env.DB.prepare(
      `select m.id, m.created_at, m.agent_id, m.sequence_id from llm_batch_items i join messages m on m.run_id = i.run_id
        where i.llm_batch_id = ?1 and m.is_deleted = 0 and m.role <> 'system' and (?2 is null or m.agent_id = ?2)`,
    )
      .bind(batch, query.agent_id ?? null)
      .all<{ id: string; created_at: string }>()
    const page = pageRows(results.sort(byAge), query)
    return (
      await messagesByIds(
        ctx,
        page.map((key) => key.id),
      )
    ).map(internalMessage)
  },
}
