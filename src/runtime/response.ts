import type { ModelDelta } from './model'
import type { ContentPart, ToolCall } from './types'

/** A model's response in the making: what it said and called so far, in the form in which it is stored. */
export interface Draft {
  content: ContentPart[]
  calls: ToolCall[]
  /** Whether a call of this tool waits for an answer from outside. */
  waits: (name: string) => boolean
}

export const newDraft = (waits: Draft['waits'] = () => false): Draft => ({ content: [], calls: [], waits })

/** What one delta added to a draft, and to which of its parts or calls. */
export type Addition =
  | { type: 'part'; index: number; part: ContentPart }
  /** `name` is there when the call begins. */
  | { type: 'call'; index: number; name: string | null; arguments: string }

/** Adds a delta to the draft, which it changes, and says what that added; null when it added nothing. */
export function addDelta(draft: Draft, delta: ModelDelta): Addition | null {
  switch (delta.type) {
    case 'text':
      return delta.text === '' ? null : addPart(draft, { type: 'text', text: delta.text })
    case 'reasoning': {
      const { reasoning, signature } = delta
      return reasoning === '' && !signature
        ? null
        : addPart(draft, { type: 'reasoning', reasoning, is_native: true, signature: signature ?? null })
    }
    case 'redacted_reasoning':
      return addPart(draft, { type: 'redacted_reasoning', data: delta.data })
    case 'tool_call_start':
      return addCall(draft, { id: delta.id, name: delta.name, arguments: '' })
    case 'tool_call_delta': {
      const index = draft.calls.findIndex((call) => call.id === delta.id)
      const call = draft.calls[index]
      if (!call || delta.arguments === '') return null
      call.arguments += delta.arguments
      return { type: 'call', index, name: null, arguments: delta.arguments }
    }
    case 'tool_call':
      return addCall(draft, delta.call)
    case 'finish':
      return null
  }
}

/** Text goes on with the text before it, and reasoning with the reasoning before it until that is signed. */
function addPart({ content, calls }: Draft, added: ContentPart): Addition {
  const part: ContentPart = calls.length > 0 ? { ...added, after_calls: true } : added
  const last = content.at(-1)
  const index = content.length - 1
  if (last && last.after_calls === part.after_calls) {
    if (last.type === 'text' && part.type === 'text') {
      last.text += part.text
      return { type: 'part', index, part }
    }
    if (last.type === 'reasoning' && part.type === 'reasoning' && !last.signature) {
      last.reasoning += part.reasoning
      last.signature = part.signature ?? null
      return { type: 'part', index, part }
    }
  }
  content.push({ ...part })
  return { type: 'part', index: index + 1, part }
}

/**
 * Begins a call, or completes one that was streamed. The complete arguments are those that count; where they do not go on from what
 * was streamed (a provider's strict mode rewrites them), what they add cannot be shown.
 */
function addCall({ calls, waits }: Draft, call: ToolCall): Addition | null {
  const index = calls.findIndex((each) => each.id === call.id)
  const known = calls[index]
  if (!known) {
    calls.push({ ...call, ...(waits(call.name) ? { waits: true } : {}) })
    return { type: 'call', index: calls.length - 1, name: call.name, arguments: call.arguments }
  }
  const streamed = known.arguments
  Object.assign(known, call)
  if (call.arguments === streamed || !call.arguments.startsWith(streamed)) return null
  return { type: 'call', index, name: null, arguments: call.arguments.slice(streamed.length) }
}
