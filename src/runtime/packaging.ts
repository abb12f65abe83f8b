import { messageOf } from '../lib/errors'
import { agentTime, type Millis } from '../lib/time'
import { codePoints } from '../memory/operations'
import type { ToolCall, ToolReturn } from './types'

/** Tools whose results are pages already and are never cut. */
const uncut = ['conversation_search', 'archival_memory_search']

/** The first `limit` code points of a text: it never ends within a character. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  let end = 0
  for (let taken = 0; taken < limit && end < text.length; taken++) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
  return text.slice(0, end)
}

/** The text of whatever a tool returned: objects as JSON, nothing as `None`. */
export function resultText(value: unknown): string {
  if (value === undefined || value === null) return 'None'
  return typeof value === 'object' ? (JSON.stringify(value) ?? 'None') : String(value)
}

/** A tool's text within its character limit. What is cut off is announced at the end. */
export function limitResult(tool: string, text: string, limit: number): string {
  if (text.length <= limit || uncut.includes(tool)) return text
  const length = codePoints(text)
  if (length <= limit) return text
  return `${cut(text, limit)}... [NOTE: function output was truncated since it exceeded the character limit (${length} > ${limit})]`
}

/** What the model reads when a tool threw, at most 1000 characters. */
export function errorText(tool: string, error: unknown): string {
  const type = error instanceof Error ? error.name : 'Error'
  return cut(`Error executing function ${tool}: ${type}: ${messageOf(error)}`, 1000)
}

/**
 * A stored tool return as the model reads it: `{"status","message","time"}` as JSON text. The message is an object when the tool
 * returned one, a string otherwise. `at` is the time of the return, so that the text is the same in every later request.
 */
export function packReturn(toolReturn: Pick<ToolReturn, 'status' | 'content'>, at: Millis, timezone: string): string {
  const status = toolReturn.status === 'success' ? 'OK' : 'Failed'
  // An object goes in as it was written: parsing and printing it again would round its large numbers.
  const message = isJsonObject(toolReturn.content) ? toolReturn.content : JSON.stringify(toolReturn.content)
  return `{"status":"${status}","message":${message},"time":${JSON.stringify(agentTime(at, timezone))}}`
}

/** What the model reads when a user refused a call. */
export const denialText = (reason?: string | null): string =>
  reason ? `Error: request to call tool denied. User reason: ${reason}` : 'Error: request to call tool denied.'

/** The result of a call that began, perhaps, and never came back. */
export const interruptedReturn = (call: Pick<ToolCall, 'id' | 'name'>): ToolReturn => ({
  tool_call_id: call.id,
  name: call.name,
  status: 'error',
  content: 'The call was interrupted, outcome unknown: it may or may not have taken effect. Check before you repeat it.',
})

function isJsonObject(text: string): boolean {
  if (!text.startsWith('{')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
