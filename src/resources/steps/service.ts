import { and, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { listPage } from '../../db/page'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { instantOf } from '../../lib/query'
import { runService } from '../runs/service'
import type { FeedbackRequest, Step, StepMetrics, StepQuery } from './schema'
import { stepMetrics, steps } from './table'

const rows = repository(steps, 'Step')
const sort = { by: steps.created_at, id: steps.id }

/** A stored step as the API shows it. */
const stepOf = (row: Row<typeof steps>): Step => {
  const { sequence_id: _, created_at: _c, updated_at: _u, is_deleted: _d, created_by_id: _by, last_updated_by_id: _last, ...step } = row
  return { ...step, messages: [] }
}

const oneOf = (column: SQL, values: string[]) => sql`${column} in (select value from json_each(${JSON.stringify(values)}))`

// A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
const owned = (ctx: Ctx, narrowed: boolean) =>
  and(
    narrowed ? sql`+${steps.organization_id} = ${ctx.actor.organization_id}` : eq(steps.organization_id, ctx.actor.organization_id),
    eq(steps.is_deleted, false),
  )

const ofOrganization = (ctx: Ctx) => eq(steps.organization_id, ctx.actor.organization_id)

const matching = (ctx: Ctx, query: Partial<StepQuery>) =>
  and(
    owned(ctx, Boolean(query.run_id ?? query.agent_id)),
    query.run_id ? eq(steps.run_id, query.run_id) : undefined,
    query.agent_id ? (query.run_id ? sql`+${steps.agent_id} = ${query.agent_id}` : eq(steps.agent_id, query.agent_id)) : undefined,
    query.model ? eq(steps.model, query.model) : undefined,
    query.project_id ? eq(steps.project_id, query.project_id) : undefined,
    query.feedback ? eq(steps.feedback, query.feedback) : undefined,
    query.has_feedback === undefined ? undefined : query.has_feedback ? isNotNull(steps.feedback) : isNull(steps.feedback),
    query.tags ? sql`exists (select 1 from json_each(${steps.tags}) where ${oneOf(sql`json_each.value`, query.tags)})` : undefined,
    query.trace_ids ? oneOf(sql`${steps.trace_id}`, query.trace_ids) : undefined,
    query.start_date ? sql`${steps.created_at} >= ${instantOf(query.start_date)}` : undefined,
    query.end_date ? sql`${steps.created_at} <= ${instantOf(query.end_date, 'end')}` : undefined,
  )

const ns = (ms: number | null) => (ms === null ? null : ms * 1e6)

/** Steps, as D1 shows them. Only their feedback can be changed. */
export const stepService = {
  row: rows.get,

  async list(ctx: Ctx, query: StepQuery): Promise<Step[]> {
    return (await listPage(ctx.db, steps, sort, query, matching(ctx, query), ofOrganization(ctx))).map(stepOf)
  },

  async ofRun(ctx: Ctx, runId: string, page: Page): Promise<Step[]> {
    const where = matching(ctx, { run_id: runId })
    const [found] = await Promise.all([listPage(ctx.db, steps, sort, page, where, ofOrganization(ctx)), runService.row(ctx, runId)])
    return found.map(stepOf)
  },

  get: async (ctx: Ctx, id: string): Promise<Step> => stepOf(await rows.get(ctx, id)),

  async metrics(ctx: Ctx, id: string): Promise<StepMetrics> {
    await rows.get(ctx, id)
    const [row] = await ctx.db.select().from(stepMetrics).where(eq(stepMetrics.id, id)).limit(1)
    if (!row) throw notFound('Metrics of step', id)
    const { organization_id, provider_id, run_id, agent_id, project_id, base_template_id, template_id } = row
    const { step_start_ms, llm_request_start_ms, llm_request_ns, tool_execution_ns, step_ns } = row
    return {
      id,
      organization_id,
      provider_id,
      run_id,
      agent_id,
      project_id,
      base_template_id,
      template_id,
      step_start_ns: ns(step_start_ms),
      llm_request_start_ns: ns(llm_request_start_ms),
      llm_request_ns,
      tool_execution_ns,
      step_ns,
    }
  },

  setTransaction: async (ctx: Ctx, id: string, tid: string): Promise<Step> => stepOf(await rows.update(ctx, id, { tid })),

  /** Sets what was given: an absent `feedback` stays, null takes it back; `tags` replace the step's. */
  async setFeedback(ctx: Ctx, id: string, { feedback, tags }: FeedbackRequest): Promise<Step> {
    return stepOf(await rows.update(ctx, id, { ...(feedback === undefined ? {} : { feedback }), ...(tags == null ? {} : { tags }) }))
  },
}
