import { AppError } from '../lib/errors'
import { uuidOf } from '../lib/id'
import { denialText } from './packaging'
import { allowedTools, needsApproval, type ToolUse } from './tool-rules'
import type { AgentConfig, Approval, ApprovalAnswer, ContentPart, InputMessage, ToolCall, ToolReturn, TurnRequest } from './types'

/** A call that waits for an answer from outside, and the message in which it was asked for. */
export interface WaitingCall {
  message_id: string
  call: ToolCall
}

/** The agent as this request sees it: the client's tools stand in for its own of the same names. */
export function equipped(config: AgentConfig, { client_tools }: Pick<TurnRequest, 'client_tools'>): AgentConfig {
  if (client_tools.length === 0) return config
  const names = new Set(client_tools.map((tool) => tool.name))
  const tools = client_tools.map((tool) => ({
    ...tool,
    id: `client-${tool.name}`,
    tool_type: 'client',
    source_type: 'json',
    source_code: null,
    return_char_limit: Number.MAX_SAFE_INTEGER,
    enable_parallel_execution: false,
    client: true as const,
  }))
  return { ...config, tools: [...config.tools.filter((tool) => !names.has(tool.name)), ...tools] }
}

/** Tells of a tool whether a call of it waits. A call that the rules forbid now does not: it is refused without asking anybody. */
export function waitsFor({ tools, tool_rules }: AgentConfig, history: ToolUse[]): (name: string) => boolean {
  const names = tools.map((tool) => tool.name)
  const allowed = allowedTools(tool_rules, names, history)
  const outside = new Set(tools.filter((tool) => tool.client || needsApproval(tool_rules, tool.name)).map((tool) => tool.name))
  return (name) => outside.has(name) && allowed.includes(name)
}

/**
 * The id of the message that holds the waiting calls of a response: it follows from the response's id, so that a token stream can name
 * it before the response is complete.
 */
export function approvalRequestId(message_id: string): string {
  const node = (Number.parseInt(uuidOf(message_id).slice(-12), 16) + 1) % 2 ** 48
  return message_id.slice(0, -12) + node.toString(16).padStart(12, '0')
}

/** The messages as which a response is stored: what was said and the calls that are carried out at once; then the calls that wait. */
export function responseMessages({ message_id, content, calls }: { message_id: string; content: ContentPart[]; calls: ToolCall[] }) {
  const waiting = calls.filter((call) => call.waits)
  const free = calls.filter((call) => !call.waits)
  const said = { id: message_id, role: 'assistant' as const, content, tool_calls: free }
  const request = { id: approvalRequestId(message_id), role: 'approval' as const, content: [], tool_calls: waiting }
  return [...(content.length > 0 || free.length > 0 ? [said] : []), ...(waiting.length > 0 ? [request] : [])]
}

/** What a client's answer makes of a call at once; null when it is to be carried out. */
export function answeredReturn({ id: tool_call_id, name }: Pick<ToolCall, 'id' | 'name'>, answer: Approval): ToolReturn | null {
  if (answer.type === 'tool') {
    const { status = 'success', tool_return: content = '', images, stdout = null, stderr = null } = answer
    return { tool_call_id, name, status, content, ...(images ? { images } : {}), stdout, stderr }
  }
  if (answer.approve === true) return null
  return { tool_call_id, name, status: 'error', content: denialText(answer.reason), refused: true }
}

/** An answer that refuses each of the calls for one reason. */
export const denials = (calls: Pick<ToolCall, 'id'>[], reason: string): Approval[] =>
  calls.map(({ id }) => ({ type: 'approval', tool_call_id: id, approve: false, reason }))

const listed = (ids: string[]) => `[${ids.map((id) => `'${id}'`).join(', ')}]`

/** The ids that an answer names, each once. The id of the request itself means all of its calls, in the deprecated form. */
const namedBy = ({ approvals }: ApprovalAnswer, waiting: WaitingCall[]): Map<string, Approval> =>
  new Map(
    approvals.flatMap((answer): [string, Approval][] => {
      const asked = waiting.filter(({ message_id }) => message_id === answer.tool_call_id)
      const ids = asked.length > 0 ? asked.map(({ call }) => call.id) : [answer.tool_call_id]
      return ids.map((id) => [id, { ...answer, tool_call_id: id }])
    }),
  )

/** True when an answer names exactly the calls that are given. */
export const answersAll = (answer: ApprovalAnswer, waiting: WaitingCall[]): boolean => covers(namedBy(answer, waiting), waiting)

const covers = (named: Map<string, Approval>, waiting: WaitingCall[]): boolean =>
  named.size === waiting.length && waiting.every(({ call }) => named.has(call.id))

/** What an answer says to each waiting call, in their order. Throws `bad_request` unless it names exactly those calls. */
export function decisions(answer: ApprovalAnswer, waiting: WaitingCall[]): Approval[] {
  const named = namedBy(answer, waiting)
  if (covers(named, waiting)) return waiting.flatMap(({ call }) => named.get(call.id) ?? [])
  const expected = listed(waiting.map(({ call }) => call.id))
  // Clients match on these words.
  throw new AppError('bad_request', `Invalid tool call IDs. Expected '${expected}', but received '${listed([...named.keys()])}'.`)
}

/** The refusal of an answer when no call waits for one. Clients match on these words. */
export const nothingWaits = (): AppError =>
  new AppError(
    'bad_request',
    'Cannot process approval response: No tool call is currently awaiting approval. Please send a regular message to interact with the agent.',
  )

/** Why a message is not taken while calls wait. Clients match on these words. */
export const waitingText =
  'CONFLICT: Cannot send a new message: The agent is waiting for approval on a tool call. Please approve or deny the pending request before continuing.'

/** The refusal of a message while calls wait. */
export const stillWaiting = (pending_request_id: string | null): AppError =>
  new AppError('conflict', waitingText, { code: 'PENDING_APPROVAL', ...(pending_request_id ? { pending_request_id } : {}) })

/** What takes the place of an answer that came a second time, after its run has ended: the agent goes on from where it is. */
export const keepAlive = (otid: string | null): InputMessage => ({
  role: 'user',
  content: [
    {
      type: 'text',
      text: '<system-alert>Automated keep-alive ping: an answer to tool calls arrived again after it had been handled. Nobody wrote this; continue where you stopped.</system-alert>',
    },
  ],
  name: null,
  otid,
  sender_id: null,
  group_id: null,
})
