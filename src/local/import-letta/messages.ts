import type { Row } from './api.ts'

/** Bytes of an image's data beyond which a message would not fit into one row of the target. */
const imageBytes = 600_000

type Part = Record<string, unknown>

const text = (content: unknown): Part[] => {
  if (typeof content === 'string') return content ? [{ type: 'text', text: content }] : []
  return Array.isArray(content) ? (content as Part[]) : []
}

const call = (each: Row) => ({
  id: each.tool_call_id,
  type: 'function',
  function: { name: each.name ?? '', arguments: each.arguments ?? '{}' },
})

const listOf = (many: unknown, one: unknown): Row[] => (Array.isArray(many) && many.length > 0 ? many : one ? [one as Row] : [])

const returned = (each: Row) => ({
  tool_call_id: each.tool_call_id,
  status: each.status,
  func_response: each.tool_return,
  stdout: each.stdout ?? null,
  stderr: each.stderr ?? null,
})

/** Adds what one row of a list shows to the message that it is a part of. */
function add(message: Row, row: Row): void {
  const said = (parts: Part[]) => message.content.push(...parts)
  switch (row.message_type) {
    case 'system_message':
      message.role = 'system'
      return void said(text(row.content))
    case 'user_message':
      message.role = 'user'
      return void said(text(row.content))
    case 'summary_message':
      message.role = 'summary'
      return void said(text(row.summary))
    case 'reasoning_message':
      return void said([
        { type: 'reasoning', reasoning: row.reasoning ?? '', is_native: row.source === 'reasoner_model', signature: row.signature ?? null },
      ])
    case 'hidden_reasoning_message':
      return void said([
        row.state === 'redacted' ? { type: 'redacted_reasoning', data: row.hidden_reasoning ?? '' } : { type: 'omitted_reasoning' },
      ])
    case 'assistant_message':
      return void said(text(row.content))
    case 'approval_request_message':
      message.role = 'approval'
      return void message.tool_calls.push(...listOf(row.tool_calls, row.tool_call).map(call))
    case 'tool_call_message':
      return void message.tool_calls.push(...listOf(row.tool_calls, row.tool_call).map(call))
    case 'tool_return_message':
      message.role = 'tool'
      return void message.tool_returns.push(...listOf(row.tool_returns, row).map(returned))
    case 'approval_response_message':
      message.role = 'approval'
      message.approvals.push(...(row.approvals ?? []))
      message.approve = row.approve ?? null
      message.denial_reason = row.reason ?? null
  }
}

/** The messages that a list shows part by part, in the form of the agent file. Their ids are those of the source. */
export function messagesFrom(rows: Row[]): Row[] {
  const messages = new Map<string, Row>()
  for (const row of rows) {
    if (!row.id || row.message_type === 'event_message') continue
    const known = messages.get(row.id)
    const fresh = { content: [], tool_calls: [], tool_returns: [], approvals: [], approve: null, denial_reason: null }
    const message = known ?? { type: 'message', id: row.id, role: 'assistant', name: row.name ?? null, created_at: row.date, ...fresh }
    add(message, row)
    messages.set(row.id, message)
  }
  return [...messages.values()]
}

/** Whether a part is an image that is too large to be kept. */
const tooLarge = (part: Row): boolean => part.type === 'image' && String(part.source?.data ?? '').length > imageBytes

/** The message with each image that is too large replaced by a line that says so; how many there were. */
export function withoutLargeImages(message: Row): { message: Row; left: number } {
  if (!Array.isArray(message.content)) return { message, left: 0 }
  const left = message.content.filter(tooLarge).length
  if (left === 0) return { message, left }
  const line = (part: Row) => ({ type: 'text', text: `[An image of ${Math.round(part.source.data.length / 1333)} KB was left behind.]` })
  return { message: { ...message, content: message.content.map((part: Row) => (tooLarge(part) ? line(part) : part)) }, left }
}

/** Messages in parts: so many, and so many bytes of JSON, that one request takes them. */
export function partsOf(messages: Row[], most = 500, bytes = 2_000_000): Row[][] {
  const parts: Row[][] = []
  let left = 0
  for (const message of messages) {
    const size = Buffer.byteLength(JSON.stringify(message))
    if (parts.length === 0 || size > left || (parts.at(-1)?.length ?? 0) >= most) {
      parts.push([])
      left = bytes
    }
    parts.at(-1)?.push(message)
    left -= size
  }
  return parts
}
