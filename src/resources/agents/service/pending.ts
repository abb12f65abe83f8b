import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf } from '../../../db/repository'
import { toWire } from '../../../runtime/wire'
import { messages } from '../../messages/table'
import type { AgentState } from '../schema'
import type { AgentRow } from './state'

type Pending = NonNullable<AgentState['pending_approval']>

/**
 * The approval request that waits in each agent's own context. Whatever answers, cancels or resets it adds to the context or cuts it, so a
 * request waits exactly as long as it is the last message.
 */
export async function pendingApprovals(ctx: Ctx, agents: AgentRow[]): Promise<Map<string, Pending>> {
  const last = agents.flatMap(({ message_ids }) => message_ids.at(-1) ?? [])
  if (last.length === 0) return new Map()
  const mine = and(sql`+${messages.organization_id} = ${ctx.actor.organization_id}`, eq(messages.is_deleted, false), sql`role = 'approval'`)
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(and(anyOf(messages.id, last), mine))
  const shown = rows.flatMap((row) => toWire(row).map((message) => [row.agent_id, message] as const))
  return new Map(shown.flatMap(([id, message]) => (message.message_type === 'approval_request_message' ? [[id, message] as const] : [])))
}
