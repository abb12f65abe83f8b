import { partOtid } from '../lib/id'
import type { Approval, ContentPart, ImageSource, Message, ToolCall, ToolReturn } from './types'
import { CompactionStats, type LettaMessage, messageTypes, type WireApproval, type WireToolCall, type WireToolReturn } from './wire-schema'

export interface WireOptions {
  /** Shows summaries as user messages, for clients that did not ask for compaction messages. */
  summaryAsUser?: boolean
}

export type BaseField = 'id' | 'date' | 'name' | 'otid' | 'sender_id' | 'step_id' | 'is_err' | 'seq_id' | 'run_id'
type Body<M = LettaMessage> = M extends LettaMessage ? Omit<M, BaseField> & { name?: string | null } : never

/** The messages that clients see of a stored one. They share its id; each has its own `otid`. */
export function toWire(message: Message, options: WireOptions = {}): LettaMessage[] {
  const show = (body: Body, otid: string): LettaMessage => ({ ...baseOf(message, otid), ...body })
  const own = message.otid ?? partOtid(message.id, 0)
  switch (message.role) {
    case 'system':
      return [show({ message_type: 'system_message', content: textOf(message.content) }, own)]
    case 'user':
      return [show({ message_type: 'user_message', content: userContent(message.content) }, own)]
    case 'summary':
      return [show(options.summaryAsUser ? { message_type: 'user_message', content: textOf(message.content) } : summary(message), own)]
    case 'assistant':
      return assistantBodies(message).flatMap((body, i) => (body ? [show(body, partOtid(message.id, i))] : []))
    case 'tool':
      return toolReturn(message).map((body) => show(body, partOtid(message.id, 0)))
    case 'approval':
      return [
        ...saidBodies(message.content).map((body, i) => show(body, partOtid(message.id, i))),
        ...(message.tool_calls.length > 0 ? [show(callsBody('approval_request_message', message.tool_calls), message.id)] : []),
        ...(message.approvals.length > 0 ? [show(approvalResponse(message.approvals), own)] : []),
      ]
  }
}

const isMessageType = (type: string): boolean => messageTypes.some((known) => known === type)

/** The messages of the given types; without types, all. What is no message (pings, stop reason, usage, errors) always passes. */
export const filterTypes = <M extends { message_type: string }>(messages: M[], types: string[] | null | undefined): M[] =>
  types ? messages.filter(({ message_type }) => !isMessageType(message_type) || types.includes(message_type)) : messages

const baseOf = (message: Message, otid: string): Pick<LettaMessage, BaseField> => ({
  id: message.id,
  date: message.created_at,
  name: message.name,
  otid,
  sender_id: message.sender_id,
  step_id: message.step_id,
  is_err: message.is_err ? true : null,
  seq_id: null,
  run_id: message.run_id,
})

const textOf = (content: ContentPart[]): string => content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')

const wireText = (part: Extract<ContentPart, { type: 'text' }>) => ({
  type: 'text' as const,
  text: part.text,
  signature: part.signature ?? null,
})

function wireImage(source: ImageSource) {
  if (source.type === 'url') return source
  if (source.type === 'base64') return { ...source, detail: source.detail ?? null }
  return { ...source, media_type: source.media_type ?? null, data: source.data ?? null, detail: source.detail ?? null }
}

type UserContent = Extract<LettaMessage, { message_type: 'user_message' }>['content']

function userContent(content: ContentPart[]): UserContent {
  const [first, ...others] = content
  if (!first) return ''
  if (others.length === 0 && first.type === 'text') return first.text
  return content.flatMap((part): Exclude<UserContent, string> => {
    if (part.type === 'text') return [wireText(part)]
    return part.type === 'image' ? [{ type: 'image' as const, source: wireImage(part.source) }] : []
  })
}

/** What a model said and called, by index of the otid. Null keeps the place of calls that are in another message. */
function assistantBodies(message: Message): (Body | null)[] {
  const late = saidBodies(message.content.filter((part) => part.after_calls))
  const calls = callBodies(message.tool_calls)
  return [
    ...saidBodies(message.content.filter((part) => !part.after_calls)),
    ...(calls.length === 0 && late.length > 0 ? [null] : calls),
    ...late,
  ]
}

/** Content in order; neighbouring texts are one message. */
function saidBodies(content: ContentPart[]): Body[] {
  const bodies: Body[] = []
  let texts: ReturnType<typeof wireText>[] = []
  for (const part of content) {
    if (part.type === 'text' && part.text === '') continue
    if (part.type !== 'text') texts = []
    if (part.type === 'text') {
      if (texts.push(wireText(part)) > 1) bodies.pop()
      bodies.push({ message_type: 'assistant_message', content: texts.length === 1 ? part.text : texts })
    } else if (part.type === 'reasoning') {
      const source = part.is_native ? 'reasoner_model' : 'non_reasoner_model'
      bodies.push({ message_type: 'reasoning_message', source, reasoning: part.reasoning, signature: part.signature ?? null })
    } else if (part.type === 'redacted_reasoning') {
      bodies.push({ message_type: 'hidden_reasoning_message', state: 'redacted', hidden_reasoning: part.data })
    } else if (part.type === 'omitted_reasoning') {
      bodies.push({ message_type: 'hidden_reasoning_message', state: 'omitted', hidden_reasoning: null })
    }
  }
  return bodies
}

function callBodies(calls: ToolCall[]): Body[] {
  const spoken = calls.map((call) => (call.speaks === undefined ? null : argument(call, call.speaks)))
  const others = calls.filter((_, i) => spoken[i] === null)
  return [
    // Older clients take the tool's name from here.
    ...(others[0] ? [{ ...callsBody('tool_call_message', others), name: others[0].name }] : []),
    ...spoken.flatMap((text): Body[] => (text === null ? [] : [{ message_type: 'assistant_message', content: text }])),
  ]
}

/** A string argument of a call, or null when the arguments are malformed or do not have it. */
function argument(call: ToolCall, name: string): string | null {
  try {
    const value: unknown = JSON.parse(call.arguments)[name]
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

const wireCall = (call: ToolCall): WireToolCall => ({ name: call.name, arguments: call.arguments, tool_call_id: call.id })

function callsBody(message_type: 'tool_call_message' | 'approval_request_message', calls: ToolCall[]): Body {
  const tool_calls = calls.map(wireCall)
  return { message_type, tool_call: tool_calls[0] ?? {}, tool_calls }
}

/** A result as text, or as parts when images came with it. */
const resultContent = (text: string, images: ImageSource[] = []): WireToolReturn['tool_return'] =>
  images.length === 0
    ? text
    : [
        ...(text === '' ? [] : [{ type: 'text' as const, text, signature: null }]),
        ...images.map((source) => ({ type: 'image' as const, source: wireImage(source) })),
      ]

const wireReturn = (each: ToolReturn): WireToolReturn => ({
  type: 'tool',
  tool_return: resultContent(each.content, each.images),
  status: each.status,
  tool_call_id: each.tool_call_id,
  stdout: each.stdout ?? null,
  stderr: each.stderr ?? null,
})

function toolReturn(message: Message): Body[] {
  const shown = message.tool_returns.filter((each) => !each.speaks || each.status === 'error')
  const [first] = shown
  if (!first) return []
  const { tool_call_id, status, stdout, stderr } = wireReturn(first)
  return [
    {
      message_type: 'tool_return_message',
      name: shown.length === 1 ? first.name : null,
      tool_return: first.content,
      status,
      tool_call_id,
      stdout,
      stderr,
      tool_returns: shown.map(wireReturn),
    },
  ]
}

function approvalResponse(approvals: Approval[]): Body {
  const first = approvals[0]
  return {
    message_type: 'approval_response_message',
    approvals: approvals.map(wireApproval),
    approve: first?.approve ?? null,
    approval_request_id: first?.tool_call_id ?? null,
    reason: first?.reason ?? null,
  }
}

function wireApproval({ type, tool_call_id, ...answer }: Approval): WireApproval | WireToolReturn {
  if (type === 'approval') return { type, tool_call_id, approve: answer.approve ?? false, reason: answer.reason ?? null }
  const { tool_return = '', images, status = 'success', stdout = null, stderr = null } = answer
  return { type, tool_return: resultContent(tool_return, images), status, tool_call_id, stdout, stderr }
}

/** A summary is stored as the text that the model reads, JSON with the summary in `message`. */
function summary(message: Message): Body {
  const text = textOf(message.content)
  try {
    const packed: { message?: unknown; compaction_stats?: unknown } = JSON.parse(text)
    const stats = CompactionStats.safeParse(packed.compaction_stats)
    const inner = typeof packed.message === 'string' ? packed.message : text
    return { message_type: 'summary_message', summary: inner, compaction_stats: stats.success ? stats.data : null }
  } catch {
    return { message_type: 'summary_message', summary: text, compaction_stats: null }
  }
}
