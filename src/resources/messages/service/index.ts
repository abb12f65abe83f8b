import { eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../../context'
import { repository } from '../../../db/repository'
import { AppError } from '../../../lib/errors'
import { idPattern } from '../../../lib/id'
import type { Page } from '../../../lib/page'
import type { RunState } from '../../../runtime/rpc'
import { filterTypes, toWire } from '../../../runtime/wire'
import type { LettaMessage } from '../../../runtime/wire-schema'
import { agentObject } from '../../agents/object'
import { assertAgent } from '../../agents/service/exists'
import { type Context, resolveConversation } from '../../conversations/service'
import { groupService } from '../../groups/service'
import { runService } from '../../runs/service'
import { stepService } from '../../steps/service'
import type {
  AgentMessagesQuery,
  ConversationMessagesQuery,
  GroupMessagesQuery,
  MessagesQuery,
  ResumeRequest,
  RunMessagesQuery,
} from '../schema'
import { messages } from '../table'
import {
  listAgentMessages,
  listAllMessages,
  listConversationMessages,
  listGroupMessages,
  listRunMessages,
  listStepMessages,
  type StoredMessage,
} from './list'

export { messagesByIds, type StoredMessage } from './list'
export { searchMessages, searchMessagesOlder } from './search'
export { failureOf, persistently, type Reading, responseOf, type Sending, send, streamRun, submit } from './send'

const rows = repository(messages, 'Message')

/** Summaries are shown as user messages to clients that have not asked for what they are. */
const asSummary = (query: { include_return_message_types?: string[] | undefined; include_compaction_messages?: boolean | undefined }) =>
  query.include_compaction_messages ?? query.include_return_message_types?.includes('summary_message') ?? false

/** Stored messages as clients see them: newest first also among the parts of one when the list is. */
const shown = (
  stored: StoredMessage[],
  query: {
    order?: Page['order']
    include_return_message_types?: string[] | undefined
    include_compaction_messages?: boolean | undefined
  } = {},
) =>
  filterTypes(
    stored.flatMap((message): LettaMessage[] => {
      const parts = toWire(message, { summaryAsUser: !asSummary(query) })
      return query.order === 'desc' ? parts.toReversed() : parts
    }),
    query.include_return_message_types,
  )

/** Messages, as D1 has them. A page counts stored messages, each of which is shown as one or more. */
export const messageService = {
  /** Messages of an agent: of all its conversations, of one, or of its own context (`default`). */
  async ofAgent(ctx: Ctx, agentId: string, query: z.output<typeof AgentMessagesQuery>): Promise<LettaMessage[]> {
    const { conversation_id } = query
    if (conversation_id !== undefined && conversation_id !== 'default' && conversation_id !== agentId) {
      if (!idPattern('conversation').test(conversation_id))
        throw new AppError('invalid', `conversation_id: '${conversation_id}' is neither 'default' nor the id of a conversation`)
      return messageService.ofConversation(ctx, conversation_id, { ...query, agent_id: agentId })
    }
    const only = conversation_id === undefined ? null : { conversation_id: null }
    const [stored] = await Promise.all([listAgentMessages(ctx, agentId, only, query), assertAgent(ctx, agentId)])
    return shown(stored, query)
  },

  async ofConversation(ctx: Ctx, id: string, query: z.output<typeof ConversationMessagesQuery>): Promise<LettaMessage[]> {
    const { agent_id, conversation_id } = await resolveConversation(ctx, id, query.agent_id)
    const stored = await (conversation_id === null
      ? listAgentMessages(ctx, agent_id, { conversation_id }, query)
      : listConversationMessages(ctx, { agent_id, conversation_id }, query))
    return shown(stored, query)
  },

  async ofRun(ctx: Ctx, runId: string, query: z.output<typeof RunMessagesQuery>): Promise<LettaMessage[]> {
    const [stored] = await Promise.all([listRunMessages(ctx, runId, query), runService.row(ctx, runId)])
    return shown(stored, query)
  },

  async ofStep(ctx: Ctx, stepId: string, query: z.output<typeof RunMessagesQuery>): Promise<LettaMessage[]> {
    const [stored] = await Promise.all([listStepMessages(ctx, stepId, query), stepService.row(ctx, stepId)])
    return shown(stored, query)
  },

  /** Messages that were sent for a group, and the replies to them, whichever agent has them. */
  async ofGroup(ctx: Ctx, groupId: string, query: z.output<typeof GroupMessagesQuery>): Promise<LettaMessage[]> {
    const [stored] = await Promise.all([listGroupMessages(ctx, groupId, query), groupService.exists(ctx, groupId)])
    return shown(stored, query)
  },

  /** Messages of the whole organization. */
  async all(ctx: Ctx, query: z.output<typeof MessagesQuery>): Promise<LettaMessage[]> {
    const { conversation_id } = query
    if (conversation_id !== undefined) return messageService.ofConversation(ctx, conversation_id, query)
    return shown(await listAllMessages(ctx, query), query)
  },

  /** The parts of one stored message. */
  get: async (ctx: Ctx, id: string): Promise<LettaMessage[]> => shown([await rows.get(ctx, id)]),

  /** Throws 404 unless the message is the agent's. */
  async assertOfAgent(ctx: Ctx, agentId: string, id: string): Promise<void> {
    const [found] = await ctx.db
      .select({ id: messages.id })
      .from(messages)
      .where(rows.owned(ctx, eq(messages.id, id), eq(messages.agent_id, agentId)))
    if (!found) throw new AppError('not_found', `Message '${id}' of agent '${agentId}' not found`)
  },

  /** Throws 404 unless the message is the group's. */
  async assertOfGroup(ctx: Ctx, groupId: string, id: string): Promise<void> {
    await groupService.exists(ctx, groupId)
    const [found] = await ctx.db
      .select({ id: messages.id })
      .from(messages)
      .where(rows.owned(ctx, eq(messages.id, id), eq(messages.group_id, groupId)))
    if (!found) throw new AppError('not_found', `Message '${id}' of group '${groupId}' not found`)
  },

  /** Deletes the messages of a group, and takes them out of the contexts of the agents that have them. */
  async resetGroup(ctx: Ctx, groupId: string): Promise<void> {
    await groupService.exists(ctx, groupId)
    const ofGroup = rows.owned(ctx, eq(messages.group_id, groupId))
    const having = await ctx.db.selectDistinct({ agent_id: messages.agent_id }).from(messages).where(ofGroup)
    for (const { agent_id } of having) await agentObject(ctx, agent_id).dropGroup(groupId)
    await ctx.db.update(messages).set({ is_deleted: true, last_updated_by_id: ctx.actor.user_id }).where(ofGroup)
  },

  /** Cuts the agent's own context back to its system message; the messages stay in the history. */
  reset: (ctx: Ctx, agentId: string) => agentObject(ctx, agentId).reset([]),

  cancel: (ctx: Ctx, agentId: string, run_ids: string[] | null | undefined): Promise<Record<string, string>> =>
    agentObject(ctx, agentId).cancel(run_ids?.length ? { run_ids } : {}),

  /** The run that a reader asks for: by its id, by the otid of a message, else the latest in progress of the context. */
  async runToResume(ctx: Ctx, { agent_id, conversation_id }: Context, request: ResumeRequest): Promise<Pick<RunState, 'id' | 'agent_id'>> {
    if (request.run_id) {
      const run = await runService.row(ctx, request.run_id)
      if (run.agent_id !== agent_id || run.conversation_id !== conversation_id)
        throw new AppError('not_found', `Run '${request.run_id}' of this conversation not found`)
      return run
    }
    const found = await agentObject(ctx, agent_id).find({ conversation_id, otid: request.otid ?? null })
    if (found && found.conversation_id === conversation_id) return found
    if (request.otid) throw new AppError('not_found', `No run of this conversation answers a message with otid '${request.otid}'`)
    throw new AppError('bad_request', 'No active runs found for this conversation.')
  },
}
