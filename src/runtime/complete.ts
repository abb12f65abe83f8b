import { AppError, type ErrorKind } from '../lib/errors'
import { newId } from '../lib/id'
import { backoff, iso, sleep } from '../lib/time'
import { type Model, ModelError, type ModelErrorType, type ModelRequest } from './model'
import { addDelta, type Draft, newDraft } from './response'
import type { Message } from './types'

const attemptsMax = 3
const retryBaseMs = 500
const retryMaxMs = 5_000

const kinds: Partial<Record<ModelErrorType, ErrorKind>> = {
  llm_timeout: 'llm_timeout',
  llm_rate_limit: 'llm_rate_limit',
  llm_authentication: 'llm_authentication',
  llm_insufficient_credits: 'llm_insufficient_credits',
  llm_bad_request: 'llm_bad_request',
  context_window_exceeded: 'llm_bad_request',
}

/** A user message that belongs to no agent's history. */
export const looseMessage = (text: string): Message => ({
  id: newId('message'),
  agent_id: '',
  conversation_id: null,
  sequence_id: 1,
  role: 'user',
  content: [{ type: 'text', text }],
  tool_calls: [],
  tool_returns: [],
  approvals: [],
  model: null,
  name: null,
  otid: null,
  sender_id: null,
  group_id: null,
  step_id: null,
  run_id: null,
  is_err: null,
  created_at: iso(Date.now()),
  created_by_id: null,
})

/**
 * A model's whole response to one request outside of any turn; transient failures are tried again a few times. Throws the AppError that
 * the last failure means to a caller, or the signal's reason.
 */
export async function complete(model: Model, request: ModelRequest, signal: AbortSignal): Promise<Draft> {
  for (let attempt = 0; ; attempt++) {
    try {
      const draft = newDraft()
      for await (const delta of model.stream(request, signal)) addDelta(draft, delta)
      return draft
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      if (!error.options.transient || attempt + 1 >= attemptsMax)
        throw new AppError(kinds[error.type] ?? 'llm_error', error.message, { error: { type: error.type, message: error.message } })
      await sleep(Math.min(error.options.retryAfterMs ?? backoff(attempt, retryBaseMs, retryMaxMs), retryMaxMs), signal)
    }
  }
}
