import { and, eq, lt } from 'drizzle-orm'
import { createMiddleware } from 'hono/factory'
import { idempotencyKeys } from '../db/idempotency'
import { sha256 } from '../lib/crypto'
import { AppError } from '../lib/errors'
import type { AppEnv } from './router'

/** How long a request may hold its key before another may take it over: longer than any request of a resource lives. */
const lockMs = 60_000
/** Keys are kept for a day, then forgotten. (Keys of messages never are: the agent's object keeps them.) */
export const keptMs = 24 * 60 * 60 * 1000

/** Requests whose idempotency the agent's object decides, in the same transaction as the run. */
const decidedByAgent = /\/messages(\/(async|stream))?\/?$/

/**
 * `Idempotency-Key` on POST: the first answer below 500 is stored and sent again to whoever repeats the key with the same
 * request; another request under the same key is a 422, a repeat while the first is being served a 409 that may be retried.
 */
export const idempotent = createMiddleware<AppEnv>(async (c, next) => {
  const header = c.req.header('idempotency-key')
  if (c.req.method !== 'POST' || header === undefined || decidedByAgent.test(c.req.path)) return next()
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) throw new AppError('invalid', 'Idempotency-Key: must be 1 to 255 visible ASCII characters')
  const { db, actor } = c.get('ctx')
  const now = Date.now()
  const request_hash = await sha256(`${c.req.path}?${new URL(c.req.url).search}\n${await c.req.text()}`)
  const mine = and(eq(idempotencyKeys.organization_id, actor.organization_id), eq(idempotencyKeys.key, header))
  const locked_until = new Date(now + lockMs).toISOString()
  const [claimed] = await db
    .insert(idempotencyKeys)
    .values({ organization_id: actor.organization_id, key: header, request_hash, created_at: new Date(now).toISOString(), locked_until })
    .onConflictDoNothing()
    .returning()
  if (!claimed) {
    const [first] = await db.select().from(idempotencyKeys).where(mine)
    if (first && first.request_hash !== request_hash)
      throw new AppError('invalid', `Idempotency-Key: '${header}' was used for another request`)
    if (first?.status) {
      return c.body(first.body ?? '', first.status as 200, {
        'content-type': first.content_type ?? 'application/json',
        'idempotent-replayed': 'true',
      })
    }
    // Without an answer after its lock ran out, the first request died: exactly one repeat may take over.
    const [taken] = await db
      .update(idempotencyKeys)
      .set({ locked_until })
      .where(and(mine, lt(idempotencyKeys.locked_until, new Date(now).toISOString())))
      .returning()
    if (!taken)
      throw new AppError(
        'idempotency_in_progress',
        'The first request with this Idempotency-Key is still being served. Try again in a moment.',
        { headers: { 'retry-after': '1', 'x-should-retry': 'true' } },
      )
  }
  await next()
  if (c.res.status >= 500 || c.res.status === 429) {
    await db.delete(idempotencyKeys).where(mine)
    return
  }
  const answer = { status: c.res.status, content_type: c.res.headers.get('content-type'), body: await c.res.clone().text() }
  await db.update(idempotencyKeys).set(answer).where(mine)
})
