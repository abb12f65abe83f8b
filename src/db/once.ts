import type { Ctx } from '../context'
import { isAppError } from '../lib/errors'
import { type IdKind, idPrefixes, newId } from '../lib/id'

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
