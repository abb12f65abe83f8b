import { partOtid } from '../lib/id'
import { approvalRequestId } from './approvals'
import type { ModelDelta } from './model'
import { type Addition, addDelta, type Draft } from './response'
import type { ContentPart } from './types'
import type { BaseField } from './wire'
import type { LettaMessage, WireToolCall, WireToolCallDelta } from './wire-schema'

/** The response that deltas belong to. */
export interface DeltaContext {
  message_id: string
  run_id: string | null
  step_id: string | null
  /** ISO-8601. */
  date: string
}

/**
 * Adds a delta to the draft, and returns what a token stream shows of it. The pieces of one part share `id` and `otid`, which are
 * those that `toWire` gives the part once the draft is stored, so that `fold` makes the stored messages of them.
 */
export function deltaMessages(context: DeltaContext, draft: Draft, delta: ModelDelta): LettaMessage[] {
  const added = addDelta(draft, delta)
  if (!added) return []
  return added.type === 'part' ? partMessages(context, added) : [callMessage(context, draft, added)]
}

const baseOf = (context: DeltaContext, id: string, otid: string): Pick<LettaMessage, BaseField> => ({
  id,
  date: context.date,
  name: null,
  otid,
  sender_id: null,
  step_id: context.step_id,
  is_err: null,
  seq_id: null,
  run_id: context.run_id,
})

function partMessages(context: DeltaContext, { index, part }: Extract<Addition, { type: 'part' }>): LettaMessage[] {
  // Calls have one place, before what is said after them.
  const base = baseOf(context, context.message_id, partOtid(context.message_id, part.after_calls ? index + 1 : index))
  if (part.type === 'text') return [{ ...base, message_type: 'assistant_message', content: part.text }]
  if (part.type === 'redacted_reasoning') {
    return [{ ...base, message_type: 'hidden_reasoning_message', state: 'redacted', hidden_reasoning: part.data }]
  }
  if (part.type !== 'reasoning') return []
  const { reasoning, signature } = part
  return [{ ...base, message_type: 'reasoning_message', source: 'reasoner_model', reasoning, signature: signature ?? null }]
}

function callMessage(context: DeltaContext, draft: Draft, added: Extract<Addition, { type: 'call' }>): LettaMessage {
  const call = draft.calls[added.index]
  const tool_call_id = call?.id ?? ''
  if (call?.waits) {
    const id = approvalRequestId(context.message_id)
    const piece = { name: added.name, arguments: added.arguments === '' ? null : added.arguments, tool_call_id }
    return { ...baseOf(context, id, id), message_type: 'approval_request_message', tool_call: piece, tool_calls: piece }
  }
  const before = draft.content.filter((part: ContentPart) => !part.after_calls).length
  const piece: WireToolCallDelta = {
    ...(added.name === null ? {} : { name: added.name }),
    ...(added.arguments === '' ? {} : { arguments: added.arguments }),
    tool_call_id,
  }
  const name = draft.calls.find((each) => !each.waits)?.name ?? null
  const base = { ...baseOf(context, context.message_id, partOtid(context.message_id, before)), name }
  return { ...base, message_type: 'tool_call_message', tool_call: piece, tool_calls: piece }
}

/** Whole messages from the pieces of a token stream: pieces of one `id` and `otid` are joined, whole messages stay as they are. */
export function fold(messages: LettaMessage[]): LettaMessage[] {
  const whole = new Map<string, LettaMessage>()
  for (const message of messages) {
    const key = `${message.id} ${message.otid}`
    const before = whole.get(key)
    whole.set(key, complete(before ? join(before, message) : message))
  }
  return [...whole.values()]
}

function join(before: LettaMessage, next: LettaMessage): LettaMessage {
  if (before.message_type === 'assistant_message' && next.message_type === 'assistant_message') {
    const { content } = next
    if (typeof before.content === 'string' && typeof content === 'string') return { ...before, content: before.content + content }
  }
  if (before.message_type === 'reasoning_message' && next.message_type === 'reasoning_message') {
    return { ...before, reasoning: before.reasoning + next.reasoning, signature: next.signature ?? before.signature }
  }
  if ('tool_calls' in before && 'tool_calls' in next && !Array.isArray(next.tool_calls)) {
    return { ...before, tool_calls: joinCalls([...piecesOf(before), ...piecesOf(next)]) }
  }
  return next
}

type CallMessage = Extract<LettaMessage, { tool_calls: unknown }>

const piecesOf = ({ tool_call, tool_calls }: CallMessage): WireToolCallDelta[] => [tool_calls ?? tool_call].flat()

function joinCalls(pieces: WireToolCallDelta[]): WireToolCall[] {
  const calls = new Map<string, WireToolCall>()
  for (const piece of pieces) {
    const tool_call_id = piece.tool_call_id ?? ''
    const call = calls.get(tool_call_id) ?? { name: '', arguments: '', tool_call_id }
    calls.set(tool_call_id, { ...call, name: piece.name ?? call.name, arguments: call.arguments + (piece.arguments ?? '') })
  }
  return [...calls.values()]
}

/** A message with calls in its whole form, with the first call in `tool_call`. */
function complete(message: LettaMessage): LettaMessage {
  if (!('tool_calls' in message)) return message
  const tool_calls = joinCalls(piecesOf(message))
  return { ...message, tool_call: tool_calls[0] ?? message.tool_call, tool_calls }
}
