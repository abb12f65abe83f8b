import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryText } from '../../lib/query'
import { StopReasonType } from '../../runtime/wire-schema'
import { jobStates, jobTypes } from './table'

const text = () => z.string().nullable()
const count = () => z.int().nullable()

/** Long work that is not a run: a batch, or the rebuild of an index. */
export const Job = z
  .object({
    id: z.string(),
    user_id: text(),
    agent_id: z.null(),
    job_type: z.enum(jobTypes),
    status: z.enum(jobStates),
    stop_reason: StopReasonType.nullable(),
    background: z.boolean().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    callback_url: text(),
    callback_sent_at: text(),
    callback_status_code: count(),
    callback_error: text(),
    ttft_ns: count(),
    total_duration_ns: count(),
    created_at: z.string(),
    updated_at: text(),
    completed_at: text(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'Job' })
export type Job = z.output<typeof Job>

export const JobQuery = pageQuery({ limit: 100 }).extend({
  active: queryFlag('`true`: only jobs that have not ended.'),
  source_id: queryText('Only jobs of this folder: none, since files are stored without jobs.'),
  ascending: queryFlag('Deprecated: `true` is `order=asc`.'),
})
export type JobQuery = z.output<typeof JobQuery>

export const ActiveJobQuery = z.object({ source_id: JobQuery.shape.source_id })
