import { packReturn } from '../../runtime/packaging'
import type { Approval, ContentPart, Message, ToolCall, ToolReturn } from '../../runtime/types'
import type { FileMessage } from './schema'

type Loose = Record<string, unknown>

/** How ids of the database are called in a file: null when what they name is not in it. */
export interface Names {
  agent: string
  message: string
  group: string | null
  /** The message that an old-style approval answers. */
  request: string | null
}

const callOf = ({ id, name, arguments: text, ...extra }: ToolCall) => ({
  id,
  type: 'function' as const,
  function: { name, arguments: text },
  ...extra,
})

const returnOf = ({ tool_call_id, name, status, content, stdout, stderr, ...extra }: ToolReturn, at: number, timezone: string) => ({
  tool_call_id,
  status,
  func_response: packReturn({ status, content }, at, timezone),
  stdout: stdout ?? null,
  stderr: stderr ?? null,
  ...(name ? { name } : {}),
  ...extra,
})

const approvalOf = ({ type, tool_call_id, tool_return, ...answer }: Approval): Loose =>
  type === 'tool'
    ? {
        ...answer,
        type,
        tool_call_id,
        tool_return: tool_return ?? '',
        func_response: tool_return ?? '',
        status: answer.status ?? 'success',
      }
    : { ...answer, type, tool_call_id, approve: answer.approve ?? false, reason: answer.reason ?? null }

/** A stored message as a file has it. A single tool return is the content of its message too, as in the format's own server. */
export function writeMessage(message: Message, names: Names, timezone: string): FileMessage {
  const at = Date.parse(message.created_at)
  const tool_returns = message.tool_returns.map((each) => returnOf(each, at, timezone))
  const [only, ...others] = tool_returns
  const text = message.role === 'tool' && only && others.length === 0 ? [{ type: 'text', text: only.func_response }] : null
  const decision = message.approvals.find((each) => each.type === 'approval')
  return {
    type: 'message',
    id: names.message,
    role: message.role,
    content: text ?? message.content.map((part): Loose => ({ ...part })),
    name: message.name,
    otid: null,
    sender_id: null,
    batch_item_id: null,
    group_id: names.group,
    model: message.model,
    agent_id: names.agent,
    tool_calls: message.tool_calls.length > 0 ? message.tool_calls.map(callOf) : null,
    tool_call_id: only?.tool_call_id ?? null,
    tool_returns,
    created_at: message.created_at,
    approve: decision?.approve ?? null,
    approval_request_id: decision ? names.request : null,
    denial_reason: decision?.reason ?? null,
    approvals: message.approvals.map(approvalOf),
  }
}

/** A message of a file after its schema was checked: parts of unknown types are gone already. */
export interface ReadMessage {
  role: 'system' | 'user' | 'assistant' | 'tool' | 'function' | 'approval' | 'summary'
  content: ReadPart[]
  name: string | null
  model: string | null
  tool_calls: ReadCall[]
  tool_call_id: string | null
  tool_returns: ReadReturn[]
  approve: boolean | null
  denial_reason: string | null
  approvals: ReadApproval[]
  created_at: string
}

export type ReadPart =
  | ContentPart
  | { type: 'summarized_reasoning'; summary: string[] }
  | { type: 'tool_call'; id: string; name: string; input: unknown; signature?: string | null | undefined }
  | { type: 'tool_return'; tool_call_id: string; content: string; is_error: boolean }

export type ReadCall = ToolCall

export interface ReadReturn extends Partial<Pick<ToolReturn, 'images' | 'refused' | 'speaks'>> {
  tool_call_id: string | null
  name: string | null
  status: 'success' | 'error' | null
  text: string | null
  stdout: string[] | null
  stderr: string[] | null
}

export type ReadApproval = Approval

/** The parts of a message that this server keeps as they are. Summarized reasoning becomes reasoning. */
const partOf = (part: ReadPart): ContentPart[] => {
  if (part.type === 'summarized_reasoning') {
    const reasoning = part.summary.join('\n')
    return reasoning ? [{ type: 'reasoning', reasoning, is_native: true, signature: null }] : []
  }
  return part.type === 'tool_call' || part.type === 'tool_return' ? [] : [part]
}

/** What a packed tool return says: `{"status","message","time"}` as JSON text; anything else is the text itself. */
export function unpackReturn(text: string): { status: 'success' | 'error' | null; content: string } {
  try {
    const packed: unknown = JSON.parse(text)
    if (typeof packed === 'object' && packed !== null && 'status' in packed && 'message' in packed && 'time' in packed) {
      const { status, message } = packed as { status: unknown; message: unknown }
      const content = typeof message === 'string' ? message : JSON.stringify(message)
      return { status: status === 'OK' ? 'success' : status === 'Failed' ? 'error' : null, content }
    }
  } catch {
    // It is no JSON.
  }
  return { status: null, content: text }
}

const textOf = (content: ContentPart[]): string => content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')

const callsOf = (message: ReadMessage): ToolCall[] => {
  const inContent = message.content.flatMap((part): ToolCall[] =>
    part.type === 'tool_call'
      ? [
          {
            id: part.id,
            name: part.name,
            arguments: JSON.stringify(part.input ?? {}),
            ...(part.signature ? { signature: part.signature } : {}),
          },
        ]
      : [],
  )
  return [...message.tool_calls, ...inContent.filter((call) => !message.tool_calls.some((known) => known.id === call.id))]
}

/** The calls that may still be answered, by id and by message. */
class OpenCalls {
  readonly #names = new Map<string, string>()
  last: ToolCall[] = []
  made(calls: ToolCall[]): void {
    if (calls.length === 0) return
    this.last = calls
    for (const call of calls) this.#names.set(call.id, call.name)
  }
  nameOf = (id: string): string | undefined => this.#names.get(id)
}

function returnsOf(message: ReadMessage, content: ContentPart[], open: OpenCalls): ToolReturn[] {
  const parts = message.content.flatMap((part): ReadReturn[] =>
    part.type === 'tool_return'
      ? [
          {
            tool_call_id: part.tool_call_id,
            name: null,
            status: part.is_error ? 'error' : 'success',
            text: part.content,
            stdout: null,
            stderr: null,
          },
        ]
      : [],
  )
  const bare: ReadReturn = { tool_call_id: null, name: null, status: null, text: null, stdout: null, stderr: null }
  const given = message.tool_returns.length > 0 ? message.tool_returns : parts.length > 0 ? parts : [bare]
  return given.map(({ tool_call_id, name, status, text, stdout, stderr, ...extra }, i): ToolReturn => {
    // Old servers kept the id and the text of a return in its message only.
    const id = tool_call_id ?? (i === 0 ? message.tool_call_id : null) ?? open.last[i]?.id ?? ''
    const packed = unpackReturn(text ?? (given.length === 1 ? textOf(content) : ''))
    return {
      tool_call_id: id,
      name: name ?? open.nameOf(id) ?? (given.length === 1 ? message.name : null) ?? '',
      status: status ?? packed.status ?? 'success',
      content: packed.content,
      stdout,
      stderr,
      ...extra,
    }
  })
}

/** What a user decided, in the old form for a whole request or in the new for each call. */
function approvalsOf(message: ReadMessage, open: OpenCalls): Approval[] {
  if (message.role !== 'approval' || message.approvals.length > 0 || message.approve === null) return message.approvals
  const { approve, denial_reason: reason } = message
  return open.last.map((call) => ({ type: 'approval', tool_call_id: call.id, approve, reason }))
}

/** What of a stored message a file tells. */
export type MessageContent = Pick<
  Message,
  'role' | 'content' | 'tool_calls' | 'tool_returns' | 'approvals' | 'name' | 'model' | 'created_at'
>

/** The messages of a file, in order, as they are stored. */
export function readMessages(messages: ReadMessage[]): MessageContent[] {
  const open = new OpenCalls()
  return messages.map((message): MessageContent => {
    const role = message.role === 'function' ? 'tool' : message.role
    const content = message.content.flatMap(partOf)
    const tool_calls = callsOf(message)
    const tool_returns = role === 'tool' ? returnsOf(message, content, open) : []
    const approvals = approvalsOf(message, open)
    open.made(tool_calls)
    const [only, ...others] = tool_returns
    return {
      role,
      content: role === 'tool' ? [] : content,
      tool_calls,
      tool_returns,
      approvals,
      name: role === 'tool' ? (only && others.length === 0 ? only.name || message.name : null) : message.name,
      model: message.model,
      created_at: new Date(message.created_at).toISOString(),
    }
  })
}
