import { setTimeout as delay } from 'node:timers/promises'

/** An answer over HTTP with its body read: JSON as a value, anything else as text. */
export interface Answer<T = unknown> {
  status: number
  headers: Headers
  body: T
  /** How often the request was sent. */
  tries: number
}

// biome-ignore lint/suspicious/noExplicitAny: a test asserts what an answer holds; typing it first would assert it twice
export type Call = <T = any>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer<T>>

/** Longest time for one try. */
const tryMs = 60_000
const busy = [429, 503]

/** A client that sends each request once and rejects when there is no whole answer. */
export function client(server: { readonly url: string }): Call {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      signal: AbortSignal.timeout(tryMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T, tries: 1 }
  }
}

/**
 * A client that sends the very same request again, with the same keys, until it is acknowledged: a connection that is refused or cut,
 * a body that breaks off, 429 and 503 are no acknowledgement. Every other answer is final. Rejects after `giveUpMs`.
 */
export function persistentClient(server: { readonly url: string }, giveUpMs = 90_000): Call {
  const once = client(server)
  return async (method, path, body, headers) => {
    const end = performance.now() + giveUpMs
    for (let tries = 1; ; tries++) {
      const last = await once(method, path, body, headers).catch((error: unknown) => error as Error)
      if (!(last instanceof Error) && !busy.includes(last.status)) return { ...last, tries }
      if (performance.now() > end) {
        const why = last instanceof Error ? `${last.message} ${String(last.cause ?? '')}` : `${last.status} ${JSON.stringify(last.body)}`
        throw new Error(`${method} ${path} was not acknowledged in ${tries} tries: ${why}`)
      }
      await delay(50 + Math.random() * 150)
    }
  }
}

/** The body of an answer that must be a success. */
export function bodyOf<T>({ status, body }: Answer<T>): T {
  if (status !== 200) throw new Error(`answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** All rows of a list, page by page, in the order asked for in `path`. */
// biome-ignore lint/suspicious/noExplicitAny: see Call
export async function allPages<T extends { id: string } = any>(call: Call, path: string, limit = 100): Promise<T[]> {
  const rows: T[] = []
  const join = path.includes('?') ? '&' : '?'
  for (;;) {
    const after = rows.at(-1) ? `&after=${rows.at(-1)?.id}` : ''
    const page = bodyOf(await call<T[]>('GET', `${path}${join}limit=${limit}${after}`))
    if (page.length === 0) return rows
    rows.push(...page)
  }
}

/** Waits until `probe` gives a value; rejects with `what` when it has not after `limit` milliseconds. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  limit = 30_000,
) {
  for (const end = performance.now() + limit; ; await delay(50)) {
    const value = await probe()
    if (value) return value
    if (performance.now() > end) throw new Error(`${what}: not within ${limit} ms`)
  }
}
