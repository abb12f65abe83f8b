import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { listPage } from '../../db/page'
import { anyOf, repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { statement } from '../../db/statement'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import type { RunState } from '../../runtime/rpc'
import { agentObject } from '../agents/object'
import { stepMetrics, steps } from '../steps/table'
import { tools } from '../tools/table'
import type { Run, RunMetrics, RunQuery, UsageStatistics } from './schema'
import { runMetrics, runs } from './table'

const rows = repository(runs, 'Run')

/** A stored run as the API shows it. */
export const runOf = (row: Row<typeof runs>): Run => ({
  id: row.id,
  agent_id: row.agent_id,
  conversation_id: row.conversation_id,
  status: row.status,
  stop_reason: row.stop_reason,
  background: row.background,
  created_at: row.created_at,
  completed_at: row.completed_at,
  base_template_id: row.base_template_id,
  metadata: row.metadata,
  request_config: row.request_config,
  callback_url: row.callback_url,
  callback_sent_at: row.callback_sent_at,
  callback_status_code: row.callback_status_code,
  callback_error: row.callback_error,
  ttft_ns: row.ttft_ns,
  total_duration_ns: row.total_duration_ns,
})

/** A run that its agent's object has just told about, as the API shows it: no callback was sent yet. */
export const runOfState = (state: RunState): Run => ({
  id: state.id,
  agent_id: state.agent_id,
  conversation_id: state.conversation_id,
  status: state.status,
  stop_reason: state.stop_reason,
  background: state.background,
  created_at: state.created_at,
  completed_at: state.completed_at,
  base_template_id: null,
  metadata: state.metadata,
  request_config: state.request_config,
  callback_url: state.callback_url,
  callback_sent_at: null,
  callback_status_code: null,
  callback_error: null,
  ttft_ns: state.ttft_ns,
  total_duration_ns: state.total_duration_ns,
})

type Filters = Partial<Omit<RunQuery, keyof Page | 'order_by' | 'ascending'>>

/** The condition of a list's filters; live runs of the actor's organization. */
export function runsMatching(ctx: Ctx, query: Filters) {
  const agentIds = [...(query.agent_id ? [query.agent_id] : []), ...(query.agent_ids ?? [])]
  // A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
  const narrow =
    query.conversation_id && query.conversation_id !== 'default' ? 'conversation' : agentIds.length === 1 ? 'agent' : 'organization'
  const { organization_id } = ctx.actor
  return and(
    narrow === 'organization' ? eq(runs.organization_id, organization_id) : sql`+${runs.organization_id} = ${organization_id}`,
    eq(runs.is_deleted, false),
    narrow === 'agent' ? anyOf(runs.agent_id, agentIds) : undefined,
    narrow !== 'agent' && agentIds.length > 0
      ? sql`+${runs.agent_id} in (select value from json_each(${JSON.stringify(agentIds)}))`
      : undefined,
    narrow === 'conversation' ? eq(runs.conversation_id, query.conversation_id ?? '') : undefined,
    query.conversation_id === 'default' ? isNull(sql`+${runs.conversation_id}`) : undefined,
    query.background === undefined ? undefined : eq(runs.background, query.background),
    query.stop_reason ? eq(runs.stop_reason, query.stop_reason) : undefined,
    query.statuses ? inArray(runs.status, query.statuses) : undefined,
    query.active ? inArray(runs.status, ['created', 'running']) : undefined,
  )
}

/** The ids of tools by name; a tool that is gone keeps its name. */
async function toolIds(ctx: Ctx, names: string[]): Promise<string[]> {
  const found = await ctx.db
    .select({ id: tools.id, name: tools.name })
    .from(tools)
    .where(and(eq(tools.organization_id, ctx.actor.organization_id), eq(tools.is_deleted, false), anyOf(tools.name, names)))
  const ids = new Map(found.map((tool) => [tool.name, tool.id]))
  return names.map((name) => ids.get(name) ?? name)
}

/** Runs, as D1 shows them. What changes a run goes through its agent's object. */
export const runService = {
  row: rows.get,

  async list(ctx: Ctx, query: RunQuery): Promise<Run[]> {
    const order = query.ascending === undefined ? query.order : query.ascending ? 'asc' : 'desc'
    const cursors = eq(runs.organization_id, ctx.actor.organization_id)
    const sort = { by: runs.created_at, id: runs.id }
    return (await listPage(ctx.db, runs, sort, { ...query, order }, runsMatching(ctx, query), cursors)).map(runOf)
  },

  /** Runs that have not ended, newest first, at most 1000. */
  async active(ctx: Ctx, query: Filters): Promise<Run[]> {
    const page = { limit: 1000, order: 'desc' as const }
    const where = runsMatching(ctx, { ...query, active: true })
    return (await listPage(ctx.db, runs, { by: runs.created_at, id: runs.id }, page, where)).map(runOf)
  },

  get: async (ctx: Ctx, id: string): Promise<Run> => runOf(await rows.get(ctx, id)),

  async usage(ctx: Ctx, id: string): Promise<UsageStatistics> {
    const total = (column: (typeof steps)[keyof Row<typeof steps>]) => sql<number | null>`sum(${column})`
    const [[sums]] = await Promise.all([
      ctx.db
        .select({
          prompt: total(steps.prompt_tokens),
          completion: total(steps.completion_tokens),
          all: total(steps.total_tokens),
          cached: total(steps.cached_input_tokens),
          written: total(steps.cache_write_tokens),
          reasoning: total(steps.reasoning_tokens),
        })
        .from(steps)
        .where(and(eq(steps.run_id, id), eq(steps.is_deleted, false))),
      rows.get(ctx, id),
    ])
    const { prompt = 0, completion = 0, all = 0, cached = null, written = null, reasoning = null } = sums ?? {}
    return {
      prompt_tokens: prompt ?? 0,
      completion_tokens: completion ?? 0,
      total_tokens: all ?? 0,
      prompt_tokens_details:
        cached === null && written === null ? null : { cached_tokens: cached, cache_read_tokens: cached, cache_creation_tokens: written },
      completion_tokens_details: reasoning === null ? null : { reasoning_tokens: reasoning },
    }
  },

  async metrics(ctx: Ctx, id: string): Promise<RunMetrics> {
    await rows.get(ctx, id)
    const [row] = await ctx.db.select().from(runMetrics).where(eq(runMetrics.id, id)).limit(1)
    if (!row) throw notFound('Metrics of run', id)
    const { organization_id, agent_id, project_id, run_start_ms, run_ns, num_steps, template_id, base_template_id } = row
    const run_start_ns = run_start_ms === null ? null : run_start_ms * 1e6
    const tools_used = row.tools_used && (await toolIds(ctx, row.tools_used))
    return { id, organization_id, agent_id, project_id, run_start_ns, run_ns, num_steps, tools_used, template_id, base_template_id }
  },

  /** Forgets a finished run, its steps and metrics; its messages stay. A run in progress is a conflict. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const run = await rows.get(ctx, id)
    await agentObject(ctx, run.agent_id).deleteRun(id)
    const d1 = ctx.env.DB
    const gone = { is_deleted: true, last_updated_by_id: ctx.actor.user_id }
    await d1.batch([
      statement(d1, ctx.db.update(runs).set(gone).where(eq(runs.id, id))),
      statement(d1, ctx.db.update(runMetrics).set(gone).where(eq(runMetrics.id, id))),
      statement(d1, ctx.db.update(steps).set(gone).where(eq(steps.run_id, id))),
      statement(d1, ctx.db.update(stepMetrics).set(gone).where(eq(stepMetrics.run_id, id))),
      d1.prepare('delete from provider_traces where step_id in (select id from steps where run_id = ?1)').bind(id),
    ])
  },
}
