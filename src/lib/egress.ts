import ipaddr from 'ipaddr.js'
import { AppError } from './errors'

type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What an outbound request may reach and cost. Times are milliseconds, sizes bytes. */
export interface EgressPolicy {
  /** Host names, addresses and CIDR ranges that may be reached although they are not public; `loopback` names this machine. */
  allow: readonly string[]
  /** Refuses plain http, except to hosts in `allow`. */
  production: boolean
  /** Longest time from the first byte sent to the last byte read, redirects included. */
  timeoutMs: number
  /** Bytes of the response that are read; the rest is cancelled. */
  maxResponseBytes: number
  maxRedirects: number
  /** Transport for hosts that `allow` does not name. A transport that connects to public addresses only closes the gap of names (see `guardedFetch`). */
  publicFetch?: Fetch | undefined
}

export type EgressReason =
  | 'invalid_url'
  | 'scheme'
  | 'credentials'
  | 'private_address'
  | 'private_name'
  | 'redirect'
  | 'too_many_redirects'
  | 'timeout'
  | 'too_large'
  | 'unreachable'

/** A request that was refused or got no answer. `message` is a sentence; `status` is the answer that led to it, such as a redirect's. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
  constructor(
    readonly reason: EgressReason,
    message: string,
    readonly status?: number,
  ) {
    super(message)
  }
}

export interface EgressResponse {
  status: number
  headers: Headers
  /** The body as UTF-8 text, at most `maxResponseBytes` of it. */
  body: string
  truncated: boolean
  /** The address that answered, after redirects. */
  url: string
}

const privateNames = /(^|\.)(localhost|local|internal|home\.arpa|lan)$/
const allocatedV6 = ipaddr.parseCIDR('2000::/3')

/** The address a URL's host spells, without the disguise of an IPv4-mapped one; null for a name. */
function addressOf(host: string) {
  const bare = host.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(bare) ? ipaddr.parse(bare) : null
}

const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(allocatedV6))

function isAllowed(host: string, address: ReturnType<typeof addressOf>, allow: readonly string[]): boolean {
  const plain = address && ipaddr.process(address.toString())
  return allow.some((entry) => {
    if (entry === 'loopback') return plain ? plain.range() === 'loopback' : /(^|\.)localhost$/.test(host)
    if (!plain) return entry.toLowerCase() === host
    const [base = '', bits] = entry.replace(/[[\]]/g, '').split('/')
    if (!ipaddr.isValid(base)) return false
    const range = ipaddr.process(base)
    if (range.kind() !== plain.kind()) return false
    const length = bits === undefined ? (range.kind() === 'ipv4' ? 32 : 128) : Number(bits)
    return Number.isInteger(length) && plain.match(range, length)
  })
}

/** The URL, and whether `allow` names its host, when the policy lets it be reached; an EgressError otherwise. */
export function admit(text: string, policy: Pick<EgressPolicy, 'allow' | 'production'>): { url: URL; allowed: boolean } {
  if (!URL.canParse(text)) throw new EgressError('invalid_url', `'${text.slice(0, 200)}' is not an absolute URL`)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new EgressError('scheme', `the scheme '${url.protocol.slice(0, -1)}' is not http or https`)
  if (url.username || url.password) throw new EgressError('credentials', 'a URL with a user name or password is refused')
  const host = url.hostname.replace(/\.$/, '')
  const address = addressOf(host)
  const allowed = isAllowed(host, address, policy.allow)
  if (allowed) return { url, allowed }
  if (policy.production && url.protocol === 'http:') throw new EgressError('scheme', `'${url.origin}' is refused: only https may be used`)
  if (address && !isPublic(address))
    throw new EgressError('private_address', `'${url.hostname}' is refused: it is not a public address (${address.range()})`)
  if (!address && (privateNames.test(host) || !host.includes('.')))
    throw new EgressError('private_name', `'${url.hostname}' is refused: it is a name of a private network`)
  return { url, allowed }
}

/** The URL that a client gave in `field`, checked as far as it can be without sending; a 422 that names the field and the reason otherwise. */
export function checkUrl(text: string, policy: Pick<EgressPolicy, 'allow' | 'production'>, field = 'callback_url'): URL {
  try {
    return admit(text, policy).url
  } catch (error) {
    if (!(error instanceof EgressError)) throw error
    const hint = error.reason.startsWith('private') ? '. Use a public address, or have the operator name the host in EGRESS_ALLOW' : ''
    const message = `${error.message}${hint}`
    throw new AppError('invalid', `${field}: ${message}`, { errors: [{ field, message }] })
  }
}

/** Rejects as soon as the signal aborts, whether or not the work itself listens to it. */
function during<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function readBody(response: Response, limit: number, signal: AbortSignal): Promise<{ body: string; truncated: boolean }> {
  const reader = response.body?.getReader()
  if (!reader) return { body: '', truncated: false }
  const decoder = new TextDecoder()
  let body = ''
  let size = 0
  try {
    while (size <= limit) {
      const { done, value } = await during(signal, reader.read())
      if (done) return { body: body + decoder.decode(), truncated: false }
      body += decoder.decode(value.subarray(0, limit - size), { stream: true })
      size += value.byteLength
    }
    return { body, truncated: true }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** What the platform says when a connection fails carries no name; the sentence says what it can mean. */
export const unreachable = (url: URL, error: unknown) => {
  const said = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error)
  const why = said.startsWith('internal error') ? 'its name does not resolve, it refuses connections, or its address is not public' : said
  return new EgressError('unreachable', `'${url.origin}' could not be reached: ${why}`)
}

/** Where a redirect leads, or why it is not followed: another method than GET keeps its body only with 307 and 308. */
function redirectTarget(response: Response, from: URL, method: string): string {
  const { status } = response
  const location = response.headers.get('location') ?? ''
  if (!location || !URL.canParse(location, from.href))
    throw new EgressError('redirect', `the redirect (${status}) names no usable location`, status)
  if (status !== 307 && status !== 308 && method !== 'GET' && method !== 'HEAD')
    throw new EgressError('redirect', `the redirect (${status}) would turn the ${method} into a GET; only 307 and 308 are followed`, status)
  return new URL(location, from).href
}

async function exchange(text: string, init: GuardedInit, policy: EgressPolicy, signal: AbortSignal): Promise<EgressResponse> {
  const { method = 'GET' } = init
  const headers = new Headers(init.headers)
  let { url, allowed } = admit(text, policy)
  for (let hop = 0; ; hop++) {
    const send: Fetch = (!allowed && policy.publicFetch) || fetch
    const request = { ...init, method, headers, signal, redirect: 'manual' as const }
    const response = await during(signal, send(url.href, request)).catch((error) => {
      throw signal.aborted ? error : unreachable(url, error)
    })
    const { status } = response
    if (![301, 302, 303, 307, 308].includes(status)) {
      const read = await readBody(response, policy.maxResponseBytes, signal).catch((error) => {
        throw signal.aborted ? error : new EgressError('unreachable', `the connection broke within the answer (${status})`, status)
      })
      return { status, headers: response.headers, url: url.href, ...read }
    }
    response.body?.cancel().catch(() => undefined)
    const target = redirectTarget(response, url, method)
    if (hop >= policy.maxRedirects)
      throw new EgressError('too_many_redirects', `more than ${policy.maxRedirects} redirects were answered`, status)
    const { origin } = url
    try {
      ;({ url, allowed } = admit(target, policy))
    } catch (error) {
      throw error instanceof EgressError
        ? new EgressError(error.reason, `the redirect (${status}) is not followed: ${error.message}`, status)
        : error
    }
    if (url.origin !== origin) for (const name of ['authorization', 'cookie', 'proxy-authorization']) headers.delete(name)
  }
}

/** A request whose body can be sent again, as a redirect demands. */
export interface GuardedInit {
  method?: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal
}

/**
 * `fetch` for addresses that a stranger chose: public addresses only, every redirect checked like the first URL, time and size bounded.
 *
 * Hosts are judged as the URL parser writes them, so decimal, octal and IPv4-mapped spellings of an address are that address. Names
 * cannot be resolved before a Worker's fetch; a public name that points to a private address is stopped where the connection is made: on
 * Cloudflare fetch reaches no private network, and elsewhere `publicFetch` must be a transport restricted to public addresses.
 * Throws an EgressError when the request is refused, fails or takes too long; any complete answer, also a 500, is a result.
 */
export async function guardedFetch(url: string, init: GuardedInit, policy: EgressPolicy): Promise<EgressResponse> {
  const deadline = AbortSignal.timeout(policy.timeoutMs)
  const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline
  try {
    return await exchange(url, init, policy, signal)
  } catch (error) {
    if (error instanceof EgressError || !deadline.aborted || init.signal?.aborted) throw error
    throw new EgressError('timeout', `no complete answer within ${policy.timeoutMs / 1000} s`)
  }
}
