import { repair } from '../../runtime/repair'
import type { Message } from '../../runtime/types'
import type { MessageContent } from './message'

/** A message that is about to be imported, under the id that it will have. */
export type Imported = MessageContent & { id: string; group_id: string | null }

const whole = (message: Imported): Message => ({
  ...message,
  agent_id: '',
  conversation_id: null,
  sequence_id: 0,
  otid: null,
  sender_id: null,
  step_id: null,
  run_id: null,
  is_err: null,
  created_by_id: null,
})

/**
 * The return that the last response of a context waits for, or null. Whoever would have given it (a person's approval, a tool that was
 * running) belongs to the server that the file came from; without it the imported agent would wait for ever.
 */
export function missingReturn(context: Imported[]): Imported | null {
  const last = context.findLastIndex((message) => message.tool_calls.length > 0)
  if (last < 0) return null
  const tail = context.slice(last)
  const answered = new Set(tail.flatMap((message) => message.tool_returns.map((each) => each.tool_call_id)))
  if (context[last]?.tool_calls.every((call) => answered.has(call.id))) return null
  const response = repair(tail.map(whole)).find((message) => message.role === 'tool')
  if (!response || tail.some((message) => message.id === response.id)) return null
  const { id, role, content, tool_calls, tool_returns, approvals, created_at } = response
  return { id, role, content, tool_calls, tool_returns, approvals, name: null, model: null, group_id: null, created_at }
}
