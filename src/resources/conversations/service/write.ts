import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { createOnce } from '../../../db/once'
import { insertRows, type Row } from '../../../db/rows'
import { statement } from '../../../db/statement'
import { AppError } from '../../../lib/errors'
import { instantOf } from '../../../lib/query'
import { iso } from '../../../lib/time'
import { agentObject } from '../../agents/object'
import { assertAgent } from '../../agents/service/exists'
import { blockService, blocksOfAgents, newBlocks, removeBlocks, writerOf } from '../../blocks/service'
import { type blocks, blocksConversations } from '../../blocks/table'
import { describeHandle } from '../../providers/models'
import type { Conversation, ConversationCreate, ConversationUpdate, ForkQuery } from '../schema'
import { conversations } from '../table'
import { type ConversationRow, getConversation, isolatedBlocks, rows } from './read'
import { resolveConversation } from './resolve'

type Source = Row<typeof blocks> & { tags: string[] }

/** Stores a conversation and its copies of blocks, in one batch. */
async function store(ctx: Ctx, id: string, values: Partial<ConversationRow> & { agent_id: string }, sources: Source[]): Promise<void> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const row = { ...values, id, organization_id, created_by_id: user_id, last_updated_by_id: user_id }
  const copies = newBlocks(
    d1,
    writerOf(ctx),
    sources.map(({ label, value, description, limit, metadata, read_only, tags, hidden, project_id }) => ({
      ...{ label, value, description, limit, metadata, read_only, tags, hidden, project_id },
    })),
  )
  const links = copies.rows.map((copy, i) => ({
    conversation_id: id,
    block_id: copy.id,
    block_label: copy.label,
    source_block_id: sources[i]?.id ?? null,
    source_version: sources[i]?.version ?? null,
  }))
  await d1.batch([
    insertRows(d1, conversations, [row]),
    ...copies.statements,
    ...(links.length > 0 ? [insertRows(d1, blocksConversations, links)] : []),
  ])
}

/** Takes back a conversation whose agent could not open it: nothing of it stays. */
async function discard(ctx: Ctx, id: string): Promise<void> {
  const d1 = ctx.env.DB
  const copies = '(select block_id from blocks_conversations where conversation_id = ?1)'
  await d1.batch([
    d1.prepare(`delete from block where id in ${copies}`).bind(id),
    d1.prepare('delete from conversations where id = ?1').bind(id),
  ])
}

/** Stores a conversation and opens it in the agent's object; when that refuses, the conversation is taken back. */
function created(
  ctx: Ctx,
  values: Partial<ConversationRow> & { agent_id: string },
  sources: Source[],
  open: (id: string) => Promise<unknown>,
): Promise<Conversation> {
  const make = async (id: string) => {
    await store(ctx, id, values, sources)
    try {
      await open(id)
    } catch (error) {
      await discard(ctx, id)
      throw error
    }
    return getConversation(ctx, id)
  }
  const finish = async (id: string) => {
    await rows.get(ctx, id)
    await open(id)
    return getConversation(ctx, id)
  }
  return createOnce(ctx, 'conversation', make, finish)
}

export async function createConversation(ctx: Ctx, agentId: string, input: ConversationCreate): Promise<Conversation> {
  const { isolated_block_labels, ...values } = input
  await assertAgent(ctx, agentId)
  if (input.model) await describeHandle(ctx, input.model)
  const labels = [...new Set(isolated_block_labels ?? [])]
  const attached = labels.length > 0 ? ((await blocksOfAgents(ctx, [agentId])).get(agentId) ?? []) : []
  const sources = labels.map((label) => {
    const block = attached.find((one) => one.label === label)
    if (!block)
      throw new AppError(
        'bad_request',
        `isolated_block_labels: agent '${agentId}' has no block labelled '${label}'. Attach one first, or leave the label out.`,
      )
    return block
  })
  return created(ctx, { ...values, agent_id: agentId }, sources, (id) => agentObject(ctx, agentId).open(id))
}

/** A new conversation that shares the context of another, with a system message and isolated blocks of its own. */
export async function forkConversation(ctx: Ctx, from: string, query: ForkQuery): Promise<Conversation> {
  const { agent_id, conversation_id } = await resolveConversation(ctx, from, query.agent_id)
  const origin = conversation_id === null ? null : await rows.get(ctx, conversation_id)
  const links = conversation_id === null ? [] : ((await isolatedBlocks(ctx, [conversation_id])).get(conversation_id) ?? [])
  const sources = await Promise.all(links.map((link) => blockService.get(ctx, link.block_id)))
  const { model = null, model_settings = null, context_window_limit = null } = origin ?? {}
  const values = { agent_id, model, model_settings, context_window_limit, hidden: query.hidden ?? null }
  return created(ctx, values, sources, (id) => agentObject(ctx, agent_id).fork(conversation_id, id, query.message_id ?? null))
}

export async function updateConversation(ctx: Ctx, id: string, input: ConversationUpdate): Promise<Conversation> {
  const { archived, last_message_at, ...values } = input
  if (input.model) await describeHandle(ctx, input.model)
  const before = await rows.get(ctx, id)
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value != null))
  const archivedAt = archived === true ? (before.archived_at ?? iso(Date.now())) : null
  await rows.update(ctx, id, {
    ...given,
    ...(archived == null ? {} : { archived_at: archivedAt }),
    ...(last_message_at ? { last_message_at: iso(instantOf(last_message_at)) } : {}),
  })
  return getConversation(ctx, id)
}

/** Messages that only this conversation shows, and its links, gone from every list. */
function forget(d1: D1Database, id: string): D1PreparedStatement[] {
  return [
    d1.prepare('update conversation_messages set is_deleted = 1 where conversation_id = ?1 and is_deleted = 0').bind(id),
    d1
      .prepare(
        `update messages set is_deleted = 1 where is_deleted = 0
          and id in (select message_id from conversation_messages where conversation_id = ?1)
          and conversation_id in (select id from conversations where id = ?1 or is_deleted = 1)
          and not exists (select 1 from conversation_messages other where other.message_id = messages.id and other.is_deleted = 0)`,
      )
      .bind(id),
  ]
}

/**
 * Soft delete: the conversation, the messages that no other conversation shows, and its isolated blocks, in one batch. Runs in progress
 * are cancelled; what they still wrote is swept after them.
 */
export async function removeConversation(ctx: Ctx, id: string): Promise<void> {
  const d1 = ctx.env.DB
  const [{ agent_id }, isolated] = await Promise.all([rows.get(ctx, id), isolatedBlocks(ctx, [id])])
  const copies = (isolated.get(id) ?? []).map((link) => link.block_id)
  const gone = { is_deleted: true, last_updated_by_id: ctx.actor.user_id }
  await d1.batch([
    statement(
      d1,
      ctx.db
        .update(conversations)
        .set(gone)
        .where(and(eq(conversations.id, id), eq(conversations.is_deleted, false))),
    ),
    ...removeBlocks(d1, ctx.actor, copies),
    ...forget(d1, id),
  ])
  await agentObject(ctx, agent_id).closeConversation(id)
  await d1.batch(forget(d1, id))
}
