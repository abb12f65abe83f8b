import type { AgentConfig } from '../../../src/runtime/types'
import { toolNamed } from './tools'

/** An agent as a turn reads it: the scripted model, one block, the built-in tools of these names. */
export const agentConfig = (id: string, toolNames: string[]): AgentConfig => ({
  id,
  organization_id: 'org',
  agent_type: 'letta_v1_agent',
  system: 'Be brief.',
  timezone: 'UTC',
  model: 'loci/scripted',
  model_settings: null,
  context_window: 32_000,
  response_format: null,
  compaction_settings: null,
  tool_rules: [],
  message_buffer_autoclear: false,
  archival_memories: 0,
  tags: [],
  folders: [],
  file_limits: { max_open: 5, view: 15_000 },
  blocks: [{ id: 'block-1', label: 'human', description: null, value: 'Ada', limit: 1000, read_only: false, version: 1 }],
  tools: toolNames.map(toolNamed),
})
