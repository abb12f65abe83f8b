import { APICallError } from '@ai-sdk/provider'
import { EgressError } from '../lib/egress'
import { messageOf } from '../lib/errors'
import { ModelError, type ModelErrorType } from '../runtime/model'

/** What can be learnt of a failure, wherever it came from: an HTTP answer, an event in a stream, or the network. */
interface Failure {
  message: string
  status: number | null
  body: string
  headers: Record<string, string>
  /** The connection failed or broke: nothing is wrong with the request. */
  broken: boolean
}

const tooLong =
  /context[_ ]length[_ ]exceeded|maximum context length|exceed\w* (the |this )?(\w+('s)? )?(available )?context (window|size|length)|context (window|size) (has been )?exceeded|exceed_context_size|prompt is too long|input is too long|too many (input )?tokens|input token count|reduce the length of (the|your)|request (is )?too large|input length and `?max_tokens`? exceed|model_context_window_exceeded/i
const unpaid = /credit balance is too low|insufficient[_ ](funds|credits?|balance)|out of credits|payment required/i
const badKey = /api[ _]key not valid|invalid[ _]api[ _]key|incorrect api key|API_KEY_INVALID/i
const network =
  /network|connection|socket|fetch failed|internal error|disconnected|terminated|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|other side closed/i
const secrets = /\b(sk|AIza|gsk|xai)[-_]?[\w*-]{12,}/g

const field = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined)
const json = (value: unknown): string => (value === undefined ? '' : (JSON.stringify(value) ?? ''))

function failureOf(error: unknown): Failure {
  if (APICallError.isInstance(error)) {
    const status = error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : null
    const body = error.responseBody ?? json(error.data)
    // A failure after a good status is a stream that broke off.
    const broken = status === null && (error.isRetryable || error.statusCode !== undefined || network.test(error.message))
    const reason = broken && error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
    return { message: reason || body.slice(0, 300), status, body, headers: error.responseHeaders ?? {}, broken }
  }
  if (error instanceof EgressError)
    return { message: error.message, status: null, body: '', headers: {}, broken: error.reason === 'unreachable' }
  if (error instanceof Error) {
    const malformed = /JSONParse|TypeValidation|InvalidResponseData|EmptyResponseBody|NoContent/.test(error.name)
    const refused = /Unsupported|InvalidPrompt|InvalidArgument/.test(error.name)
    const broken =
      malformed || field(error, 'retryable') === true || network.test(messageOf(error.cause ?? '')) || network.test(error.message)
    return { message: error.message, status: refused ? 400 : null, body: '', headers: {}, broken: broken && !refused }
  }
  const inner = field(error, 'error') ?? error
  const code = field(inner, 'statusCode') ?? field(inner, 'status') ?? field(inner, 'code')
  const number = Number(code)
  const message = field(inner, 'message')
  return {
    message: typeof message === 'string' ? message : typeof inner === 'string' ? inner : json(inner),
    status: Number.isInteger(number) && number >= 400 && number < 600 ? number : statusOfType(`${field(inner, 'type')} ${code}`),
    body: json(field(inner, 'data') ?? inner),
    headers: {},
    broken: false,
  }
}

/** The status that a provider would have answered, by the word it uses within a stream. */
function statusOfType(type: string): number | null {
  const words: [RegExp, number][] = [
    [/rate_limit|resource_exhausted|too_many/i, 429],
    [/overloaded|unavailable/i, 503],
    [/auth/i, 401],
    [/permission/i, 403],
    [/not_found/i, 404],
    [/invalid|bad_request|context_length/i, 400],
    [/timeout|deadline/i, 504],
    [/server|internal|api_error/i, 500],
  ]
  return words.find(([word]) => word.test(type))?.[1] ?? null
}

function classify({ message, status, body, broken }: Failure): { type: ModelErrorType; transient: boolean } {
  const said = `${message} ${body}`
  if (status === 402 || (status !== null && status < 500 && unpaid.test(said)) || /insufficient_quota/.test(said)) {
    return { type: 'llm_insufficient_credits', transient: false }
  }
  if (status === 401 || (status === 400 && badKey.test(said))) return { type: 'llm_authentication', transient: false }
  if (status === 403) return { type: 'llm_permission_denied', transient: false }
  if (status === 404) return { type: 'llm_not_found', transient: false }
  if (tooLong.test(said) || status === 413) return { type: 'context_window_exceeded', transient: false }
  if (status === 429) return { type: 'llm_rate_limit', transient: true }
  if (status === 408 || status === 504) return { type: 'llm_timeout', transient: true }
  if (status === 409 || status === 425) return { type: 'llm_error', transient: true }
  if (status !== null && status < 500) return { type: 'llm_bad_request', transient: false }
  return { type: 'llm_error', transient: status !== null || broken || /overloaded|capacity/i.test(said) }
}

/** Milliseconds that a provider asks to be left alone: `retry-after-ms`, `retry-after` (seconds or a date), or Google's `retryDelay`. */
export function retryAfter(headers: Record<string, string>, body: string, now: number = Date.now()): number | null {
  const ms = Number(headers['retry-after-ms'] || Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return Math.round(ms)
  const given = headers['retry-after'] ?? ''
  const seconds = Number(given || Number.NaN)
  if (Number.isFinite(seconds) && seconds >= 0) return Math.round(seconds * 1000)
  const date = Date.parse(given)
  if (Number.isFinite(date)) return Math.max(0, date - now)
  const delay = /"retryDelay":\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1]
  return delay === undefined ? null : Math.round(Number(delay) * 1000)
}

/**
 * Any failure of a model call as a ModelError that names the model, the status and the provider's own words, without keys: neither
 * `secret` nor what looks like one. A failed connection names the endpoint instead of a status.
 */
export function toModelError(error: unknown, handle: string, endpoint: string | null = null, secret?: string | null): ModelError {
  if (error instanceof ModelError) return error
  const failure = failureOf(error)
  const { type, transient } = classify(failure)
  const clean = (text: string) => (secret && secret.length >= 8 ? text.replaceAll(secret, '[key]') : text).replace(secrets, '[key]')
  const words = clean(failure.message || 'no reason given')
  const where = failure.broken ? `Connection error${endpoint === null ? '' : ` (${endpoint})`}: ` : ''
  return new ModelError(type, `${handle}: ${failure.status === null ? where : `HTTP ${failure.status}: `}${words}`, {
    transient,
    retryAfterMs: retryAfter(failure.headers, failure.body),
    status: failure.status,
    detail: failure.body ? clean(failure.body).slice(0, 2000) : null,
  })
}

/** The failure of a model that has been silent for too long. */
export const silence = (handle: string, ms: number): ModelError =>
  new ModelError('llm_timeout', `${handle}: Request timed out: no answer for ${ms / 1000} s (MODEL_TIMEOUT_SECONDS).`, { transient: true })

/** The failure of a response that stopped before its end. */
export const cutOff = (handle: string): ModelError =>
  new ModelError('llm_error', `${handle}: Connection error: the response ended before it was complete.`, { transient: true })

/** The failure of a response without text, reasoning or tool calls. */
export const emptyResponse = (handle: string): ModelError =>
  new ModelError('llm_empty_response', `${handle}: The model returned empty content in its response.`, { transient: true })
