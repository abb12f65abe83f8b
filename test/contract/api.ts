import Letta, { type ClientOptions } from '@letta-ai/letta-client'
import type { OpenApiDocument } from '../support/operations'
import { startServer } from '../support/server'
import { conformanceTo } from './conformance'
import { record } from './coverage'

/** One request that was made and the head of its answer. */
export interface Exchange {
  method: string
  path: string
  status: number
  sent: Headers
  headers: Headers
}

/** A member of a fresh organization: the SDK with its key, and plain requests. */
export interface Member {
  client: Letta
  key: string
  organization_id: string
  /** A plain request with the key; a body that is no string is sent as JSON. */
  fetch(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  /** What the SDK has sent since the last time this was asked. */
  exchanges(): Exchange[]
}

/** The running server and what was seen of it. */
export interface Api {
  url: string
  document: OpenApiDocument
  /** SDK methods that were answered well. */
  called: Set<string>
  member(options?: ClientOptions): Promise<Member>
  /** Answers to the SDK, since the last time this was asked, that the OpenAPI document does not describe. */
  violations(): string[]
  stop(): Promise<unknown>
}

const adminKey = 'contract-admin-key'

export async function startApi(env: Record<string, string> = {}): Promise<Api> {
  const server = await startServer({
    env: { AUTH: 'keys', ADMIN_KEY: adminKey, LOG_LEVEL: 'error', DEFAULT_EMBEDDING: '', EMBED_MESSAGES: 'off', ...env },
  })
  const { url } = server
  const document: OpenApiDocument = await (await fetch(`${url}/openapi.json`)).json()
  const conforms = conformanceTo(document)
  const called = new Set<string>()
  const violations: string[] = []

  const plain =
    (key: string) =>
    (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })

  const asAdmin = async (path: string, body: unknown): Promise<Record<string, string>> => {
    const response = await plain(adminKey)('POST', path, body)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }

  return {
    url,
    document,
    called,
    violations: () => violations.splice(0),
    stop: () => server.stop(),
    async member(options = {}) {
      const { id: organization_id = '' } = await asAdmin('/v1/admin/orgs', { name: 'contract' })
      const { key = '' } = await asAdmin('/v1/admin/api-keys', { organization_id, name: 'contract' })
      const exchanges: Exchange[] = []
      const observed: typeof fetch = async (input, init) => {
        const request = new Request(input, init)
        const response = await fetch(input, init)
        const path = new URL(request.url).pathname
        exchanges.push({ method: request.method, path, status: response.status, sent: request.headers, headers: response.headers })
        if (/\bjson\b/.test(response.headers.get('content-type') ?? '')) {
          const body = await response.clone().json()
          violations.push(...conforms(request.method, path, response.status, body))
        }
        return response
      }
      const client = new Letta({ baseURL: url, apiKey: key, fetch: observed, ...options })
      return {
        client: record(client, called),
        key,
        organization_id,
        fetch: plain(key),
        exchanges: () => exchanges.splice(0),
      }
    },
  }
}

/** Every item that the SDK's own paging goes through. */
export async function everyItem<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of list) items.push(item)
  return items
}

/** The error that a promise is rejected with. */
export async function failureOf<E>(promise: PromiseLike<unknown>, type: new (...args: never[]) => E): Promise<E> {
  try {
    await promise
  } catch (error) {
    if (error instanceof type) return error
    throw error
  }
  throw new Error(`a ${type.name} was expected`)
}

/** Tries `look` until it says something. */
export async function until<T>(look: () => Promise<T | null | undefined | false>, limit = 10_000): Promise<T> {
  for (const began = performance.now(); ; ) {
    const seen = await look()
    if (seen) return seen
    if (performance.now() - began > limit) throw new Error(`it did not come about within ${limit} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
