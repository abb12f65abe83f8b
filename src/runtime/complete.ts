import { sleep } from '../lib/time'
import { type Model, ModelError, type ModelRequest } from './model'
import { addDelta, newDraft } from './response'
import { persist } from './retry'
import type { Message, Usage } from './types'

/** What a model said to a request that is no step of a run. */
export interface Completion {
  text: string
  usage: Usage
}

/** A message that is never stored. */
export const plain = (id: string, role: 'user' | 'assistant', text: string): Message => ({
  id,
  agent_id: '',
  conversation_id: null,
  sequence_id: 0,
  role,
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
  created_at: '',
  created_by_id: null,
})

/** A request for text: no tools, and of the settings none that asks for another form. */
export function textRequest(system: string, messages: Message[], settings: Record<string, unknown>): ModelRequest {
  const { response_format: _, response_schema: __, ...others } = settings
  return { system, messages, tools: [], tool_choice: { type: 'auto' }, settings: others, response_format: null }
}

/**
 * Asks a model once, outside any run: nothing is stored, and transient failures are tried again. `request` gets the share of its text to
 * send: less each time the provider says that it was too much. Throws a `ModelError`, also when the model said nothing.
 */
export function complete(model: Model, request: (share: number) => ModelRequest, signal: AbortSignal): Promise<Completion> {
  const ask = async (share: number): Promise<Completion> => {
    const draft = newDraft()
    for await (const delta of model.stream(request(share), signal)) {
      if (delta.type !== 'finish') addDelta(draft, delta)
      else {
        const text = draft.content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
        if (text.trim() !== '') return { text, usage: delta.usage }
        throw new ModelError('llm_empty_response', `The model '${model.handle}' answered without any text.`, { transient: true })
      }
    }
    throw new ModelError('llm_error', 'The model stopped in the middle of its response.', { transient: true })
  }
  return persist(ask, { sleep, signal })
}
