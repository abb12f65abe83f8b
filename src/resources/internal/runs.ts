import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { listPage } from '../../db/page'
import { anyOf } from '../../db/repository'
import { instantOf } from '../../lib/query'
import type { Run } from '../runs/schema'
import { runOf, runsMatching } from '../runs/service'
import { runs } from '../runs/table'
import type { InternalRunQuery } from './schema'

const signs = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const
const compared = (value: SQL, operator: keyof typeof signs, to: number) => sql`${value} ${sql.raw(signs[operator])} ${to}`

const metric = (column: string) => sql`(select ${sql.raw(column)} from run_metrics where run_metrics.id = ${runs.id})`

/** Runs that called one of these tools. A run keeps the names of its tools; an id stands for the name that the tool has now. */
const usedOneOf = (ctx: Ctx, tools: string[]) => {
  const given = sql`(select value from json_each(${JSON.stringify(tools)}))`
  const named = sql`(select name from tools where organization_id = ${ctx.actor.organization_id} and id in ${given})`
  return sql`exists (select 1 from run_metrics, json_each(run_metrics.tools_used)
    where run_metrics.id = ${runs.id} and (json_each.value in ${given} or json_each.value in ${named}))`
}

/** The duration that `percentage` of the organization's ended runs do not reach, by nearest rank. */
async function durationAt(ctx: Ctx, percentage: number): Promise<number | null> {
  const { organization_id } = ctx.actor
  const ended = `from runs where organization_id = ?1 and is_deleted = 0 and total_duration_ns is not null`
  const row = await ctx.env.DB.prepare(
    `select total_duration_ns as duration ${ended} order by total_duration_ns limit 1
      offset (select min(max(count(*) - 1, 0), cast(count(*) * ?2 / 100 as integer)) ${ended})`,
  )
    .bind(organization_id, percentage)
    .first<{ duration: number }>()
  return row?.duration ?? null
}

/** Runs by the filters of the public list and more. */
export async function listInternalRuns(ctx: Ctx, query: InternalRunQuery): Promise<Run[]> {
  const { run_ids = [], run_id, step_count, step_count_operator, duration_value, duration_operator, duration_percentile } = query
  const ids = [...run_ids, ...(run_id ? [run_id] : [])]
  const least = duration_percentile === undefined ? null : await durationAt(ctx, duration_percentile)
  if (duration_percentile !== undefined && least === null) return []
  const where = and(
    runsMatching(ctx, query),
    ids.length > 0 ? anyOf(runs.id, ids) : undefined,
    query.template_family ? eq(runs.base_template_id, query.template_family) : undefined,
    query.project_id ? eq(runs.project_id, query.project_id) : undefined,
    step_count === undefined ? undefined : compared(metric('num_steps'), step_count_operator, step_count),
    query.tools_used ? usedOneOf(ctx, query.tools_used) : undefined,
    least === null ? undefined : sql`+${runs.total_duration_ns} >= ${least}`,
    duration_value === undefined ? undefined : compared(sql`+${runs.total_duration_ns}`, duration_operator, duration_value),
    query.start_date ? sql`${runs.created_at} >= ${instantOf(query.start_date)}` : undefined,
    query.end_date ? sql`${runs.created_at} <= ${instantOf(query.end_date, 'end')}` : undefined,
  )
  const order = query.ascending === undefined ? query.order : query.ascending ? 'asc' : 'desc'
  const by = query.order_by === 'duration' ? runs.total_duration_ns : runs.created_at
  return (await listPage(ctx.db, runs, { by, id: runs.id }, { ...query, order }, where)).map(runOf)
}
