import type { Precondition } from '../db/precondition'
import { AppError } from '../lib/errors'

export { etagOf, type Precondition } from '../db/precondition'

/**
 * The precondition of a write, or null when the writer gave none. A `W/` prefix is ignored, since proxies add it; `*` matches any version.
 * An ETag of another row can never match, so it reads as version 0.
 */
export function precondition(id: string, ifMatch: string | undefined, baseVersion: number | undefined): Precondition | null {
  const tags = ifMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  if (ifMatch !== undefined && !tags.includes('*')) {
    const mine = tags.map((tag) => tag.match(/^"(.+):(\d+)"$/)).find((m) => m?.[1] === id)
    const version = mine ? Number(mine[2]) : 0
    if (baseVersion !== undefined && baseVersion !== version)
      throw new AppError('bad_request', 'If-Match and base_version name different versions; send one of them.')
    return { version, source: 'if-match' }
  }
  return baseVersion === undefined ? null : { version: baseVersion, source: 'base_version' }
}
