import type { Ctx } from '../../../context'
import { repository } from '../../../db/repository'
import { AppError } from '../../../lib/errors'
import { idPattern } from '../../../lib/id'
import { assertAgent } from '../../agents/service/exists'
import { conversations } from '../table'

const rows = repository(conversations, 'Conversation')
const isAgentId = idPattern('agent')

/** A context of an agent: one of its conversations, or (null) its own. */
export interface Context {
  agent_id: string
  conversation_id: string | null
}

/** What a path may name a conversation by: its id, `default`, or (deprecated, the same as `default`) the id of the agent. */
export const conversationKey = new RegExp(`${idPattern('conversation').source}|^default$|${isAgentId.source}`)

/**
 * The context that a conversation id of a path means. `agentId` says whose context `default` is. Throws `not_found` when it is not
 * there, `bad_request` when `default` comes without an agent or the conversation is another agent's.
 */
export async function resolveConversation(ctx: Ctx, id: string, agentId?: string | null): Promise<Context> {
  if (idPattern('conversation').test(id)) {
    const { agent_id } = await rows.get(ctx, id)
    if (agentId && agentId !== agent_id)
      throw new AppError('bad_request', `Conversation '${id}' belongs to agent '${agent_id}', not to '${agentId}'. Leave agent_id out.`)
    return { agent_id, conversation_id: id }
  }
  const agent_id = isAgentId.test(id) ? id : agentId
  if (!agent_id) throw new AppError('bad_request', "The conversation 'default' is an agent's own context: say whose with agent_id.")
  if (!isAgentId.test(agent_id)) throw new AppError('invalid', `agent_id: '${agent_id}' is not the id of an agent`)
  await assertAgent(ctx, agent_id)
  return { agent_id, conversation_id: null }
}
