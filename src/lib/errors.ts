/** Every failure the product can explain. The HTTP layer turns a kind into a status; nothing else knows statuses. */
export const errorKinds = {
  bad_request: { status: 400, title: 'Bad request' },
  unauthenticated: { status: 401, title: 'Authentication required' },
  llm_authentication: { status: 401, title: 'The model provider refused the key' },
  llm_insufficient_credits: { status: 402, title: 'The model provider asks for payment' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  mcp_server_unavailable: { status: 404, title: 'The MCP server cannot be reached' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  mcp_timeout: { status: 408, title: 'The MCP server did not answer in time' },
  conflict: { status: 409, title: 'Conflict' },
  version_conflict: { status: 409, title: 'The row has a newer version' },
  idempotency_in_progress: { status: 409, title: 'The first request is still being served' },
  gone: { status: 410, title: 'Gone' },
  precondition_failed: { status: 412, title: 'Precondition failed' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  invalid: { status: 422, title: 'Invalid request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  queue_full: { status: 429, title: 'Too many waiting requests' },
  llm_rate_limit: { status: 429, title: 'The model provider limits the rate' },
  llm_error: { status: 500, title: 'The model provider failed' },
  internal: { status: 500, title: 'Internal error' },
  not_implemented: { status: 501, title: 'Not available on this server' },
  llm_bad_request: { status: 400, title: 'The model provider refused the request' },
  mcp_connection_error: { status: 502, title: 'The MCP server cannot be used' },
  provider_unreachable: { status: 502, title: 'The model provider cannot be used' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
  llm_timeout: { status: 504, title: 'The model provider did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorKind = keyof typeof errorKinds

/**
 * A failure with a reason the caller may read.
 *
 * `detail` says what was wrong, where, and what to do. `extra` is merged into the problem body; the key `headers`
 * (a record) becomes response headers instead.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  constructor(
    readonly kind: ErrorKind,
    detail: string,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(detail)
  }
}

/** True for an AppError of this isolate or one that crossed RPC, which keeps an error's own fields but not its class. */
export const isAppError = (error: unknown): error is AppError =>
  error instanceof Error && ((error as Partial<AppError>).kind ?? '') in errorKinds

export const notFound = (what: string, id?: string): AppError =>
  new AppError('not_found', id === undefined ? `${what} not found` : `${what} '${id}' not found`)

/** The message of anything thrown, for logs and stored errors. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A result that crosses an RPC boundary: an expected failure is a value there, so that it is not logged as a crash. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; kind: ErrorKind; detail: string; extra: Record<string, unknown> }

/** Runs `work` and turns an AppError into a value; anything else is a defect and is thrown. */
export async function settle<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() }
  } catch (error) {
    if (!isAppError(error)) throw error
    return { ok: false, kind: error.kind, detail: error.message, extra: error.extra }
  }
}

/** The value of an outcome, or its failure thrown again. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw new AppError(outcome.kind, outcome.detail, outcome.extra)
}
