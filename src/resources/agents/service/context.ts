import type { Ctx } from '../../../context'
import { estimateTokens } from '../../../runtime/request'
import { resolveConversation } from '../../conversations/service'
import { internalMessage } from '../../messages/internal'
import { messagesByIds, type StoredMessage } from '../../messages/service'
import { agentObject } from '../object'
import type { ContextWindowOverview } from '../schema'

/** Tokens of a message's own text, calls and results. */
const tokensOf = (row: StoredMessage) => estimateTokens(JSON.stringify([row.content, row.tool_calls, row.tool_returns]))

/** What the model would be sent now in a context of the agent, part by part, with an estimate of its tokens. */
export async function contextOf(ctx: Ctx, agentId: string, conversationId: string | undefined): Promise<ContextWindowOverview> {
  const { conversation_id } = await resolveConversation(ctx, conversationId ?? agentId, agentId)
  const report = await agentObject(ctx, agentId).context(conversation_id)
  const rows = await messagesByIds(ctx, report.message_ids)
  const system = [report.system, report.metadata].filter(Boolean).join('\n\n')
  const said = rows.filter((row, i) => row.role !== 'system' && !(i === 1 && row.role === 'summary'))
  const tokens = {
    num_tokens_external_memory_summary: 0,
    num_tokens_system: estimateTokens(system),
    num_tokens_core_memory: estimateTokens(report.core_memory),
    num_tokens_memory_filesystem: 0,
    num_tokens_tool_usage_rules: estimateTokens(report.tool_usage_rules),
    num_tokens_directories: estimateTokens(report.directories),
    num_tokens_summary_memory: report.summary === null ? 0 : estimateTokens(report.summary),
    num_tokens_functions_definitions: report.functions.length > 0 ? estimateTokens(JSON.stringify(report.functions)) : 0,
    num_tokens_messages: said.reduce((sum, row) => sum + tokensOf(row), 0),
  }
  return {
    context_window_size_max: report.context_window,
    context_window_size_current: Object.values(tokens).reduce((sum, each) => sum + each, 0),
    num_messages: rows.length,
    num_archival_memory: report.num_archival_memory,
    num_recall_memory: report.num_recall_memory,
    external_memory_summary: report.metadata,
    system_prompt: system,
    core_memory: report.core_memory,
    memory_filesystem: null,
    tool_usage_rules: report.tool_usage_rules || null,
    directories: report.directories || null,
    summary_memory: report.summary,
    functions_definitions: report.functions.length > 0 ? report.functions.map((each) => ({ type: 'function', function: each })) : null,
    messages: rows.map(internalMessage),
    ...tokens,
  }
}
