import { EgressError } from '../lib/egress'
import { messageOf } from '../lib/errors'
import type { McpEndpoint } from './client'

/**
 * Why a server could not be used: it took too long, it cannot be reached or refuses to be, or it answered a request with a JSON-RPC error.
 */
export type McpReason = 'timeout' | 'unavailable' | 'refused'

/** A failure of an MCP server. `message` is a sentence without secrets. */
export class McpError extends Error {
  override readonly name = 'McpError'
  constructor(
    readonly reason: McpReason,
    message: string,
  ) {
    super(message)
  }
}

const field = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined)

/** An error and what caused it, outermost first. */
function* causes(error: unknown): Generator<unknown> {
  for (let depth = 0, at = error; at !== undefined && at !== null && depth < 8; depth++) {
    yield at
    at = field(at, 'cause')
  }
}

/** The HTTP status that an error of a transport tells, if any. */
const statusOf = (error: unknown): number | null => {
  const found = [field(error, 'status'), field(field(error, 'data'), 'status'), field(error, 'code')].find(
    (value) => typeof value === 'number' && value >= 300 && value < 600,
  )
  return typeof found === 'number' ? found : null
}

const statusWords: Record<number, string> = {
  401: 'it wants authorization (401): check auth_token and custom_headers',
  403: 'it forbids access (403): check auth_token and custom_headers',
  404: 'there is no MCP server at its URL (404)',
  405: 'it does not take this transport at its URL (405)',
}

function classify(error: unknown): { reason: McpReason; words: string } {
  const chain = [...causes(error)]
  const own = chain.find((one): one is McpError => one instanceof McpError)
  if (own) return { reason: own.reason, words: own.message }
  const egress = chain.find((one): one is EgressError => one instanceof EgressError)
  if (egress) return { reason: egress.reason === 'timeout' ? 'timeout' : 'unavailable', words: egress.message }
  if (chain.some((one) => field(one, 'code') === 'REQUEST_TIMEOUT')) return { reason: 'timeout', words: 'it did not answer in time' }
  const status = chain.map(statusOf).find((one) => one !== null)
  if (status) return { reason: 'unavailable', words: statusWords[status] ?? `it answered ${status}: ${messageOf(error)}` }
  if (typeof field(error, 'code') === 'number') return { reason: 'refused', words: messageOf(error) }
  return { reason: 'unavailable', words: messageOf(error) }
}

/** Any failure of a session as an McpError that names the server; values of its headers are struck out. */
export function mcpErrorOf(error: unknown, endpoint: Pick<McpEndpoint, 'name' | 'headers'>): McpError {
  const { reason, words } = classify(error)
  const secrets = Object.values(endpoint.headers)
    .flatMap((value) => [value, value.split(' ').at(-1) ?? ''])
    .filter((value) => value.length >= 8)
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), words)
  return new McpError(reason, `MCP server '${endpoint.name}': ${clean.slice(0, 1000)}`)
}
