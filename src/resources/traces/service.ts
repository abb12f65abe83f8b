import { and, asc, desc, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import type { Millis } from '../../lib/time'
import { messages } from '../messages/table'
import { runService } from '../runs/service'
import { runMetrics } from '../runs/table'
import { stepService } from '../steps/service'
import { providerTraces, stepMetrics, steps } from '../steps/table'
import type { ProviderTrace, Span } from './schema'
import { spansOf } from './spans'

/** What the model was sent in a step, and what it answered; null when that was not kept. */
export async function stepTrace(ctx: Ctx, id: string): Promise<ProviderTrace | null> {
  const { organization_id } = ctx.actor
  const [[found]] = await Promise.all([
    ctx.db
      .select({ trace: providerTraces, llm_request_ns: stepMetrics.llm_request_ns })
      .from(providerTraces)
      .leftJoin(stepMetrics, eq(stepMetrics.id, providerTraces.step_id))
      .where(and(eq(providerTraces.step_id, id), sql`+${providerTraces.organization_id} = ${organization_id}`))
      .orderBy(desc(sql`${providerTraces}.rowid`))
      .limit(1),
    stepService.row(ctx, id),
  ])
  if (!found) return null
  const { organization_id: org_id, is_deleted: _, ...trace } = found.trace
  return { ...trace, org_id, billing_context: null, latency_ms: found.llm_request_ns === null ? null : found.llm_request_ns / 1e6 }
}

const forgottenAtOnce = 500

/** Forgets the traces of steps that began before an instant, the oldest first. They were stored in the order of time. */
export async function forgetTraces(d1: D1Database, before: Millis): Promise<void> {
  const query = `delete from provider_traces where created_at < ?1
    and id in (select id from provider_traces order by rowid limit ${forgottenAtOnce}) returning id`
  for (;;) {
    const { results } = await d1.prepare(query).bind(before).all()
    if (results.length < forgottenAtOnce) return
  }
}

/** What happened in a run, as spans: made from what is stored of it. */
export async function runTrace(ctx: Ctx, id: string, limit: number): Promise<Span[]> {
  const run = await runService.row(ctx, id)
  const [[metrics], taken, said] = await Promise.all([
    ctx.db.select().from(runMetrics).where(eq(runMetrics.id, id)).limit(1),
    ctx.db
      .select({ step: steps, metrics: stepMetrics })
      .from(steps)
      .leftJoin(stepMetrics, eq(stepMetrics.id, steps.id))
      .where(and(eq(steps.run_id, id), eq(steps.is_deleted, false)))
      .orderBy(asc(steps.created_at), asc(steps.id))
      .limit(limit),
    ctx.db
      .select({ step_id: messages.step_id, tool_calls: messages.tool_calls, tool_returns: messages.tool_returns })
      .from(messages)
      .where(and(eq(messages.run_id, id), eq(messages.is_deleted, false)))
      .orderBy(asc(messages.sequence_id)),
  ])
  return spansOf({ run, metrics, steps: taken, messages: said }).slice(0, limit)
}
