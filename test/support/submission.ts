import type { Submission } from '../../src/runtime/rpc'
import type { TurnRequest } from '../../src/runtime/types'

/** A request with one user message. */
export function submission(
  text: string,
  overrides: Partial<TurnRequest> & { conversation_id?: string | null; key?: string; otid?: string } = {},
): Submission {
  const { conversation_id = null, key = null, otid = null, ...request } = overrides
  return {
    conversation_id,
    idempotency_key: key,
    request: {
      approval: null,
      client_tools: [],
      client_skills: [],
      input: [{ role: 'user', content: [{ type: 'text', text }], name: null, otid, sender_id: null, group_id: null }],
      max_steps: 50,
      override_model: null,
      override_system: null,
      stream_tokens: false,
      background: false,
      callback_url: null,
      include_return_message_types: null,
      assistant_tool: { name: 'send_message', argument: 'message' },
      run_type: 'send_message',
      ...request,
    },
  }
}
