import type { LanguageModelV4, LanguageModelV4StreamPart, LanguageModelV4Usage } from '@ai-sdk/provider'
import type { Model, ModelDelta, ModelRequest } from '../runtime/model'
import type { Usage } from '../runtime/types'
import { cutOff, emptyResponse, toModelError } from './errors'
import { Patience, type Waited } from './patience'
import { callOptions, isStrict, type Target } from './settings'
import { withoutForcedNulls } from './strict'

/** What a model is called by, and how long it may be silent. */
export interface ModelTarget extends Target, Waited {
  provider_name: string
  context_window: number
}

type Part<T extends LanguageModelV4StreamPart['type']> = Extract<LanguageModelV4StreamPart, { type: T }>
type Metadata = Part<'reasoning-end'>['providerMetadata']
type FinishReason = Extract<ModelDelta, { type: 'finish' }>['reason']

const signatureKeys = ['signature', 'thoughtSignature']

/** A string that any provider put under one of `keys`. */
function noted(metadata: Metadata, keys: string[]): string | null {
  for (const values of Object.values(metadata ?? {})) {
    for (const key of keys) {
      const value = values[key]
      if (typeof value === 'string' && value !== '') return value
    }
  }
  return null
}

/** The SDK reports 0 for what a provider did not say; only what its own usage names counts as said. */
function usageOf(usage: LanguageModelV4Usage): Usage {
  const raw = JSON.stringify(usage.raw ?? {})
  const said = (value: number | undefined, name: RegExp) => (value === undefined || (value === 0 && !name.test(raw)) ? null : value)
  const prompt_tokens = usage.inputTokens.total ?? 0
  const completion_tokens = usage.outputTokens.total ?? 0
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    cached_input_tokens: said(usage.inputTokens.cacheRead, /cache/i),
    cache_write_tokens: said(usage.inputTokens.cacheWrite, /cache_(creation|write)/i),
    reasoning_tokens: said(usage.outputTokens.reasoning, /reasoning|thought|thinking/i),
  }
}

/** Turns the parts of one response into deltas, and remembers what the response consisted of. */
class Reply {
  private readonly signatures = new Map<string, string>()
  private readonly started = new Map<string, string>()
  private readonly taken: Set<string>
  private unsealed = false
  private said = false
  private thought = false
  private calls = 0

  constructor(
    private readonly request: ModelRequest,
    private readonly target: ModelTarget,
  ) {
    this.taken = new Set(request.messages.flatMap((message) => message.tool_calls.map((call) => call.id)))
  }

  /** Some servers count calls anew in every response; an id of the history is never given out again. */
  private callId(id: string): string {
    const known = this.started.get(id)
    if (known !== undefined) return known
    let unique = id
    for (let n = 2; this.taken.has(unique); n++) unique = `${id}-${n}`
    this.taken.add(unique)
    this.started.set(id, unique)
    return unique
  }

  *take(part: LanguageModelV4StreamPart): Generator<ModelDelta> {
    if (part.type === 'text-delta' && part.delta !== '') {
      this.said = true
      this.unsealed = false
      yield { type: 'text', text: part.delta }
    } else if (part.type === 'reasoning-start' || part.type === 'reasoning-delta' || part.type === 'reasoning-end') {
      yield* this.reasoning(part)
    } else if (part.type === 'tool-input-start') {
      yield { type: 'tool_call_start', id: this.callId(part.id), name: part.toolName }
    } else if (part.type === 'tool-input-delta' && part.delta !== '') {
      yield { type: 'tool_call_delta', id: this.callId(part.id), arguments: part.delta }
    } else if (part.type === 'tool-call') {
      yield* this.call(part)
    } else if (part.type === 'error') {
      throw toModelError(part.error, this.target.handle, this.target.endpoint, this.target.secret)
    }
  }

  private *reasoning(part: Part<'reasoning-start' | 'reasoning-delta' | 'reasoning-end'>): Generator<ModelDelta> {
    const redacted = noted(part.providerMetadata, ['redactedData'])
    // OpenAI sends a first, unfinished form of the encrypted content when a part starts: only the last one counts.
    const seals = part.type === 'reasoning-end' ? [...signatureKeys, 'reasoningEncryptedContent'] : signatureKeys
    const signature = noted(part.providerMetadata, seals)
    if (signature !== null) this.signatures.set(part.id, signature)
    if (redacted !== null) {
      this.thought = true
      yield { type: 'redacted_reasoning', data: redacted }
    } else if (part.type === 'reasoning-start' && this.unsealed) {
      yield { type: 'reasoning', reasoning: '\n\n' }
    } else if (part.type === 'reasoning-delta' && part.delta !== '') {
      this.thought = true
      this.unsealed = true
      yield { type: 'reasoning', reasoning: part.delta }
    } else if (part.type === 'reasoning-end' && this.signatures.has(part.id)) {
      this.thought = true
      this.unsealed = false
      yield { type: 'reasoning', reasoning: '', signature: this.signatures.get(part.id) ?? null }
    }
  }

  private *call(part: Part<'tool-call'>): Generator<ModelDelta> {
    const announced = this.started.has(part.toolCallId)
    const id = this.callId(part.toolCallId)
    if (!announced) yield { type: 'tool_call_start', id, name: part.toolName }
    this.calls += 1
    this.unsealed = false
    const signature = noted(part.providerMetadata, ['thoughtSignature'])
    const call = { id, name: part.toolName, arguments: this.argumentsOf(part.toolName, part.input) }
    yield { type: 'tool_call', call: signature === null ? call : { ...call, signature } }
  }

  /** The text as the model wrote it; a strict call alone is parsed, to take out the nulls that strict mode forces. */
  private argumentsOf(name: string, text: string): string {
    const tool = this.request.tools.find((one) => one.name === name)
    if (!tool || !isStrict(this.request, this.target.dialect)) return text === '' ? '{}' : text
    try {
      return JSON.stringify(withoutForcedNulls(JSON.parse(text), tool.parameters))
    } catch {
      return text
    }
  }

  finish({ finishReason, usage }: Part<'finish'>): ModelDelta {
    const { unified } = finishReason
    if (unified === 'error' || unified === 'interrupted') throw cutOff(this.target.handle)
    const reasons: Record<typeof unified, FinishReason> = {
      stop: this.calls > 0 ? 'tool_calls' : 'stop',
      length: 'length',
      'content-filter': 'content_filter',
      'tool-calls': 'tool_calls',
      other: this.calls > 0 ? 'tool_calls' : 'other',
    }
    const reason = reasons[unified]
    const empty = !this.said && !this.thought && this.calls === 0
    // After its tools have answered, a model may end its turn without another word.
    const done = unified === 'stop' && this.request.messages.at(-1)?.role === 'tool'
    if (empty && !done && reason !== 'length' && reason !== 'content_filter') throw emptyResponse(this.target.handle)
    return { type: 'finish', reason, usage: usageOf(usage) }
  }
}

/** The body of a request, which the SDK reports as values or as their text. */
function bodyOf(body: unknown): Record<string, unknown> | null {
  const value: unknown = typeof body === 'string' ? JSON.parse(body) : body
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

async function* stream(
  language: LanguageModelV4,
  target: ModelTarget,
  request: ModelRequest,
  signal: AbortSignal,
  sent: Parameters<Model['stream']>[2],
): AsyncGenerator<ModelDelta> {
  const patience = new Patience(signal, target)
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined
  try {
    const started = language.doStream({ ...callOptions(request, target), abortSignal: patience.abortSignal })
    const { stream, request: made } = await patience.wait(started)
    reader = stream.getReader()
    const body = bodyOf(made?.body)
    if (body) sent?.(body)
    const reply = new Reply(request, target)
    for (;;) {
      const { done, value } = await patience.wait(reader.read())
      if (done) throw cutOff(target.handle)
      if (value.type === 'finish') {
        yield reply.finish(value)
        return
      }
      yield* reply.take(value)
    }
  } catch (error) {
    throw patience.cause(error)
  } finally {
    patience.end()
    reader?.cancel().catch(() => {})
  }
}

/**
 * A language model of the AI SDK as a `Model`. Nothing is retried here. A `reasoning` delta that carries a signature ends its
 * reasoning part: what follows belongs to the next. Tool arguments are passed on as the text the model wrote, well-formed or not.
 * Every failure is thrown as a ModelError; an abort is thrown as the signal's reason, and ends the request to the provider.
 */
export function adapt(language: LanguageModelV4, target: ModelTarget): Model {
  const { handle, provider_name, name, endpoint, context_window } = target
  return {
    handle,
    provider_name,
    name,
    endpoint,
    context_window,
    stream: (request, signal, sent) => stream(language, target, request, signal, sent),
  }
}
