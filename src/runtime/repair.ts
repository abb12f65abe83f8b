import { partOtid } from '../lib/id'
import { codePoints } from '../memory/operations'
import { answeredReturn } from './approvals'
import { cut, interruptedReturn } from './packaging'
import type { Message, ToolCall, ToolReturn } from './types'

/**
 * A history that every model accepts, whatever a crash, a cancel or a client left behind: each tool call has exactly one return, in
 * the message that follows it; returns without a call, repeated ones and empty messages are gone; the calls of approval requests
 * are part of the response that made them. The input is not changed, and a repaired history comes out equal.
 */
export function repair(messages: Message[]): Message[] {
  const history = foldApprovals(messages).flatMap(clean)
  const { answers, carriers } = answer(history)
  return history.flatMap((message) => {
    if (message.role === 'tool' || message.role === 'approval') return []
    if (message.tool_calls.length === 0) return [message]
    const tool_returns = message.tool_calls.map((call) => answers.get(call) ?? interruptedReturn(call))
    return [message, { ...(carriers.get(message) ?? carrierFor(message)), tool_returns }]
  })
}

/** Approval requests as assistant messages, joined to the response of the same step that stands before them. */
function foldApprovals(messages: Message[]): Message[] {
  const folded: Message[] = []
  for (const message of messages) {
    const last = folded.at(-1)
    if (message.role !== 'approval' || message.tool_calls.length === 0) folded.push(message)
    else if (last?.role !== 'assistant' || last.step_id !== message.step_id) folded.push({ ...message, role: 'assistant', approvals: [] })
    else {
      const content = [...last.content, ...message.content]
      folded[folded.length - 1] = { ...last, content, tool_calls: [...last.tool_calls, ...message.tool_calls] }
    }
  }
  return folded
}

const isBlank = (text: string): boolean => text.trim() === ''

/** The message without blank texts and repeated calls, or nothing when nothing is left. A user's blank message still is a message. */
function clean(message: Message): Message[] {
  if (message.role === 'tool' || message.role === 'approval') return [message]
  if (message.role === 'user') return message.content.length > 0 ? [message] : []
  const content = message.content.filter((part) => part.type !== 'text' || !isBlank(part.text))
  const tool_calls = [...new Map(message.tool_calls.toReversed().map((call) => [call.id, call])).values()].toReversed()
  // Providers refuse a response that is reasoning alone.
  const says = tool_calls.length > 0 || content.some((part) => part.type === 'text' || part.type === 'image')
  return says ? [{ ...message, content, tool_calls }] : []
}

/** The return of each call: the first after it that names its id, else what the user's answer to an approval request says. */
function answer(history: Message[]): { answers: Map<ToolCall, ToolReturn>; carriers: Map<Message, Message> } {
  const answers = new Map<ToolCall, ToolReturn>()
  const carriers = new Map<Message, Message>()
  const decided = new Map<ToolCall, ToolReturn>()
  // Some providers use an id again in a later response: an id means the latest call that has it.
  const open = new Map<string, { call: ToolCall; message: Message }>()
  for (const message of history) {
    for (const call of message.tool_calls) open.set(call.id, { call, message })
    for (const approval of message.role === 'approval' ? message.approvals : []) {
      const found = open.get(approval.tool_call_id)
      const result = found && answeredReturn(found.call, approval)
      if (found && result) decided.set(found.call, result)
    }
    for (const toolReturn of message.role === 'tool' ? message.tool_returns : []) {
      const found = open.get(toolReturn.tool_call_id)
      if (!found) continue
      open.delete(toolReturn.tool_call_id)
      answers.set(found.call, toolReturn)
      if (!carriers.has(found.message)) carriers.set(found.message, message)
    }
  }
  return { answers: new Map([...decided, ...answers]), carriers }
}

/** A tool message for a response that has none; its id follows from the response's, so that every repair makes the same. */
const carrierFor = (message: Message): Message => ({
  ...message,
  id: `message-${partOtid(message.id, 0x7f)}`,
  role: 'tool',
  content: [],
  tool_calls: [],
  approvals: [],
  model: null,
  name: null,
  otid: null,
})

/** The messages with every tool return cut to a fifth of the context window, at four characters a token, and never below 5000. */
export function truncateReturns(messages: Message[], context_window: number): Message[] {
  const cap = Math.max(5000, Math.floor(context_window * 0.2 * 4))
  const short = (text: string) => {
    const excess = text.length > cap ? codePoints(text) - cap : 0
    return excess > 0 ? `${cut(text, cap)}... [truncated ${excess} chars]` : text
  }
  return messages.map((message) => ({
    ...message,
    tool_returns: message.tool_returns.map((each) => ({ ...each, content: short(each.content) })),
  }))
}
