import type { PromptInput } from '../../src/runtime/prompt'
import type { AgentConfig } from '../../src/runtime/types'
import { messages } from './messages'
import type { Store } from './store'

/** What the system message of a context shows, now. */
export const promptInput = (store: Store, conversation_id: string | null, config: AgentConfig): PromptInput => ({
  agent_id: config.id,
  agent_type: config.agent_type,
  conversation_id,
  system: config.system,
  provider_type: config.model.split('/')[0] ?? '',
  timezone: config.timezone,
  blocks: config.blocks,
  tool_rules: config.tool_rules,
  folders: config.folders,
  file_limits: config.file_limits,
  previous_messages: messages.recallCount(store, conversation_id),
  archival_memories: config.archival_memories,
  compiled_at: store.now(),
})
