import type { Ctx } from '../context'
import { sha256 } from '../lib/crypto'
import { isAppError } from '../lib/errors'
import { type IdKind, idPrefixes, newId, uuidFrom } from '../lib/id'

/**
 * Creates what a request asks for once, also when a crash kept its first try from being answered. The id comes from the `Idempotency-Key`,
 * so a repeat finds what the first try made: `finish` completes it and returns it, or throws `not_found` when there is nothing yet.
 */
export async function createOnce<T>(
  ctx: Ctx,
  kind: IdKind,
  make: (id: string) => Promise<T>,
  finish: (id: string) => Promise<T>,
): Promise<T> {
  if (!ctx.once) return make(newId(kind))
  const id = `${idPrefixes[kind]}-${ctx.once.uuid}`
  if (!ctx.once.again) return make(id)
  try {
    return await finish(id)
  } catch (error) {
    if (!isAppError(error) || error.kind !== 'not_found') throw error
    return make(id)
  }
}

/** The same for `n` rows that are created together: `find` answers with those of the ids that are there, which is all of them or none. */
export async function createManyOnce<T>(
  ctx: Ctx,
  kind: IdKind,
  n: number,
  make: (ids: string[]) => Promise<T[]>,
  find: (ids: string[]) => Promise<T[]>,
): Promise<T[]> {
  const { once } = ctx
  if (!once) return make(Array.from({ length: n }, () => newId(kind)))
  const digests = await Promise.all(Array.from({ length: n }, (_, i) => sha256(`${once.uuid}\n${i}`)))
  const ids = digests.map((digest) => `${idPrefixes[kind]}-${uuidFrom(digest)}`)
  const found = once.again ? await find(ids) : []
  return found.length === n ? found : make(ids)
}
