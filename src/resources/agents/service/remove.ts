import type { Ctx } from '../../../context'
import { notFound } from '../../../lib/errors'
import { agentObject } from '../object'

/** Everything of an agent that is kept but no longer shown. */
const histories = ['messages', 'runs', 'run_metrics', 'steps', 'step_metrics', 'conversations', 'conversation_messages']
/** What binds an agent to things that outlive it, and what is of no use without it. */
const bonds = ['blocks_agents', 'tools_agents', 'agents_tags', 'agent_environment_variables', 'provider_traces']
/** How much of a run that was still going may arrive after the agent is marked, in milliseconds back from that instant. */
const marginMs = 60_000

const isolated = '(select block_id from blocks_conversations where conversation_id in (select id from conversations where agent_id = ?1))'

/**
 * Deletes an agent: it and its messages, runs, steps and conversations are marked in one batch, its bonds and secrets are erased, its
 * object is emptied. Blocks and tools stay, but for the isolated blocks of its conversations.
 */
export async function removeAgent(ctx: Ctx, id: string): Promise<void> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const now = Date.now()
  const guard = 'exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 1)'
  const mark =
    'update agents set is_deleted = 1, updated_at = ?3, last_updated_by_id = ?4 where id = ?1 and organization_id = ?2 and is_deleted = 0 returning id'
  const [marked] = await d1.batch([
    d1.prepare(mark).bind(id, organization_id, now, user_id),
    ...histories.map((table) =>
      d1.prepare(`update ${table} set is_deleted = 1 where agent_id = ?1 and is_deleted = 0 and ${guard}`).bind(id, organization_id),
    ),
    ...bonds.map((table) => d1.prepare(`delete from ${table} where agent_id = ?1 and ${guard}`).bind(id, organization_id)),
    d1.prepare(`update block set is_deleted = 1, updated_at = ?3 where id in ${isolated} and ${guard}`).bind(id, organization_id, now),
    d1.prepare(`delete from blocks_tags where block_id in ${isolated} and ${guard}`).bind(id, organization_id),
    d1
      .prepare(`delete from blocks_conversations where conversation_id in (select id from conversations where agent_id = ?1) and ${guard}`)
      .bind(id, organization_id),
  ])
  if (!marked?.results.length) throw notFound('Agent', id)
  await agentObject(ctx, id).destroy()
  // Its object ended runs that were going on, and told D1 so.
  await d1.batch(
    ['messages', 'runs', 'steps'].map((table) =>
      d1.prepare(`update ${table} set is_deleted = 1 where agent_id = ?1 and created_at >= ?2 and is_deleted = 0`).bind(id, now - marginMs),
    ),
  )
}
