import type { LanguageModelV4FilePart, LanguageModelV4Message, LanguageModelV4TextPart, SharedV4ProviderOptions } from '@ai-sdk/provider'
import type { ModelRequest } from '../runtime/model'
import type { ContentPart, ImageSource, Message, ToolReturn } from '../runtime/types'

/** Protocols that a model can be spoken to in. */
export type Dialect = 'openai-chat' | 'openai-responses' | 'anthropic' | 'google' | 'compatible' | 'workers-ai'

interface Reader {
  handle: string
  dialect: Dialect
}

type UserPart = LanguageModelV4TextPart | LanguageModelV4FilePart
type AssistantMessage = Extract<LanguageModelV4Message, { role: 'assistant' }>
type AssistantPart = AssistantMessage['content'][number]

const words = (text: string): LanguageModelV4TextPart => ({ type: 'text', text })
const isBlank = (text: string): boolean => text.trim() === ''

const extensions: Record<string, string> = { png: 'image/png', gif: 'image/gif', webp: 'image/webp' }

/** Providers that fetch an image themselves still want its full media type. */
const mediaTypeOf = (url: URL): string => extensions[url.pathname.split('.').at(-1)?.toLowerCase() ?? ''] ?? 'image/jpeg'

function inline(mediaType: string, data: string, detail?: string | null): LanguageModelV4FilePart {
  const options = detail ? { providerOptions: { openai: { imageDetail: detail } } } : {}
  return { type: 'file', mediaType, data: { type: 'data', data }, ...options }
}

function image(source: ImageSource, dialect: Dialect): UserPart {
  if (source.type === 'base64') return inline(source.media_type, source.data, source.detail)
  if (source.type === 'letta') {
    if (source.data && source.media_type) return inline(source.media_type, source.data, source.detail)
    return words(`[Image ${source.file_id}: its content is not available]`)
  }
  const embedded = /^data:([^;,]+);base64,(.+)$/s.exec(source.url)
  if (embedded?.[1] && embedded[2]) return inline(embedded[1], embedded[2])
  if (!URL.canParse(source.url) || dialect === 'workers-ai') return words(`[Image at ${source.url}]`)
  const url = new URL(source.url)
  return { type: 'file', mediaType: mediaTypeOf(url), data: { type: 'url', url } }
}

function userParts(content: ContentPart[], dialect: Dialect): UserPart[] {
  const parts = content.flatMap((part): UserPart[] => {
    if (part.type === 'text') return isBlank(part.text) ? [] : [words(part.text)]
    return part.type === 'image' ? [image(part.source, dialect)] : []
  })
  return parts.length > 0 ? parts : [words('(empty message)')]
}

/** Reasoning is shown only to the model that reasoned, and only in the sealed form in which it gave it. */
function reasoningPart(part: ContentPart, { dialect }: Reader): AssistantPart[] {
  if (part.type === 'redacted_reasoning') {
    if (dialect !== 'anthropic') return []
    return [{ type: 'reasoning', text: '', providerOptions: { anthropic: { redactedData: part.data } } }]
  }
  if ((part.type !== 'reasoning' && part.type !== 'omitted_reasoning') || !part.signature) return []
  const text = part.type === 'reasoning' ? part.reasoning : ''
  const sealed: Partial<Record<Dialect, SharedV4ProviderOptions>> = {
    anthropic: { anthropic: { signature: part.signature } },
    'openai-responses': { openai: { reasoningEncryptedContent: part.signature } },
    google: { google: { thoughtSignature: part.signature } },
  }
  const providerOptions = sealed[dialect]
  return providerOptions ? [{ type: 'reasoning', text, providerOptions }] : []
}

/** The object that a call's JSON text stands for. Providers take objects only, so malformed text is shown as an empty one. */
function argumentsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** A 53-bit hash of a string, in base 36. */
function digest(text: string): string {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36)
}

/** A tool call id that every provider accepts. Ids of another provider in the history may be longer or have other characters. */
const callId = (id: string, dialect: Dialect): string =>
  dialect === 'workers-ai' || /^[a-zA-Z0-9_-]{1,40}$/.test(id) ? id : `call_${digest(id)}`

function callSignature(signature: string, dialect: Dialect): { providerOptions?: SharedV4ProviderOptions } {
  if (dialect === 'google') return { providerOptions: { google: { thoughtSignature: signature } } }
  return dialect === 'compatible' ? { providerOptions: { compatible: { thoughtSignature: signature } } } : {}
}

/** OpenAI and Google bind reasoning to what follows it, so what came after a call cannot be shown again once calls are gathered. */
const isBound = (part: ContentPart, dialect: Dialect): boolean => part.after_calls === true && dialect !== 'anthropic'

function assistantParts(message: Message, reader: Reader): AssistantPart[] {
  const own = message.model === reader.handle
  const said = (late: boolean) =>
    message.content
      .filter((part) => (part.after_calls === true) === late)
      .flatMap((part): AssistantPart[] => {
        if (part.type === 'text') return isBlank(part.text) ? [] : [words(part.text)]
        return own && !isBound(part, reader.dialect) ? reasoningPart(part, reader) : []
      })
  const calls = message.tool_calls.map(
    (call): AssistantPart => ({
      type: 'tool-call',
      toolCallId: callId(call.id, reader.dialect),
      toolName: call.name,
      input: argumentsOf(call.arguments),
      ...(own && call.signature ? callSignature(call.signature, reader.dialect) : {}),
    }),
  )
  return [...said(false), ...calls, ...said(true)]
}

type ToolPart = Extract<Extract<LanguageModelV4Message, { role: 'tool' }>['content'][number], { type: 'tool-result' }>

/** Protocols that take images in the result of a tool. */
const showsImages: Dialect[] = ['anthropic', 'openai-responses']

/** Only Anthropic has a mark for failed results; the others would wrap the text, which already says that it is an error. */
function output({ content: value, images = [], status }: ToolReturn, dialect: Dialect): ToolPart['output'] {
  if (images.length > 0 && showsImages.includes(dialect))
    return { type: 'content', value: [...(isBlank(value) ? [] : [words(value)]), ...images.map((source) => image(source, dialect))] }
  if (images.length > 0)
    return { type: 'text', value: [value, ...images.map(() => '[An image, which this model cannot be shown]')].join('\n') }
  return { type: status === 'error' && dialect === 'anthropic' ? 'error-text' : 'text', value }
}

function results(message: Message, dialect: Dialect): LanguageModelV4Message[] {
  if (message.tool_returns.length === 0) return []
  const content = message.tool_returns.map(
    (result): ToolPart => ({
      type: 'tool-result',
      toolCallId: callId(result.tool_call_id, dialect),
      toolName: result.name,
      output: output(result, dialect),
    }),
  )
  return [{ role: 'tool', content }]
}

const textOf = (message: Message): string => message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')

function append(prompt: LanguageModelV4Message[], message: Message, reader: Reader): void {
  if (message.role === 'system') {
    // Providers take instructions in one place only, at the top, so a later system message is told to the model as an event.
    prompt.push({ role: 'user', content: [words(`<system_message>\n${textOf(message)}\n</system_message>`)] })
  } else if (message.role === 'user' || message.role === 'summary') {
    prompt.push({ role: 'user', content: userParts(message.content, reader.dialect) })
  } else if (message.role === 'tool') {
    prompt.push(...results(message, reader.dialect))
  } else {
    const content = assistantParts(message, reader)
    const last = prompt.at(-1)
    // An approval request holds calls of the response before it: both are one message to the provider.
    if (message.role === 'approval' && last?.role === 'assistant') last.content.push(...content)
    else if (content.some((part) => part.type !== 'reasoning')) prompt.push({ role: 'assistant', content })
  }
}

/** Anthropic and Google want a conversation that the user opens and that ends with something to answer. */
function openAndClose(prompt: LanguageModelV4Message[]): void {
  const first = prompt.findIndex((message) => message.role !== 'system')
  if (prompt[first]?.role === 'assistant') {
    prompt.splice(first, 0, { role: 'user', content: [words('(The conversation began earlier.)')] })
  }
  const last = prompt.at(-1)?.role
  if (last !== 'user' && last !== 'tool') prompt.push({ role: 'user', content: [words('(Continue.)')] })
}

const cached = { anthropic: { cacheControl: { type: 'ephemeral' } } }

/**
 * The messages of a request in the AI SDK's form: the system prompt, then the history. Expects one result for every call.
 * Tool results stay apart from the calls they answer, reasoning goes back only to the model that it came from.
 */
export function prompt(request: ModelRequest, reader: Reader): LanguageModelV4Message[] {
  const messages: LanguageModelV4Message[] = isBlank(request.system) ? [] : [{ role: 'system', content: request.system }]
  for (const message of request.messages) append(messages, message, reader)
  if (reader.dialect === 'anthropic' || reader.dialect === 'google') openAndClose(messages)
  if (reader.dialect === 'anthropic') {
    const last = messages.length - 1
    return messages.map((message, index) =>
      message.role === 'system' || index === last ? { ...message, providerOptions: cached } : message,
    )
  }
  return messages
}
