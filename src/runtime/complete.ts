import { newId } from '../lib/id'
import { iso, sleep } from '../lib/time'
import { modelFailuresAsErrors } from './failure'
import { type Model, ModelError, type ModelRequest } from './model'
import { addDelta, type Draft, newDraft } from './response'
import { persist } from './retry'
import type { Message, Usage } from './types'

/** A model's whole response to a request that is no step of a run. */
export interface Completion extends Draft {
  usage: Usage
}

/** A message that belongs to no agent's history: of a user, unless told otherwise. */
export const looseMessage = (text: string, more: Partial<Message> = {}): Message => ({
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
  ...more,
})

/** A request for text: no tools, and of the settings none that asks for another form. */
export function textRequest(system: string, messages: Message[], settings: Record<string, unknown>): ModelRequest {
  const { response_format: _, response_schema: __, ...others } = settings
  return { system, messages, tools: [], tool_choice: { type: 'auto' }, settings: others, response_format: null }
}

/** What is asked; a function of the share of its text to send, where there is something to leave out when the provider says it is too much. */
type Asked = ModelRequest | ((share: number) => ModelRequest)

async function answer(model: Model, request: ModelRequest, signal: AbortSignal): Promise<Completion> {
  const draft = newDraft()
  for await (const delta of model.stream(request, signal)) {
    if (delta.type === 'finish') return { ...draft, usage: delta.usage }
    addDelta(draft, delta)
  }
  throw new ModelError('llm_error', 'The model stopped in the middle of its response.', { transient: true })
}

function requestOf(asked: Asked, share: number, model: Model): ModelRequest {
  if (typeof asked === 'function') return asked(share)
  if (share === 1) return asked
  throw new ModelError('context_window_exceeded', `That is more than the model '${model.handle}' can read. Shorten it.`)
}

/**
 * A model's whole response to one request outside of any turn: nothing is stored, and transient failures are tried again a few times.
 * Throws the AppError that the last failure means to a caller, or the signal's reason.
 */
export const complete = (model: Model, asked: Asked, signal: AbortSignal): Promise<Completion> =>
  modelFailuresAsErrors(() => persist((share) => answer(model, requestOf(asked, share, model), signal), { sleep, signal }))

/** The same, of which only the text matters: a response without any counts as a failure that may pass. */
export const completeText = (model: Model, asked: Asked, signal: AbortSignal): Promise<{ text: string; usage: Usage }> =>
  modelFailuresAsErrors(() => {
    const ask = async (share: number) => {
      const { content, usage } = await answer(model, requestOf(asked, share, model), signal)
      const text = content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
      if (text.trim() !== '') return { text, usage }
      throw new ModelError('llm_empty_response', `The model '${model.handle}' answered without any text.`, { transient: true })
    }
    return persist(ask, { sleep, signal })
  })
