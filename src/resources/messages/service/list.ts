import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf } from '../../../db/repository'
import type { Row } from '../../../db/rows'
import { notFound } from '../../../lib/errors'
import type { Page } from '../../../lib/page'
import { conversationMessages } from '../../conversations/table'
import { messages } from '../table'

export type StoredMessage = Row<typeof messages>

export interface MessagePage extends Page {
  group_id?: string | undefined
  include_err?: boolean | undefined
}

/**
 * Messages of the actor's organization, also deleted ones, from which a list can still be paged. The `+` keeps SQLite from choosing the
 * organization's index over the one that serves the order of a list.
 */
const everOwned = (ctx: Ctx) => sql`+${messages.organization_id} = ${ctx.actor.organization_id}`

/** Live messages of the actor's organization. */
const owned = (ctx: Ctx, page: Pick<MessagePage, 'group_id' | 'include_err'> = {}) =>
  and(
    everOwned(ctx),
    eq(messages.is_deleted, false),
    page.group_id === undefined ? undefined : eq(messages.group_id, page.group_id),
    page.include_err === false ? sql`${messages.is_err} is not 1` : undefined,
  )

/** A list of messages: its sort key is unique within it, and the last columns of the index that serves it. */
interface List {
  key: SQL[]
  rows(where: SQL | undefined, order: SQL, limit: number): Promise<StoredMessage[]>
  keyAt(id: string): Promise<unknown[] | undefined>
}

const tuple = (parts: unknown[]) =>
  sql.join(
    parts.map((part) => sql`${part}`),
    sql`, `,
  )
const beyond = (key: SQL[], cursor: unknown[], up: boolean) => sql`(${tuple(key)}) ${sql.raw(up ? '>' : '<')} (${tuple(cursor)})`

/** One page: strictly between the cursors in the direction of the order; with `before` alone, the nearest rows. */
async function pageOf(list: List, page: Page): Promise<StoredMessage[]> {
  const cursorAt = async (id: string) => {
    const key = await list.keyAt(id)
    if (!key) throw notFound('Cursor message', id)
    return key
  }
  const up = page.order === 'asc'
  const [after, before] = await Promise.all([page.after ? cursorAt(page.after) : null, page.before ? cursorAt(page.before) : null])
  const backwards = before !== null && after === null
  const direction = sql.raw(up !== backwards ? 'asc' : 'desc')
  const order = sql.join(
    list.key.map((part) => sql`${part} ${direction}`),
    sql`, `,
  )
  const where = and(after ? beyond(list.key, after, up) : undefined, before ? beyond(list.key, before, !up) : undefined)
  const rows = await list.rows(where, order, page.limit)
  return backwards ? rows.reverse() : rows
}

/** The list of the messages of which `of` holds. Its cursors are all messages of which it ever held. */
function ownTable(ctx: Ctx, key: SQL[], of: SQL | undefined, page: MessagePage): List {
  const select = () => ctx.db.select().from(messages)
  return {
    key,
    rows: (bounds, order, limit) =>
      select()
        .where(and(of, owned(ctx, page), bounds))
        .orderBy(order)
        .limit(limit),
    async keyAt(id) {
      const columns = Object.fromEntries(key.map((part, i) => [`k${i}`, part]))
      const [row] = await ctx.db
        .select(columns)
        .from(messages)
        .where(and(of, everOwned(ctx), eq(messages.id, id)))
        .limit(1)
      return row && Object.values(row)
    },
  }
}

const bySequence = [sql`${messages.sequence_id}`]

/** Messages of an agent, of all its conversations or (`null`) of its own context only. */
export const listAgentMessages = (ctx: Ctx, agentId: string, only: { conversation_id: null } | null, page: MessagePage) =>
  pageOf(ownTable(ctx, bySequence, and(eq(messages.agent_id, agentId), only ? isNull(messages.conversation_id) : undefined), page), page)

export const listRunMessages = (ctx: Ctx, runId: string, page: MessagePage) =>
  pageOf(ownTable(ctx, bySequence, eq(messages.run_id, runId), page), page)

export const listStepMessages = (ctx: Ctx, stepId: string, page: MessagePage) =>
  pageOf(ownTable(ctx, bySequence, eq(messages.step_id, stepId), page), page)

const byTime = [sql`${messages.created_at}`, sql`${messages.id}`]

/** Messages of the whole organization, by time. */
export const listAllMessages = (ctx: Ctx, page: MessagePage) =>
  pageOf(ownTable(ctx, byTime, eq(messages.organization_id, ctx.actor.organization_id), page), page)

/** Messages of a group, whichever agent has them, by time. */
export const listGroupMessages = (ctx: Ctx, groupId: string, page: MessagePage) =>
  pageOf(ownTable(ctx, byTime, eq(messages.group_id, groupId), page), page)

/**
 * Messages that a conversation shows, in the order of their arrival in it; those that a fork shares with its origin are among them.
 * That order is the links' rowid: `position` is a message's place in the context, which is numbered anew when the context is replaced.
 */
export function listConversationMessages(ctx: Ctx, context: { agent_id: string; conversation_id: string }, page: MessagePage) {
  const linked = and(
    eq(conversationMessages.agent_id, context.agent_id),
    eq(conversationMessages.conversation_id, context.conversation_id),
    eq(conversationMessages.is_deleted, false),
  )
  const arrival = sql`${conversationMessages}.rowid`
  const list: List = {
    key: [arrival],
    async rows(bounds, order, limit) {
      const rows = await ctx.db
        .select({ message: messages })
        .from(conversationMessages)
        .innerJoin(messages, eq(messages.id, conversationMessages.message_id))
        .where(and(linked, owned(ctx, page), bounds))
        .orderBy(order)
        .limit(limit)
      return rows.map((row) => row.message)
    },
    async keyAt(id) {
      const [row] = await ctx.db
        .select({ arrival })
        .from(conversationMessages)
        .innerJoin(messages, eq(messages.id, conversationMessages.message_id))
        .where(and(linked, everOwned(ctx), eq(conversationMessages.message_id, id)))
        .limit(1)
      return row && [row.arrival]
    },
  }
  return pageOf(list, page)
}

/** The messages of the given ids, in that order; ids that are not there are left out. */
export async function messagesByIds(ctx: Ctx, ids: readonly string[]): Promise<StoredMessage[]> {
  if (ids.length === 0) return []
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(and(anyOf(messages.id, ids), owned(ctx)))
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
