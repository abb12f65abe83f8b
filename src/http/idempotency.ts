import { and, eq, lt } from 'drizzle-orm'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Ctx } from '../context'
import { idempotencyKeys } from '../db/idempotency'
import { open, seal, sha256 } from '../lib/crypto'
import { AppError } from '../lib/errors'
import { uuidFrom } from '../lib/id'
import { iso } from '../lib/time'
import { isStreamed } from './middleware'
import type { AppEnv } from './router'

/** How long a request holds its key before a repeat may take it over. */
const lockMs = 15_000
/** Keys are kept for a day, then forgotten. (Keys of messages never are: the agent's object keeps them.) */
export const keptMs = 24 * 60 * 60 * 1000

/** Requests whose idempotency the agent's object decides, in the same transaction as the run. */
const decidedByAgent = /\/messages(\/(async|stream))?\/?$/

type Stored = typeof idempotencyKeys.$inferSelect

/** Claims a key for this request: `mine`, also `again` after a first request that died, or the first request's answer. Throws when it cannot be served now. */
async function claim({ db, actor }: Ctx, key: string, request_hash: string): Promise<'mine' | 'again' | Stored> {
  const { organization_id } = actor
  const [now, locked_until] = [iso(Date.now()), iso(Date.now() + lockMs)]
  const [claimed] = await db
    .insert(idempotencyKeys)
    .values({ organization_id, key, request_hash, created_at: now, locked_until })
    .onConflictDoNothing()
    .returning()
  if (claimed) return 'mine'
  const mine = and(eq(idempotencyKeys.organization_id, organization_id), eq(idempotencyKeys.key, key))
  const [first] = await db.select().from(idempotencyKeys).where(mine)
  if (first && first.request_hash !== request_hash) throw new AppError('invalid', `Idempotency-Key: '${key}' was used for another request`)
  if (first?.status) return first
  // Without an answer after its lock ran out, the first request died: exactly one repeat may take over.
  const [taken] = await db
    .update(idempotencyKeys)
    .set({ locked_until })
    .where(and(mine, lt(idempotencyKeys.locked_until, now)))
    .returning()
  if (taken) return 'again'
  const detail = 'The first request with this Idempotency-Key is still being served. Try again in a moment.'
  throw new AppError('idempotency_in_progress', detail, { headers: { 'retry-after': '1', 'x-should-retry': 'true' } })
}

/**
 * What tells a body from others: itself, of a form byte by byte, without the boundary, which a client makes up anew for each try. Of a form
 * that nothing may read before it is served, its length.
 */
async function content(c: Context<AppEnv>): Promise<string> {
  if (isStreamed(c.req)) return `form of ${c.req.header('content-length') ?? 'unknown'} bytes`
  const type = c.req.header('content-type') ?? ''
  if (!/^multipart\//i.test(type)) return c.req.text()
  const bytes = new TextDecoder('latin1').decode(await c.req.arrayBuffer())
  const boundary = type.match(/boundary="?([^";]+)/i)?.[1]
  return boundary ? bytes.replaceAll(boundary, '') : bytes
}

/** Keeps the answer under its key; an answer that must not be stored in the clear is sealed. What may succeed next time is not kept. */
async function keep({ db, actor, config }: Ctx, key: string, response: Response): Promise<void> {
  const mine = and(eq(idempotencyKeys.organization_id, actor.organization_id), eq(idempotencyKeys.key, key))
  const content_type = response.headers.get('content-type')
  const secret = response.headers.get('cache-control')?.includes('no-store') ?? false
  const passing = response.status >= 500 || response.status === 429 || content_type?.startsWith('text/event-stream')
  if (passing || (secret && !config.ENCRYPTION_KEY)) {
    await db.delete(idempotencyKeys).where(mine)
    return
  }
  const text = await response.clone().text()
  const body = secret && config.ENCRYPTION_KEY ? await seal(config.ENCRYPTION_KEY, text) : text
  await db.update(idempotencyKeys).set({ status: response.status, content_type, body, sealed: secret }).where(mine)
}

/**
 * `Idempotency-Key` on POST: the first answer below 500 is stored and sent again to whoever repeats the key with the same
 * request; another request under the same key is a 422, a repeat while the first is being served a 409 that may be retried.
 */
export const idempotent = createMiddleware<AppEnv>(async (c, next) => {
  const key = c.req.header('idempotency-key')
  if (c.req.method !== 'POST' || key === undefined || decidedByAgent.test(c.req.path)) return next()
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new AppError('invalid', 'Idempotency-Key: must be 1 to 255 visible ASCII characters')
  const ctx = c.get('ctx')
  const first = await claim(ctx, key, await sha256(`${c.req.path}${new URL(c.req.url).search}\n${await content(c)}`))
  if (typeof first === 'object') {
    const body = first.sealed && ctx.config.ENCRYPTION_KEY ? await open(ctx.config.ENCRYPTION_KEY, first.body ?? '') : first.body
    return c.body(body ?? '', first.status as 200, {
      'content-type': first.content_type ?? 'application/json',
      'idempotent-replayed': 'true',
    })
  }
  const uuid = uuidFrom(await sha256(`${ctx.actor.organization_id}\n${key}`))
  c.set('ctx', { ...ctx, once: { uuid, again: first === 'again' } })
  await next()
  await keep(ctx, key, c.res)
})
