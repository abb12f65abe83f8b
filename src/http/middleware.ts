import type { HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import { configOf } from '../env'
import { depthOf, maxDepth } from '../lib/depth'
import { AppError } from '../lib/errors'
import { log, setLogLevel } from '../lib/log'
import type { AppEnv } from './router'

/** One canonical line a request: who asked for what, how it ended, how long it took. Bodies and keys are never in it. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  setLogLevel(configOf(c.env).LOG_LEVEL)
  const began = Date.now()
  await next()
  const { status } = c.res
  // What is not served (501) is no failure, and the failures of others (502, 504) are none of ours.
  log(status === 500 || status === 503 ? 'error' : status > 501 ? 'warn' : 'info', {
    msg: 'request',
    request_id: c.get('requestId'),
    method: c.req.method,
    path: c.req.path,
    status,
    ms: Date.now() - began,
    org: c.get('ctx')?.actor.organization_id,
    user: c.get('ctx')?.actor.user_id,
    outcome: c.get('problem'),
  })
})

/** Rate limiting per organization by Cloudflare's binding, when `RATE_LIMIT=on` and the binding is there. */
export const rateLimit = createMiddleware<AppEnv>(async (c, next) => {
  const { config, actor } = c.get('ctx')
  if (config.RATE_LIMIT === 'on' && c.env.RATE_LIMITER) {
    const { success } = await c.env.RATE_LIMITER.limit({ key: actor.organization_id })
    if (!success)
      throw new AppError('rate_limited', 'Too many requests of this organization. Try again in a minute.', {
        headers: { 'retry-after': '60' },
      })
  }
  await next()
})

/** A form whose file is stored while it arrives, under a limit of its own: nothing may read it before. */
export const isStreamed = (request: HonoRequest): boolean =>
  /^\/v1\/(folders|sources)\/[^/]+\/upload$/.test(request.path) && /^multipart\//i.test(request.header('content-type') ?? '')

/** Refuses JSON that is nested deeper than the database can read. A body too short for that is not looked at. */
export const shallowJson = createMiddleware<AppEnv>(async (c, next) => {
  const length = Number(c.req.header('content-length') ?? Number.POSITIVE_INFINITY)
  if (length > maxDepth && /^[^;]*\bjson\b/.test(c.req.header('content-type') ?? '') && depthOf(await c.req.text()) > maxDepth)
    throw new AppError('invalid', `body: is nested deeper than ${maxDepth} levels. Send it flatter.`)
  await next()
})
