import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ZodError } from 'zod'
import { brokenConstraint } from '../db/errors'
import { AppError, type ErrorKind, errorKinds, isAppError, messageOf } from '../lib/errors'
import { log } from '../lib/log'

/** RFC 9457, with `detail` always a string: clients of the Letta API read only `detail`. Some kinds have members of their own. */
export const Problem = z
  .looseObject({
    type: z.string().meta({ description: 'Path that names the kind of problem.', example: '/errors/not_found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What was wrong, where, and what to do.' }),
    code: z.string().meta({ description: 'The kind of problem, for programs.', example: 'not_found' }),
    request_id: z.string(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'On 422: each field that was wrong.' }),
  })
  .meta({ id: 'Problem' })

const describe = (kind: ErrorKind) => ({
  description: errorKinds[kind].title,
  content: { 'application/problem+json': { schema: Problem } },
})

/** The failures every operation documents. */
export const problems = {
  400: describe('bad_request'),
  401: describe('unauthenticated'),
  403: describe('forbidden'),
  404: describe('not_found'),
  409: describe('conflict'),
  415: describe('unsupported_media_type'),
  422: describe('invalid'),
  429: describe('rate_limited'),
}

/** Kinds that repeat themselves however often the request is sent again; the SDKs re-send 409 and 5xx unless told not to. */
const deterministic = new Set<ErrorKind>([
  'conflict',
  'version_conflict',
  'llm_authentication',
  'llm_rate_limit',
  'llm_error',
  'llm_timeout',
  'mcp_connection_error',
  'mcp_server_unavailable',
  'mcp_timeout',
  'not_implemented',
  'provider_unreachable',
])

function problem(c: Context, kind: ErrorKind, detail: string, extra: Record<string, unknown> = {}) {
  const { status, title } = errorKinds[kind]
  const { headers, ...fields } = extra as { headers?: Record<string, string>; code?: string }
  const body = { ...fields, type: `/errors/${kind}`, title, status, detail, code: fields.code ?? kind, request_id: c.get('requestId') }
  return c.json(body, status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    ...(deterministic.has(kind) ? { 'x-should-retry': 'false' } : {}),
    ...headers,
  })
}

/** What an error came from. Drizzle wraps a failed query in an error that repeats its parameters, which must not be logged. */
const rootOf = (error: Error): Error => (error.cause instanceof Error ? rootOf(error.cause) : error)

export function onError(error: Error, c: Context) {
  if (isAppError(error)) {
    c.set('problem', error.kind)
    return problem(c, error.kind, error.message, error.extra)
  }
  if (error instanceof HTTPException) {
    if (error.status === 413) return problem(c, 'payload_too_large', error.message)
    if (error.status === 415) return problem(c, 'unsupported_media_type', 'Send the body as JSON, with content-type: application/json.')
    return problem(c, error.status < 500 ? 'bad_request' : 'internal', error.message || 'The request could not be read as JSON')
  }
  const broken = brokenConstraint(error)
  const cause = rootOf(error)
  log('error', { msg: 'unhandled', request_id: c.get('requestId'), error: messageOf(cause), stack: cause.stack })
  if (broken) return problem(c, 'conflict', 'The change conflicts with what is stored. Read the current state and try again.')
  return problem(c, 'internal', 'An unknown error occurred')
}

export const onMissing = (c: Context) => problem(c, 'not_found', `No route for ${c.req.method} ${c.req.path}`)

/** What a failed validation says: every field by its path, in words. */
export function invalid(error: ZodError, where = 'body'): AppError {
  const errors = error.issues.map((issue) => ({ field: issue.path.join('.') || where, message: issue.message }))
  return new AppError('invalid', errors.map((e) => `${e.field}: ${e.message}`).join('; '), { errors })
}

export function onInvalid(result: { success: true } | { success: false; error: unknown; target?: string }) {
  if (!result.success) throw invalid(result.error as ZodError, result.target === 'json' ? 'body' : result.target)
}
