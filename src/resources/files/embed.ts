import type { Env } from '../../env'
import { type ErrorKind, isAppError } from '../../lib/errors'
import type { FileRow } from './service'

/**
 * Makes stored passages of a file, given by their ids in order, findable by meaning. After a crash it may get passages again that it had
 * before, and must then come to the same. Throws an AppError: one that `isPassing` says may pass, for which the file is tried again later,
 * or another, which is the file's error. Any other error counts as passing.
 */
export type EmbedPassages = (env: Env, file: FileRow, ids: string[]) => Promise<void>

/** For folders without an embedding model: their passages are found by their words. */
export const embedPassages: EmbedPassages = async () => undefined

const passing: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'llm_rate_limit',
  'llm_error',
  'llm_timeout',
  'provider_unreachable',
  'rate_limited',
  'queue_full',
  'unavailable',
  'internal',
])

/** Whether what failed may do better when it is tried again. */
export const isPassing = (error: unknown): boolean => !isAppError(error) || passing.has(error.kind)
