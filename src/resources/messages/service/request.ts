import type { z } from 'zod'
import type { Ctx } from '../../../context'
import { checkUrl } from '../../../lib/egress'
import { AppError } from '../../../lib/errors'
import { describeModel } from '../../../models/describe'
import type { ContentPart, InputMessage, TurnRequest } from '../../../runtime/types'
import type { InputPart, MessageCreate, SendRequest } from '../schema'

/** Bytes of JSON that one request may bring: it becomes rows here and in D1, whose rows end at two million. */
const maxInputBytes = 1_000_000

// Control characters that SQLite would cut a text at.
const clean = (text: string) => text.replaceAll('\0', '')

function imagePart(source: Extract<z.output<typeof InputPart>, { type: 'image' }>['source']): ContentPart {
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

/** The messages of a request. Throws `bad_request` for answers to an approval, since no tool call can be waiting for one. */
function inputOf(request: SendRequest): InputMessage[] {
  if (request.input != null) return [inputMessage({ role: 'user', content: request.input })]
  const items = (request.messages ?? []).map((item) => {
    if (item.type === 'message') return inputMessage(item)
    throw new AppError(
      'bad_request',
      'Cannot process approval response: No tool call is currently awaiting approval. Please send a regular message to interact with the agent.',
    )
  })
  return items
}

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
      `The messages are ${bytes} bytes of JSON, over the limit of ${maxInputBytes}. Send smaller images or less text.`,
    )
}

/** A validated request as the agent's object takes it. Throws what the client has to correct. */
export function turnRequest(ctx: Pick<Ctx, 'config'>, request: SendRequest, mode: TurnMode): TurnRequest {
  const input = inputOf(request)
  assertSize(input)
  const { config } = ctx
  if (request.override_model) describeModel(request.override_model, config)
  if (request.callback_url) checkUrl(request.callback_url, { allow: config.EGRESS_ALLOW, production: config.ENVIRONMENT === 'production' })
  return {
    input,
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
