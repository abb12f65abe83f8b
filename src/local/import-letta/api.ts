import { setTimeout as delay } from 'node:timers/promises'

// biome-ignore lint/suspicious/noExplicitAny: rows of another server, of any version; what is used of them is checked where it is used
export type Row = Record<string, any>

/** An answer that is no success. */
export class ApiError extends Error {
  readonly status: number
  readonly body: Row

  constructor(status: number, body: Row, what: string) {
    super(`${what}: ${status} ${detailOf(body)}`)
    this.status = status
    this.body = body
  }

  get code(): string {
    return String(this.body.code ?? '')
  }
  /** The server has no such endpoint. */
  get unserved(): boolean {
    const routeless = this.status === 404 && /^(not found|no route)/i.test(detailOf(this.body))
    return routeless || this.status === 501 || this.status === 405 || this.status === 410
  }
}

/** What a problem says, whichever server says it. */
function detailOf(body: Row): string {
  const { detail = body } = body
  return (typeof detail === 'string' ? detail : JSON.stringify(detail)).slice(0, 2000)
}

export interface Sent {
  query?: Record<string, string | number | boolean | string[]>
  json?: unknown
  form?: () => FormData
  key?: string
  /** How often it is tried when what fails may pass; six times unless given. */
  tries?: number
}

const passing = new Set([408, 425, 429, 500, 502, 503, 504])

/** A server that speaks the Letta API, over HTTP. What passes by itself is tried again. */
export class Api {
  readonly url: string
  readonly #token: string | null

  constructor(url: string, token: string | null) {
    this.url = url
    this.#token = token
  }

  get = (path: string, query: Sent['query'] = {}) => this.send('GET', path, { query })

  /** The body of the answer. Throws an ApiError, or an Error that names the server when it cannot be reached. */
  async send(method: string, path: string, sent: Sent = {}): Promise<unknown> {
    const pairs = Object.entries(sent.query ?? {}).flatMap(([key, value]) => [value].flat().map((each) => [key, String(each)]))
    const query = new URLSearchParams(pairs)
    const address = `${this.url}${path}${query.size > 0 ? `?${query}` : ''}`
    const what = `${method} ${path}`
    const tries = sent.tries ?? 6
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#once(method, address, sent).catch((error: Error) => error)
      if (answer instanceof Response) {
        const body: unknown = await answer.json().catch(() => ({}))
        if (answer.ok) return body
        const again = passing.has(answer.status) || answer.headers.get('x-should-retry') === 'true'
        if (!again || attempt === tries) throw new ApiError(answer.status, (body ?? {}) as Row, what)
        await delay(Number(answer.headers.get('retry-after')) * 1000 || 200 * 2 ** attempt)
      } else {
        if (attempt === tries) throw new Error(`${what}: ${this.url} cannot be reached (${reasonOf(answer)})`)
        await delay(200 * 2 ** attempt)
      }
    }
  }

  #once(method: string, address: string, { json, form, key }: Sent): Promise<Response> {
    return fetch(address, {
      method,
      headers: {
        accept: 'application/json',
        // Servers of the first generations answer differently to clients that they do not know.
        'user-agent': 'Letta/JS 1.12.1',
        'x-stainless-package-version': '1.12.1',
        ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
        ...(key ? { 'idempotency-key': key } : {}),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form ? { body: form() } : {}),
    })
  }
}

const reasonOf = (error: Error): string => (error.cause instanceof Error ? error.cause.message : error.message)

/**
 * Every row of a list, in its order, each once. Servers differ in what a cursor means: when the next page brings nothing new, it is asked
 * for by the other cursor, then by one large page. `onCut` is told when a list still seems to go on.
 */
export async function* rowsOf(
  api: Api,
  path: string,
  query: Record<string, string | number | boolean> = {},
  onCut: (path: string) => void = () => {},
): AsyncGenerator<Row[]> {
  const limit = Number(query.limit ?? 100)
  const seen = new Set<string>()
  const page = async (extra: Record<string, string | number>): Promise<{ rows: Row[]; fresh: Row[] }> => {
    const body = await api.get(path, { limit, ...query, ...extra })
    const rows = listIn(body)
    const fresh = rows.filter((row) => !seen.has(nameOf(row)))
    for (const row of fresh) seen.add(nameOf(row))
    return { rows, fresh }
  }
  let last = await page({})
  while (last.fresh.length > 0) {
    yield last.fresh
    const cursor = String(last.rows.at(-1)?.id ?? '')
    let next = await page({ after: cursor })
    if (next.rows.length > 0 && next.fresh.length === 0 && last.rows.length >= limit) {
      next = await page({ before: cursor })
      if (next.fresh.length === 0) next = await page({ limit: 1000 })
      if (next.fresh.length === 0 && next.rows.length >= 1000) onCut(path)
    }
    last = next
  }
}

/** The rows of a list, also when it comes in an object. */
function listIn(body: unknown): Row[] {
  if (Array.isArray(body)) return body
  const inside = Object.values((body ?? {}) as Row).find(Array.isArray)
  return (inside ?? []) as Row[]
}

/** What tells rows apart: parts of one message share its id. */
const nameOf = (row: Row): string => `${row.id ?? JSON.stringify(row)} ${row.message_type ?? ''} ${row.otid ?? ''}`

/** All rows of a list. */
export async function allRows(...list: Parameters<typeof rowsOf>): Promise<Row[]> {
  const found: Row[] = []
  for await (const rows of rowsOf(...list)) found.push(...rows)
  return found
}
