import { newId } from '../lib/id'
import { resultText } from './packaging'
import type { ContentPart, ImageSource, Role, ToolCall, ToolReturn } from './types'

/** A message of a turn that took place elsewhere, as it is stored. */
export interface CapturedMessage {
  role: Extract<Role, 'user' | 'assistant' | 'tool'>
  content: ContentPart[]
  tool_calls: ToolCall[]
  tool_returns: ToolReturn[]
  model: string | null
}

type Fields = Record<string, unknown>

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

function imageOf(part: Fields): ImageSource | null {
  const source = fields(part.source ?? part.inlineData ?? part.inline_data)
  const url = text(fields(part.image_url).url) ?? text(part.image_url) ?? text(source.url)
  const inline = url?.match(/^data:([^;,]+);base64,(.+)$/is)
  const media_type = inline?.[1] ?? text(source.media_type) ?? text(source.mimeType) ?? text(source.mime_type)
  const data = inline?.[2] ?? text(source.data)
  if (media_type && data) return { type: 'base64', media_type, data, detail: null }
  return url && /^https?:/i.test(url) ? { type: 'url', url } : null
}

function contentOf(part: Fields): ContentPart | null {
  const words = text(part.text)
  if (words !== null)
    return part.thought === true ? { type: 'reasoning', reasoning: words, is_native: true } : { type: 'text', text: words }
  const reasoning = text(part.thinking)
  if (reasoning !== null) return { type: 'reasoning', reasoning, is_native: true, signature: text(part.signature) }
  if (part.type === 'redacted_thinking' && text(part.data)) return { type: 'redacted_reasoning', data: String(part.data) }
  const source = imageOf(part)
  return source && { type: 'image', source }
}

const json = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '{}'))

/** A call, in the form of OpenAI (`tool_calls`, `function_call`), Anthropic (`tool_use`) or Gemini (`functionCall`). */
function callOf(part: Fields): ToolCall | null {
  const call = fields(part.functionCall ?? part.function_call ?? part.function ?? part)
  const isCall = part.functionCall ?? part.function ?? (part.type === 'tool_use' || part.type === 'function_call')
  const name = text(call.name)
  if (!isCall || name === null) return null
  const id = text(part.call_id) ?? text(part.id) ?? text(call.id) ?? newId('message').replace('message', 'call')
  return { id, name, arguments: json(call.arguments ?? call.input ?? call.args ?? {}) }
}

const outputText = (value: unknown): string =>
  Array.isArray(value) ? value.flatMap((part) => text(fields(part).text) ?? []).join('\n') : resultText(value)

/** A result, in the form of OpenAI (role `tool`, `function_call_output`), Anthropic (`tool_result`) or Gemini (`functionResponse`). */
function returnOf(part: Fields, calls: ToolCall[]): ToolReturn | null {
  const response = fields(part.functionResponse)
  const named = text(response.name)
  const id = text(part.tool_use_id) ?? text(part.tool_call_id) ?? (part.type === 'function_call_output' ? text(part.call_id) : null)
  const call = calls.findLast((each) => (id === null ? each.name === named : each.id === id))
  if (id === null && named === null) return null
  return {
    tool_call_id: id ?? call?.id ?? named ?? '',
    name: call?.name ?? named ?? 'tool',
    status: part.is_error === true ? 'error' : 'success',
    content: outputText(part.output ?? part.content ?? response.response),
  }
}

/** The messages that one message of a provider is stored as: results first, since they answer what was called before. */
function messagesOf(given: Fields, model: string, calls: ToolCall[]): CapturedMessage[] {
  const role = given.role === 'user' || given.role === 'tool' || given.type === 'function_call_output' ? 'user' : 'assistant'
  const content = given.content ?? given.parts
  const whole = given.role === 'tool' || given.type === 'function_call_output' || given.type === 'function_call'
  const parts = whole ? [given] : typeof content === 'string' ? [{ text: content }] : list(content).map(fields)
  const returns = parts.flatMap((part) => returnOf(part, calls) ?? [])
  const made = [...parts, ...list(given.tool_calls).map(fields)].flatMap((part) => callOf(part) ?? [])
  calls.push(...made)
  const said = whole ? [] : parts.flatMap((part) => (returnOf(part, calls) || callOf(part) ? [] : (contentOf(part) ?? [])))
  const empty = { content: [], tool_calls: [], tool_returns: [], model: null }
  return [
    ...(returns.length > 0 ? [{ ...empty, role: 'tool' as const, tool_returns: returns }] : []),
    ...(said.length > 0 || made.length > 0
      ? [{ ...empty, role, content: said, tool_calls: made, model: role === 'assistant' ? model : null } as const]
      : []),
  ]
}

/** The messages in a provider's response: OpenAI's chat completions and responses, Anthropic's and Gemini's messages, or a message itself. */
function answersIn(response: Fields): Fields[] {
  const chat = fields(fields(list(response.choices)[0]).message)
  const gemini = fields(fields(list(response.candidates)[0]).content)
  if (Object.keys(chat).length > 0) return [chat]
  if (Object.keys(gemini).length > 0) return [gemini]
  return Array.isArray(response.output) ? response.output.map(fields) : [response]
}

/**
 * A turn that a provider was asked for elsewhere, as messages to store. Instructions (`system`, `developer`) are left out: an agent has its
 * own. Parts that are neither text, image, reasoning, call nor result are left out too.
 */
export function capturedTurn(model: string, requested: Fields[], response: Fields): CapturedMessage[] {
  const calls: ToolCall[] = []
  const asked = requested.filter(({ role }) => role !== 'system' && role !== 'developer')
  const answered = answersIn(response).map((message) => ({ ...message, role: 'assistant' }))
  return [...asked, ...answered].flatMap((message) => messagesOf(message, model, calls))
}
