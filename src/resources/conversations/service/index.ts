import type { Ctx } from '../../../context'
import { agentObject } from '../../agents/object'
import { getConversation, listConversations } from './read'
import { resolveConversation } from './resolve'
import { createConversation, forkConversation, removeConversation, updateConversation } from './write'

export { type Context, conversationKey, resolveConversation } from './resolve'

/** Conversations. What a conversation shows of its agent's running state comes from the agent's object. */
export const conversationService = {
  list: listConversations,
  get: getConversation,
  create: createConversation,
  update: updateConversation,
  remove: removeConversation,
  fork: forkConversation,

  /** The text of the system message, compiled now; stored unless `dry_run`. */
  async recompile(ctx: Ctx, id: string, agentId: string | null | undefined, dry_run: boolean): Promise<string> {
    const { agent_id, conversation_id } = await resolveConversation(ctx, id, agentId)
    return agentObject(ctx, agent_id).recompile(conversation_id, { dry_run })
  },

  /** Cancels what is in progress in the conversation; a conflict when nothing is. */
  async cancel(ctx: Ctx, id: string, agentId: string | undefined): Promise<Record<string, string>> {
    const { agent_id, conversation_id } = await resolveConversation(ctx, id, agentId)
    return agentObject(ctx, agent_id).cancel({ conversation_id })
  },
}
