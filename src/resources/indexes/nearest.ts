import type { Env } from '../../env'
import type { EmbeddingModel, VectorIndex } from '../../retrieval/ports'
import { decodeVector, similarity } from '../../retrieval/vector'
import { embedRows, type FindModel, type Owed, owedColumns } from './embed'
import { sources } from './kinds'
import { indexOf } from './submit'
import type { VectorKind } from './table'

/** What a search by meaning looks at. */
export interface Within {
  organization_id: string
  kind: VectorKind
  /** Archives, folders or the organization; null for everything of the kind. */
  namespaces: string[] | null
  /** SQL that what is found (`x`) must meet, with its parameters from `?1` on: scope, life and every filter. */
  where: string
  params: readonly unknown[]
  /** What of the filters the index can count itself. */
  filter: VectorizeVectorMetadataFilter
  /** True when that is all of them. Else whatever the filters leave is compared one by one, while that is not too much. */
  exact: boolean
  /** Texts without a vector that the search embeds itself, newest first. */
  embeds?: number
}

/** A time range, both ends inclusive in epoch milliseconds, as the index knows it. */
export function rangeOf(start: number | null, end: number | null): VectorizeVectorMetadataFilter {
  if (start === null && end === null) return {}
  return { created_at: { ...(start === null ? {} : { $gte: start }), ...(end === null ? {} : { $lte: end }) } }
}

/** Vectors that are compared one by one: the newest of what the index lacks, or all that the filters leave. */
const directMost = 2_000
/** Texts that a search embeds itself unless it says how many. */
const embedMost = 16
/** Results that one question to the index may ask for. */
const topMost = 100
/** Namespaces that are asked one by one; of more, all of the organization is. */
const namespacesMost = 20

interface Scored {
  id: string
  score: number
}

/** `from … where …` of rows `v` of `vectors` with what they stand for. `more` may use the parameters after those of the search. */
function scoped(within: Within, more: string): { sql: string; params: unknown[] } {
  const { kind, namespaces, organization_id, where, params } = within
  const n = params.length
  const place = namespaces
    ? `v.namespace in (select value from json_each(?${n + 1})) and v.kind = '${kind}'`
    : `v.organization_id = ?${n + 1} and v.kind = '${kind}'`
  return {
    sql: `from vectors v cross join ${sources[kind].table} x on x.id = v.id where ${place} and ${where} ${more}`,
    params: [...params, namespaces ? JSON.stringify(namespaces) : organization_id],
  }
}

/**
 * Embeds the newest texts that have no vector yet, so that what was written a moment ago is found. One that could not be embedded is left
 * alone until it is due again.
 */
async function embedNewest(env: Env, within: Within, model: EmbeddingModel, find: FindModel, signal: AbortSignal): Promise<void> {
  const { sql, params } = scoped(within, `and v.state <> 'indexed' and v.state = 'pending'`)
  const { results } = await env.DB.prepare(
    `select ${owedColumns} ${sql} and v.model = ?${params.length + 1} and v.due_at <= ?${params.length + 2}
      order by v.created_at desc limit ${within.embeds ?? embedMost}`,
  )
    .bind(...params, model.handle, Date.now())
    .all<Owed>()
  await embedRows(env.DB, find, results, { signal })
}

/** Vectors to compare one by one, the newest of them: `unindexed` only what the index lacks, else everything. */
async function stored(env: Env, within: Within, model: string, unindexed: boolean): Promise<{ id: string; vector: string }[]> {
  const { sql, params } = scoped(within, unindexed ? `and v.state <> 'indexed'` : '')
  const { results } = await env.DB.prepare(
    `select v.id, v.vector ${sql} and v.model = ?${params.length + 1} and v.vector is not null order by v.created_at desc limit ${directMost}`,
  )
    .bind(...params, model)
    .all<{ id: string; vector: string }>()
  return results
}

async function isFew(env: Env, within: Within, model: string): Promise<boolean> {
  const { sql, params } = scoped(within, '')
  const row = await env.DB.prepare(
    `select count(*) as n from (select 1 ${sql} and v.model = ?${params.length + 1} limit ${directMost + 1})`,
  )
    .bind(...params, model)
    .first<{ n: number }>()
  return (row?.n ?? 0) <= directMost
}

/** What the index finds. */
async function ask(index: VectorIndex, within: Within, query: Float32Array, depth: number): Promise<Scored[]> {
  const { organization_id, kind, namespaces, filter } = within
  const options = { topK: Math.min(depth, topMost), returnMetadata: 'none' as const, returnValues: false }
  const values = [...query]
  const few = namespaces !== null && namespaces.length <= namespacesMost
  const answers = few
    ? await Promise.all(namespaces.map((namespace) => index.query(values, { ...options, namespace, filter: { kind, ...filter } })))
    : [await index.query(values, { ...options, filter: { organization_id, kind, ...filter } })]
  return answers.flatMap(({ matches }) => matches.map(({ id, score }) => ({ id, score })))
}

/**
 * Those of the hits that are there and within the search. The index may be behind: of one that is on its way into it again, what is stored is
 * compared.
 */
async function checked(env: Env, within: Within, model: string, query: Float32Array, hits: Scored[]): Promise<Scored[]> {
  if (hits.length === 0) return []
  const { kind, where, params } = within
  const n = params.length
  const { results } = await env.DB.prepare(
    `select v.id, case when v.state <> 'indexed' then v.vector end as vector from json_each(?${n + 1}) hit cross join vectors v on v.id = hit.value cross join ${sources[kind].table} x on x.id = v.id
      where v.state in ('indexed', 'embedded', 'submitted') and v.model = ?${n + 2} and ${where}`,
  )
    .bind(...params, JSON.stringify(hits.map(({ id }) => id)), model)
    .all<{ id: string; vector: string | null }>()
  const scores = new Map(hits.map(({ id, score }) => [id, score]))
  return results.map(({ id, vector }) => ({
    id,
    score: vector === null ? (scores.get(id) ?? 0) : similarity(query, decodeVector(vector)),
  }))
}

const scoredBy =
  (query: Float32Array) =>
  ({ id, vector }: { id: string; vector: string }): Scored => ({
    id,
    score: similarity(query, decodeVector(vector)),
  })

const best = (found: Scored[], depth: number): string[] =>
  found
    .sort((a, b) => b.score - a.score)
    .slice(0, depth)
    .map(({ id }) => id)

/**
 * Ids of what is nearest to a query, best first, at most `depth`. What the index lacks is compared here, the newest of it at most; what was
 * deleted or changed is never among the results. Throws what the model throws.
 */
export async function nearest(
  env: Env,
  within: Within,
  { model, find, text, depth, signal }: { model: EmbeddingModel; find: FindModel; text: string; depth: number; signal: AbortSignal },
): Promise<string[]> {
  const [query] = (await Promise.all([model.embed([text], 'query', signal), embedNewest(env, within, model, find, signal)]))[0]
  if (!query) return []
  const index = indexOf(env, query.length)
  if (!index || (!within.exact && (await isFew(env, within, model.handle)))) {
    return best((await stored(env, within, model.handle, false)).map(scoredBy(query)), depth)
  }
  // Where the index cannot count every filter, the newest that meet them are compared beside what it finds.
  const [direct, hits] = await Promise.all([stored(env, within, model.handle, within.exact), ask(index, within, query, topMost)])
  const compared = new Map(direct.map((row) => [row.id, scoredBy(query)(row)]))
  const others = hits.filter(({ id }) => !compared.has(id))
  return best([...compared.values(), ...(await checked(env, within, model.handle, query, others))], depth)
}
