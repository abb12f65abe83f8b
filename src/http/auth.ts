import { createMiddleware } from 'hono/factory'
import type { Actor } from '../context'
import { database } from '../db/client'
import { configOf, missingSecrets } from '../env'
import { sameSecret } from '../lib/crypto'
import { AppError } from '../lib/errors'
import type { AppEnv } from './router'

/** Finds whom a key speaks for: null when it is unknown, expired or revoked. `defer` takes work that may outlive the response. */
export type KeyLookup = (d1: D1Database, key: string, defer: (work: Promise<unknown>) => void) => Promise<Actor | null>

/** The organization and user that a caller without a key acts as when `AUTH=open`: those of Letta's server. */
export const defaultActor: Actor = {
  organization_id: 'org-00000000-0000-4000-8000-000000000000',
  user_id: 'user-00000000-0000-4000-8000-000000000000',
  scopes: ['read', 'write'],
}

const bearer = (header: string | undefined) => header?.match(/^Bearer\s+(\S+)$/i)?.[1]

const isRead = (method: string, path: string) => method === 'GET' || method === 'HEAD' || /\/(search|export)$/.test(path)

/** Requires an API key (or, with `AUTH=open`, accepts none) and puts the caller's context on the request. */
export const authenticate = (lookup: KeyLookup) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const config = configOf(c.env)
    const missing = missingSecrets(config)
    if (missing.length > 0)
      throw new AppError('unavailable', `This deployment is not configured: set the secret ${missing.join(', ')} and deploy again.`)
    const db = database(c.env.DB)
    const key = bearer(c.req.header('authorization'))
    const known = key ? await lookup(c.env.DB, key, (work) => c.executionCtx.waitUntil(work)) : null
    if (!known && config.AUTH === 'keys') {
      throw new AppError(
        'unauthenticated',
        key ? 'The API key is unknown, expired or revoked.' : 'Send an API key: Authorization: Bearer <key>.',
      )
    }
    const actor = known ?? defaultActor
    const needed = isRead(c.req.method, c.req.path) ? 'read' : 'write'
    if (!actor.scopes.includes(needed)) throw new AppError('forbidden', `The API key lacks the scope '${needed}'.`)
    c.set('ctx', { db, env: c.env, config, actor, later: (work) => c.executionCtx.waitUntil(work) })
    await next()
  })

/** Requires the operator's `ADMIN_KEY`. */
export const authenticateAdmin = createMiddleware<AppEnv>(async (c, next) => {
  const config = configOf(c.env)
  const key = bearer(c.req.header('authorization'))
  if (!config.ADMIN_KEY) throw new AppError('unauthenticated', 'Administration is off: set the secret ADMIN_KEY.')
  if (!key || !(await sameSecret(key, config.ADMIN_KEY)))
    throw new AppError('unauthenticated', 'Send the admin key: Authorization: Bearer <ADMIN_KEY>.')
  const later = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  c.set('ctx', { db: database(c.env.DB), env: c.env, config, actor: defaultActor, later })
  await next()
})
