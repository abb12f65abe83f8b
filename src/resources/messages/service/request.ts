import type { z } from 'zod'
import type { Ctx } from '../../../context'
import { checkUrl } from '../../../lib/egress'
import { AppError } from '../../../lib/errors'
import type { Approval, ApprovalAnswer, ClientTool, ContentPart, InputMessage, TurnRequest } from '../../../runtime/types'
import type { InputPart, MessageCreate, SendRequest } from '../schema'

/** Bytes of JSON that one request may bring: it becomes rows here and in D1, whose rows end at two million. */
const maxInputBytes = 1_000_000

// Control characters that SQLite would cut a text at.
const clean = (text: string) => text.replaceAll('\0', '')

function imagePart(source: Extract<z.output<typeof InputPart>, { type: 'image' }>['source']): Extract<ContentPart, { type: 'image' }> {
  const { type } = source
  if (type === 'base64') {
    const { media_type, data, detail = null } = source
    return { type: 'image', source: { type, media_type, data, detail } }
  }
  if (type === 'letta') {
    const { file_id, media_type = null, data = null, detail = null } = source
    if (data === null)
      throw new AppError(
        'invalid',
        `source.data: the image '${file_id}' brings no data, and files are not stored here. Send it as base64 or by URL.`,
      )
    return { type: 'image', source: { type, file_id, media_type, data, detail } }
  }
  const inline = source.url.match(/^data:([^;,]+);base64,(.+)$/is)
  if (inline?.[1] && inline[2]) return { type: 'image', source: { type: 'base64', media_type: inline[1], data: inline[2], detail: null } }
  if (/^data:/i.test(source.url)) throw new AppError('invalid', 'source.url: a data URL must be base64, such as data:image/png;base64,…')
  return { type: 'image', source }
}

function contentPart(part: z.output<typeof InputPart>): ContentPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: clean(part.text), ...(part.signature ? { signature: part.signature } : {}) }
    case 'image':
      return imagePart(part.source)
    case 'reasoning':
      return { ...part, reasoning: clean(part.reasoning), signature: part.signature ?? null }
    case 'omitted_reasoning':
      return { type: part.type, signature: part.signature ?? null }
    case 'redacted_reasoning':
      return part
  }
}

/**
 * A client's message as it is stored. A message without an otid gets one, so that this request can be handed to the agent a second
 * time after a lost connection and still counts once.
 */
export function inputMessage(message: Omit<z.output<typeof MessageCreate>, 'type'>): InputMessage {
  const { role, content, name, otid, sender_id, group_id } = message
  const parts: ContentPart[] = typeof content === 'string' ? [{ type: 'text', text: clean(content) }] : content.map(contentPart)
  if (parts.every((part) => part.type === 'text' && part.text === ''))
    throw new AppError('invalid', 'content: must not be empty. Send some text or an image.')
  return {
    role,
    content: parts,
    name: name ?? null,
    otid: otid ?? crypto.randomUUID(),
    sender_id: sender_id ?? null,
    group_id: group_id ?? null,
  }
}

type Item = NonNullable<SendRequest['messages']>[number]
type AnswerItem = Exclude<Item, { type: 'message' }>

const isAnswer = (item: Item): item is AnswerItem => item.type !== 'message'

/** A result as its text and the images that came with it. */
function resultOf(result: string | z.output<typeof InputPart>[]): Pick<Approval, 'tool_return' | 'images'> {
  if (typeof result === 'string') return { tool_return: clean(result) }
  const images = result.flatMap((part) => (part.type === 'image' ? [imagePart(part.source).source] : []))
  const tool_return = result.flatMap((part) => (part.type === 'text' ? [clean(part.text)] : [])).join('\n')
  return { tool_return, ...(images.length > 0 ? { images } : {}) }
}

function answersIn(item: AnswerItem): Approval[] {
  const given = item.type === 'tool_return' ? item.tool_returns : (item.approvals ?? [])
  if (item.type === 'approval' && !item.approvals) {
    const { approve, approval_request_id, reason = null } = item
    return [{ type: 'approval', tool_call_id: approval_request_id ?? '', approve: approve === true, reason }]
  }
  return given.map((answer): Approval => {
    if (answer.type === 'approval') return { ...answer, reason: answer.reason ?? null }
    const { type, tool_call_id, tool_return, status, stdout = null, stderr = null } = answer
    return { type, tool_call_id, ...resultOf(tool_return), status, stdout, stderr }
  })
}

/** All that a request answers to calls that wait; without an otid it gets one, as messages do. */
function approvalOf(request: SendRequest): ApprovalAnswer | null {
  const items = (request.messages ?? []).filter(isAnswer)
  const [first] = items
  if (!first) return null
  return { approvals: items.flatMap(answersIn), otid: first.otid ?? crypto.randomUUID(), group_id: first.group_id ?? null }
}

/** The messages of a request. */
function inputOf(request: SendRequest): InputMessage[] {
  if (request.input != null) return [inputMessage({ role: 'user', content: request.input })]
  return (request.messages ?? []).flatMap((item) => (isAnswer(item) ? [] : [inputMessage(item)]))
}

/** The client's tools, of each name the last. */
const toolsOf = (request: SendRequest): ClientTool[] => [
  ...new Map(
    (request.client_tools ?? []).map(({ name, description, parameters }) => [
      name,
      { name, description: description ?? null, parameters: parameters ?? { type: 'object', properties: {} } },
    ]),
  ).values(),
]

/** How an endpoint runs a request. */
export interface TurnMode {
  streaming: boolean
  background: boolean
  run_type: string
}

/** The mode that a request asks for. Throws `invalid` when it sets streaming options without streaming. */
export function modeOf(request: SendRequest, streamingByDefault: boolean): TurnMode {
  const streaming = request.streaming ?? streamingByDefault
  if (!streaming && (request.stream_tokens || request.background || request.include_pings === false))
    throw new AppError(
      'invalid',
      'Streaming options set without streaming enabled: stream_tokens, background and include_pings need streaming: true.',
    )
  return { streaming, background: request.background ?? false, run_type: streaming ? 'send_message_streaming' : 'send_message' }
}

/** Throws when messages are too large to be stored. */
export function assertSize(messages: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(messages)).length
  if (bytes > maxInputBytes)
    throw new AppError(
      'payload_too_large',
      `The messages, tools and skills are ${bytes} bytes of JSON, over the limit of ${maxInputBytes}. Send smaller images or less text.`,
    )
}

/** A validated request as the agent's object takes it. Throws what the client has to correct. */
export function turnRequest(ctx: Pick<Ctx, 'config'>, request: SendRequest, mode: TurnMode): TurnRequest {
  const said = {
    approval: approvalOf(request),
    input: inputOf(request),
    client_tools: toolsOf(request),
    client_skills: (request.client_skills ?? []).map(({ description, ...skill }) => ({ ...skill, description: description ?? '' })),
  }
  assertSize(said)
  const { config } = ctx
  if (request.callback_url) checkUrl(request.callback_url, { allow: config.EGRESS_ALLOW, production: config.ENVIRONMENT === 'production' })
  return {
    ...said,
    max_steps: request.max_steps ?? 50,
    override_model: request.override_model || null,
    override_system: request.override_system ?? request.system ?? null,
    stream_tokens: mode.streaming && (request.stream_tokens ?? false),
    background: mode.background,
    callback_url: request.callback_url || null,
    include_return_message_types: request.include_return_message_types ?? null,
    assistant_tool:
      request.use_assistant_message === false
        ? null
        : { name: request.assistant_message_tool_name || 'send_message', argument: request.assistant_message_tool_kwarg || 'message' },
    run_type: mode.run_type,
  }
}

/** The `Idempotency-Key` of a request, checked. */
export function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) throw new AppError('invalid', 'Idempotency-Key: must be 1 to 255 visible ASCII characters')
  return header
}
