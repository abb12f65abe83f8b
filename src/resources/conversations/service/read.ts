import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { listPage } from '../../../db/page'
import { anyOf, repository } from '../../../db/repository'
import type { Row } from '../../../db/rows'
import { blocksConversations } from '../../blocks/table'
import type { Conversation, ConversationQuery } from '../schema'
import { conversationMessages, conversations } from '../table'

export const rows = repository(conversations, 'Conversation')
export type ConversationRow = Row<typeof conversations>

/** The isolated blocks of each conversation, by label. */
export async function isolatedBlocks(ctx: Ctx, ids: string[]): Promise<Map<string, (typeof blocksConversations.$inferSelect)[]>> {
  const found = new Map<string, (typeof blocksConversations.$inferSelect)[]>(ids.map((id) => [id, []]))
  if (ids.length === 0) return found
  const links = await ctx.db.select().from(blocksConversations).where(anyOf(blocksConversations.conversation_id, ids))
  for (const link of links.sort((a, b) => (a.block_label < b.block_label ? -1 : 1))) found.get(link.conversation_id)?.push(link)
  return found
}

/** A stored conversation as the API shows it. */
export function conversationOf(row: ConversationRow, isolated: { block_id: string }[], inContext: string[] | null): Conversation {
  const { organization_id: _, is_deleted: _d, ...shown } = row
  return {
    ...shown,
    archived: row.archived_at !== null,
    in_context_message_ids: inContext,
    isolated_block_ids: isolated.map((link) => link.block_id),
  }
}

async function messagesInContext(ctx: Ctx, id: string): Promise<string[]> {
  const links = await ctx.db
    .select({ id: conversationMessages.message_id })
    .from(conversationMessages)
    .where(and(eq(conversationMessages.conversation_id, id), sql`in_context = 1`, eq(conversationMessages.is_deleted, false)))
    .orderBy(conversationMessages.position)
  return links.map((link) => link.id)
}

/** One conversation with its context and isolated blocks. */
export async function getConversation(ctx: Ctx, id: string): Promise<Conversation> {
  const [row, isolated, inContext] = await Promise.all([rows.get(ctx, id), isolatedBlocks(ctx, [id]), messagesInContext(ctx, id)])
  return conversationOf(row, isolated.get(id) ?? [], inContext)
}

export async function listConversations(ctx: Ctx, query: ConversationQuery): Promise<Conversation[]> {
  const { agent_id, summary_search, archive_status, order_by } = query
  const { organization_id } = ctx.actor
  const where = and(
    // A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
    agent_id && order_by === 'created_at'
      ? sql`+${conversations.organization_id} = ${organization_id}`
      : eq(conversations.organization_id, organization_id),
    eq(conversations.is_deleted, false),
    agent_id ? eq(conversations.agent_id, agent_id) : undefined,
    summary_search ? sql`instr(${conversations.summary}, ${summary_search}) > 0` : undefined,
    archive_status === 'archived' ? isNotNull(conversations.archived_at) : undefined,
    archive_status === 'unarchived' ? isNull(conversations.archived_at) : undefined,
    query.show_hidden_conversations ? undefined : sql`${conversations.hidden} is not 1`,
  )
  const cursors = eq(conversations.organization_id, organization_id)
  const found = await listPage(ctx.db, conversations, { by: conversations[order_by], id: conversations.id }, query, where, cursors)
  const isolated = await isolatedBlocks(
    ctx,
    found.map((row) => row.id),
  )
  return found.map((row) => conversationOf(row, isolated.get(row.id) ?? [], null))
}
