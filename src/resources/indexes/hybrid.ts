import { queryTerms, type WordHit } from '../../db/fts'
import type { Env } from '../../env'
import { AppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { type Fused, fuse } from '../../retrieval/fuse'
import { findModel } from './models'
import { nearest, type Within } from './nearest'
import type { SearchMode } from './schema'

export type { SearchMode }

/** How deep each ranking goes before they are fused. */
const depth = { words: 50, meanings: 100 }
/** How long a search waits for an embedding model. */
const patienceMs = 10_000

export interface HybridSearch {
  within: Within
  /** Handles of the embedding models in use within the search; none where texts are searched by words alone. */
  models: string[]
  query: string
  mode: SearchMode
  limit: number
  /** What is found by words, best first, at most `limit`; `terms` of the query are counted in each, unless they are null. */
  byWords(limit: number, terms: string[] | null): Promise<WordHit[]>
}

/** What was found, and by which of the ways: `fts` also where `hybrid` was asked for and the other way was not open. */
export interface Found extends Fused {
  search_mode: SearchMode
}

/** One ranking of several: what each model finds, in turns. Similarities of different models cannot be compared. */
function interleaved(rankings: string[][]): string[] {
  const longest = Math.max(0, ...rankings.map((ranking) => ranking.length))
  return [...new Set(Array.from({ length: longest }, (_, i) => rankings.flatMap((ranking) => ranking[i] ?? [])).flat())]
}

async function byMeaning(env: Env, { within, models, query: text, limit }: HybridSearch): Promise<string[]> {
  const find = findModel(env)
  const signal = AbortSignal.timeout(patienceMs)
  const rankings = models.map(async (handle) => {
    const model = await find(within.organization_id, handle)
    return nearest(env, within, { model, find, text, depth: Math.max(depth.meanings, limit), signal })
  })
  return interleaved(await Promise.all(rankings))
}

const noEmbeddings = () =>
  new AppError(
    'bad_request',
    "There is no embedding model for what is searched, so search_mode 'vector' cannot be served. Use 'fts' or 'hybrid', set DEFAULT_EMBEDDING, or give an archive or a folder a model with POST …/reindex.",
  )

/** Null instead of a failure, which is logged: the words are still searched. */
async function orNull(work: Promise<string[]>, organization_id: string): Promise<string[] | null> {
  try {
    return await work
  } catch (error) {
    log('warn', { msg: 'search by meaning failed', org: organization_id, error: messageOf(error) })
    return null
  }
}

/**
 * Searches by words, by meaning or both; an empty query finds nothing. Throws `bad_request` for `vector` where there are no embeddings, and then what their model throws;
 * `hybrid` goes on without them.
 */
export async function hybrid(env: Env, search: HybridSearch): Promise<Found[]> {
  const { mode, models, limit, within, query } = search
  if (query.trim() === '') return []
  const most = Math.max(depth.words, limit)
  const fused = (by: SearchMode, words: WordHit[] | null, meanings: string[] | null): Found[] =>
    fuse(words, meanings, limit).map((found) => ({ ...found, search_mode: by }))
  if (mode === 'fts' || (mode === 'hybrid' && models.length === 0)) return fused('fts', await search.byWords(most, null), null)
  if (models.length === 0) throw noEmbeddings()
  if (mode === 'vector') return fused('vector', null, await byMeaning(env, search))
  const [words, meanings] = await Promise.all([
    search.byWords(most, queryTerms(query)),
    orNull(byMeaning(env, search), within.organization_id),
  ])
  return fused(meanings === null ? 'fts' : 'hybrid', words, meanings)
}
