import type { Ctx } from '../../context'
import type { CompactionResult } from '../../runtime/rpc'
import { agentObject } from '../agents/object'
import { resolveConversation } from '../conversations/service'
import { describeHandle } from '../providers/models'
import type { CompactRequest } from './schema'

/**
 * Puts a summary in the place of older messages of a context. Throws `bad_request` when the context would not get shorter, `conflict` while
 * a turn is running in it.
 */
export async function compact(ctx: Ctx, id: string, request: CompactRequest): Promise<CompactionResult> {
  const settings = request.compaction_settings ?? null
  if (settings?.model) await describeHandle(ctx, settings.model)
  const { agent_id, conversation_id } = await resolveConversation(ctx, id, request.agent_id)
  return agentObject(ctx, agent_id).compact(conversation_id, settings)
}
