import type { Message, ToolCall, Usage } from './types'

/** What a model is asked. Every tool call in `messages` has exactly one result: `repair` saw to that. */
export interface ModelRequest {
  system: string
  messages: Message[]
  tools: { name: string; description: string | null; parameters: Record<string, unknown> }[]
  tool_choice: { type: 'auto' } | { type: 'required' } | { type: 'tool'; name: string }
  /** Model settings of the agent: temperature, max_output_tokens, parallel_tool_calls, provider specifics (reference: Letta `model_settings`). */
  settings: Record<string, unknown>
  response_format: Record<string, unknown> | null
}

/** What a model says, in order. `id` tells parallel parts of one kind apart within a response. */
export type ModelDelta =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; reasoning: string; signature?: string | null }
  | { type: 'redacted_reasoning'; data: string }
  | { type: 'tool_call_start'; id: string; name: string }
  | { type: 'tool_call_delta'; id: string; arguments: string }
  | { type: 'tool_call'; call: ToolCall }
  | { type: 'finish'; reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other'; usage: Usage }

/** One language model behind a handle such as `openai/gpt-4o`. */
export interface Model {
  handle: string
  provider_name: string
  /** `byok` for a provider that the organization brought its own key for, which `provider_id` names; `base` unless said. */
  provider_category?: 'base' | 'byok'
  provider_id?: string
  /** The provider's own name of the model. */
  name: string
  endpoint: string | null
  context_window: number
  /**
   * Streams one response. Throws `ModelError`; honours `signal` by throwing its reason.
   * A response always ends with one `finish`. `sent` is told the body that the provider was sent, where that is known.
   */
  stream(request: ModelRequest, signal: AbortSignal, sent?: (body: Record<string, unknown>) => void): AsyncIterable<ModelDelta>
}

export const modelErrorTypes = [
  'llm_timeout',
  'llm_rate_limit',
  'llm_authentication',
  'llm_bad_request',
  'llm_insufficient_credits',
  'llm_permission_denied',
  'llm_not_found',
  'llm_empty_response',
  'context_window_exceeded',
  'llm_error',
] as const
export type ModelErrorType = (typeof modelErrorTypes)[number]

/** A failed model call. `transient` failures are worth another try, after `retryAfterMs` when the provider said so. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  constructor(
    readonly type: ModelErrorType,
    message: string,
    readonly options: { transient: boolean; retryAfterMs?: number | null; status?: number | null; detail?: string | null } = {
      transient: false,
    },
  ) {
    super(message)
  }
}

/** Finds the model of a handle. Throws an AppError: `not_found` for an unknown handle, `bad_request` naming the missing key. */
export type ModelCatalog = (handle: string) => Model
