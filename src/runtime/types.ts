import type { ToolRule } from './tool-rules-schema'

/** The vocabulary of a running agent. Shapes that are stored or sent are snake_case, as on the wire (Letta API v1). */

export const roles = ['system', 'user', 'assistant', 'tool', 'approval', 'summary'] as const
export type Role = (typeof roles)[number]

export type ImageSource =
  | { type: 'url'; url: string }
  | { type: 'base64'; media_type: string; data: string; detail?: string | null }
  | { type: 'letta'; file_id: string; media_type?: string | null; data?: string | null; detail?: string | null }

/**
 * A part of a stored message. Reasoning parts keep what the provider needs to be shown them again; `after_calls` marks a part
 * that the model wrote after the tool calls of the same response.
 */
export type ContentPart = (
  | { type: 'text'; text: string; signature?: string | null }
  | { type: 'image'; source: ImageSource }
  | { type: 'reasoning'; reasoning: string; is_native: boolean; signature?: string | null }
  | { type: 'redacted_reasoning'; data: string }
  | { type: 'omitted_reasoning'; signature?: string | null }
) & { after_calls?: true }

/** A call as the model made it. `arguments` is the JSON text that it wrote, kept even when it is malformed. */
export interface ToolCall {
  id: string
  name: string
  arguments: string
  /** Opaque provider data that must be replayed with the call (for example a thought signature). */
  signature?: string | null
  /** The argument that holds what the agent says: clients see this call as an assistant message, and its return not at all. */
  speaks?: string
  /** True for a call that waits for an answer from outside: somebody's approval, or the result of a tool that the client runs. */
  waits?: true
}

export type ToolStatus = 'success' | 'error'

export interface ToolReturn {
  tool_call_id: string
  name: string
  status: ToolStatus
  /** What the model reads. */
  content: string
  /** Images that came with the text; models that take none in results are told of them. */
  images?: ImageSource[]
  stdout?: string[] | null
  stderr?: string[] | null
  /** True when a rule or a person kept the call from being carried out: it does not count as a use of the tool. */
  refused?: true
  /** True for the return of a call that speaks. */
  speaks?: true
}

/** What a client answers to one waiting call: a decision, or the result of a tool that it ran. */
export interface Approval {
  type: 'approval' | 'tool'
  tool_call_id: string
  approve?: boolean
  reason?: string | null
  tool_return?: string
  images?: ImageSource[]
  status?: ToolStatus
  stdout?: string[] | null
  stderr?: string[] | null
}

/** The part of a request that answers the calls which wait. */
export interface ApprovalAnswer {
  /** One for each call. In the deprecated single form `tool_call_id` may be the id of the approval request, which means all of its calls. */
  approvals: Approval[]
  otid: string | null
  group_id: string | null
}

/** A tool that the sender of a request runs itself. */
export interface ClientTool {
  name: string
  description: string | null
  /** JSON schema of the arguments object. */
  parameters: Record<string, unknown>
}

/** Something that the sender of a request knows how to do, told to the model for that request only. */
export interface ClientSkill {
  name: string
  description: string
  /** Path of the skill. */
  location: string
}

/** A message as it is stored, in the object and in D1. */
export interface Message {
  id: string
  agent_id: string
  /** null: the agent's own context, called `default`. */
  conversation_id: string | null
  /** Dense per agent, from 1. */
  sequence_id: number
  role: Role
  content: ContentPart[]
  tool_calls: ToolCall[]
  tool_returns: ToolReturn[]
  approvals: Approval[]
  model: string | null
  name: string | null
  otid: string | null
  sender_id: string | null
  group_id: string | null
  step_id: string | null
  run_id: string | null
  is_err: boolean | null
  /** ISO-8601. */
  created_at: string
  created_by_id: string | null
}

export const runStatuses = ['created', 'running', 'completed', 'failed', 'cancelled'] as const
export type RunStatus = (typeof runStatuses)[number]

export const stepStatuses = ['pending', 'success', 'failed', 'cancelled'] as const
export type StepStatus = (typeof stepStatuses)[number]

export const stopReasons = [
  'end_turn',
  'error',
  'llm_api_error',
  'invalid_llm_response',
  'invalid_tool_call',
  'max_steps',
  'max_tokens_exceeded',
  'no_tool_call',
  'tool_rule',
  'cancelled',
  'insufficient_credits',
  'requires_approval',
  'context_window_overflow_in_system_prompt',
] as const
export type StopReason = (typeof stopReasons)[number]

/** The run status that each stop reason means. */
export function statusOf(stop: StopReason): Extract<RunStatus, 'completed' | 'failed' | 'cancelled'> {
  if (stop === 'cancelled') return 'cancelled'
  return stop === 'end_turn' || stop === 'max_steps' || stop === 'tool_rule' || stop === 'requires_approval' ? 'completed' : 'failed'
}

/** Tokens of one model call, or their sum over a run. Null: the provider did not say. */
export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  cached_input_tokens: number | null
  cache_write_tokens: number | null
  reasoning_tokens: number | null
}

export const noUsage: Usage = {
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: null,
  cache_write_tokens: null,
  reasoning_tokens: null,
}

const plus = (a: number | null, b: number | null): number | null => (a === null && b === null ? null : (a ?? 0) + (b ?? 0))

export const addUsage = (a: Usage, b: Usage): Usage => ({
  prompt_tokens: a.prompt_tokens + b.prompt_tokens,
  completion_tokens: a.completion_tokens + b.completion_tokens,
  total_tokens: a.total_tokens + b.total_tokens,
  cached_input_tokens: plus(a.cached_input_tokens, b.cached_input_tokens),
  cache_write_tokens: plus(a.cache_write_tokens, b.cache_write_tokens),
  reasoning_tokens: plus(a.reasoning_tokens, b.reasoning_tokens),
})

/** One item of a request's input. */
export interface InputMessage {
  role: 'user' | 'system' | 'assistant'
  content: ContentPart[]
  name: string | null
  otid: string | null
  sender_id: string | null
  group_id: string | null
}

/** A request to an agent, validated: what a run keeps so that it can be taken up after a crash. */
export interface TurnRequest {
  /** Null, or the answer to what waits; `input` then follows the results of the calls. */
  approval: ApprovalAnswer | null
  input: InputMessage[]
  /** Tools and skills of the client for this request only; a tool stands in for the agent's of the same name. */
  client_tools: ClientTool[]
  client_skills: ClientSkill[]
  max_steps: number
  /** Handle of the model for this request only. */
  override_model: string | null
  /** System prompt for this request only. */
  override_system: string | null
  /** Log token deltas instead of whole messages. */
  stream_tokens: boolean
  background: boolean
  callback_url: string | null
  include_return_message_types: string[] | null
  /** The tool and argument through which agents of the older types speak; null shows their calls as calls. */
  assistant_tool: { name: string; argument: string } | null
  run_type: string
}

/** A tool as an agent sees it. */
export interface Tool {
  id: string
  name: string
  tool_type: string
  description: string | null
  /** JSON schema of the arguments object. */
  parameters: Record<string, unknown>
  source_type: string
  source_code: string | null
  return_char_limit: number
  enable_parallel_execution: boolean
  /** True for a tool that the client runs. */
  client?: true
}

/** A block as an agent sees it. */
export interface Block {
  id: string
  label: string
  description: string | null
  value: string
  limit: number
  read_only: boolean
  version: number
}

/** A folder as an agent sees it. */
export interface Folder {
  name: string
  description: string | null
  instructions: string | null
  /** Open ones first, then the closed, by name. `version` differs after every change of what the agent sees. */
  files: { name: string; is_open: boolean; visible_content: string | null; version: number }[]
}

/** An agent as a turn needs it: read from D1 at the start of every step. */
export interface AgentConfig {
  id: string
  organization_id: string
  agent_type: string
  system: string
  timezone: string
  model: string
  model_settings: Record<string, unknown> | null
  context_window: number
  response_format: Record<string, unknown> | null
  compaction_settings: Record<string, unknown> | null
  tool_rules: ToolRule[]
  message_buffer_autoclear: boolean
  /** How many passages its archive holds. */
  archival_memories: number
  /** In prompt order; in a conversation its isolated blocks stand in for the agent's of the same label. */
  blocks: Block[]
  tools: Tool[]
  tags: string[]
  /** By name. */
  folders: Folder[]
  /** How many files of the folders may be open, and how many characters of each are shown. */
  file_limits: { max_open: number; view: number }
}
