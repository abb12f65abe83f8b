import type { Env } from '../../env'
import { AppError, type ErrorKind, isAppError } from '../../lib/errors'
import { embedRows, type Owed, owedColumns } from '../indexes/embed'
import { findModel } from '../indexes/models'
import { pokeIndex } from '../indexes/poke'
import type { FileRow } from './service'

/**
 * Makes stored passages of a file, given by their ids in order, findable by meaning. After a crash it may get passages again that it had
 * before, and must then come to the same. Throws an AppError: one that `isPassing` says may pass, for which the file is tried again later,
 * or another, which is the file's error. Any other error counts as passing.
 */
export type EmbedPassages = (env: Env, file: FileRow, ids: string[]) => Promise<void>

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

/**
 * Embeds with the model of the folder; what was embedded before is left as it is. Without a model, or with one that is not set up, passages are
 * found by their words; the index of the folder says why, and embeds them when the model can be used.
 */
export const embedPassages: EmbedPassages = async (env, file, ids) => {
  const { results } = await env.DB.prepare(
    `select ${owedColumns} from json_each(?1) given cross join vectors v on v.id = given.value where v.state = 'pending'`,
  )
    .bind(JSON.stringify(ids))
    .all<Owed>()
  const failed = (await embedRows(env.DB, findModel(env), results)).find(({ kind }) => passing.has(kind))
  if (failed) throw new AppError(failed.kind, `The file could not be embedded: ${failed.message}`)
  await pokeIndex(env, file.organization_id)
}

/** Whether what failed may do better when it is tried again. */
export const isPassing = (error: unknown): boolean => !isAppError(error) || passing.has(error.kind)
