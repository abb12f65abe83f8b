import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'
import { runStatuses } from '../../runtime/types'
import { StopReasonType } from '../../runtime/wire-schema'

const text = () => z.string().nullable()
const count = () => z.int().nullable()

export const RunStatusType = z.enum(runStatuses).meta({ id: 'RunStatus' })

/** A request to an agent, from its acceptance to its end. */
export const Run = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    conversation_id: text().describe("Null for the agent's own context."),
    status: RunStatusType,
    stop_reason: StopReasonType.nullable(),
    background: z.boolean().nullable(),
    created_at: z.string(),
    completed_at: text(),
    base_template_id: text(),
    metadata: z.record(z.string(), z.unknown()).nullable().describe('`run_type`, and `error` when the run failed.'),
    request_config: z.record(z.string(), z.unknown()).nullable(),
    callback_url: text(),
    callback_sent_at: text(),
    callback_status_code: count(),
    callback_error: text(),
    ttft_ns: count().describe('Nanoseconds from the request to the first token.'),
    total_duration_ns: count(),
  })
  .meta({ id: 'Run' })
export type Run = z.output<typeof Run>

const filters = {
  agent_id: queryText('Only runs of this agent.'),
  agent_ids: queryList(z.string(), 'Deprecated: only runs of these agents.'),
  background: queryFlag('Only runs that were, or were not, sent to the background.'),
}
export const RunQuery = pageQuery({ limit: 100 }).extend({
  ...filters,
  conversation_id: queryText("Only runs of this conversation; `default` is the agents' own contexts."),
  statuses: queryList(RunStatusType, 'Only runs in these states.'),
  stop_reason: blankAsAbsent(StopReasonType.optional()).describe('Only runs that ended so.'),
  active: queryFlag('`true`: only runs that have not ended.'),
  ascending: queryFlag('Deprecated: `true` is `order=asc`.'),
})
export type RunQuery = z.output<typeof RunQuery>

export const ActiveRunQuery = z.object(filters)

const details = (fields: string[]) => z.object(Object.fromEntries(fields.map((field) => [field, count()]))).nullable()

/** Tokens of a run, summed over its steps. Details are null when no provider told them. */
export const UsageStatistics = z
  .object({
    completion_tokens: z.int(),
    prompt_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: details(['cached_tokens', 'cache_read_tokens', 'cache_creation_tokens']),
    completion_tokens_details: details(['reasoning_tokens']),
  })
  .meta({ id: 'UsageStatistics' })
export type UsageStatistics = z.output<typeof UsageStatistics>

export const RunMetrics = z
  .object({
    id: z.string(),
    organization_id: text(),
    agent_id: text(),
    project_id: text(),
    run_start_ns: z.number().nullable().describe('Nanoseconds since the epoch, exact to the millisecond.'),
    run_ns: count(),
    num_steps: count(),
    tools_used: z.array(z.string()).nullable().describe('Ids of the tools that were called.'),
    template_id: text(),
    base_template_id: text(),
  })
  .meta({ id: 'RunMetrics' })
export type RunMetrics = z.output<typeof RunMetrics>
