import { foundByWords, scopedMatch } from '../../db/fts'
import { readRow } from '../../db/rows'
import type { Env } from '../../env'
import { type Found, hybrid, type SearchMode } from '../indexes/hybrid'
import { rangeOf } from '../indexes/nearest'
import type { PassageRow } from './insert'
import { archivalPassages } from './table'

export interface PassageFilter {
  organization_id: string
  /** What is searched: the archive of an agent, one archive, or all of the organization. */
  within: { agent_id: string } | { archive_id: string } | null
  /** What to look for; null lists the newest. */
  query: string | null
  mode: SearchMode
  tags: readonly string[]
  tag_match_mode: 'any' | 'all'
  /** ISO-8601, both inclusive. */
  start: string | null
  end: string | null
  limit: number
}

/** A passage and how it was found; null where nothing was ranked. */
export interface FoundRow {
  row: PassageRow
  found: Found | null
}

const everywhere = 'x.organization_id = ?1 and ?2 is null'
// The `+` keeps the organization's index out of the plan: the archive leads.
const inArchive = '+x.organization_id = ?1 and x.archive_id = ?2'

const filtered = (scope: string) => `${scope} and x.is_deleted = 0
  and (?3 is null or x.created_at >= ?3) and (?4 is null or x.created_at <= ?4)
  and (?5 is null or (select count(*) from passage_tags t where t.passage_id = x.id and t.tag in (select value from json_each(?5))) >= ?6)`

/** The best of the index first, which looks at no row; for when nothing but the scope is asked for. */
const byWords = `select x.id, f.rowid as row, f.rank from
    (select rowid, rank from archival_passages_fts where archival_passages_fts match ?1 order by rank limit ?2) f
  cross join archival_passages x on x.rowid = f.rowid`
const byWordsFiltered = (
  scope: string,
) => `select x.id, f.rowid as row, f.rank from archival_passages_fts f cross join archival_passages x on x.rowid = f.rowid
  where archival_passages_fts match ?7 and ${filtered(scope)} order by f.rank limit ?8`
const byAge = (scope: string) =>
  `select x.* from archival_passages x where ${filtered(scope)} order by x.created_at desc, x.id desc limit ?7`

const instant = (date: string | null) => (date === null ? null : Date.parse(date))

const modelOf = `coalesce(a.embedding, a.embedding_config ->> 'handle')`
const ofOrganization = `select null as id, ${modelOf} as model from archives a where a.organization_id = ?1 and a.is_deleted = 0 group by 2 limit 8`
const ofArchive = `select a.id, ${modelOf} as model from archives a where a.id = ?2 and +a.organization_id = ?1`
const ofAgent = `select a.id, ${modelOf} as model from archives_agents l join archives a on a.id = l.archive_id where l.agent_id = ?2 and +a.organization_id = ?1`

/** The archive that is searched, null for all of them, and the embedding models in use there; null when there is no archive. */
async function placeOf(env: Env, { organization_id, within }: PassageFilter) {
  const [sql, values] =
    within === null ? [ofOrganization, []] : 'agent_id' in within ? [ofAgent, [within.agent_id]] : [ofArchive, [within.archive_id]]
  const { results } = await env.DB.prepare(sql)
    .bind(organization_id, ...values)
    .all<{ id: string | null; model: string | null }>()
  if (results.length === 0) return null
  return { archive_id: results[0]?.id ?? null, models: results.flatMap(({ model }) => model ?? []) }
}

/** Passages by their ids, in that order. */
async function rowsOf(env: Env, ids: string[]): Promise<Map<string, PassageRow>> {
  const { results } = await env.DB.prepare(
    'select * from archival_passages where id in (select value from json_each(?1)) and is_deleted = 0',
  )
    .bind(JSON.stringify(ids))
    .all<Record<string, unknown>>()
  return new Map(results.map((raw) => [raw.id as string, readRow(archivalPassages, raw)]))
}

/** The best matches of the query by words and by meaning, or without a query the newest. Every filter counts before the limit. */
export async function findPassages(env: Env, filter: PassageFilter): Promise<FoundRow[]> {
  const { organization_id, query, mode, limit } = filter
  const place = await placeOf(env, filter)
  if (!place || limit < 1) return []
  const { archive_id, models } = place
  const scope = archive_id === null ? everywhere : inArchive
  const tags = [...new Set(filter.tags)]
  const [start, end] = [instant(filter.start), instant(filter.end)]
  const required = filter.tag_match_mode === 'all' ? tags.length : 1
  const params = [organization_id, archive_id, start, end, tags.length > 0 ? JSON.stringify(tags) : null, required]
  if (query === null) {
    const { results } = await env.DB.prepare(byAge(scope))
      .bind(...params, limit)
      .all<Record<string, unknown>>()
    return results.map((raw) => ({ row: readRow(archivalPassages, raw), found: null }))
  }
  const filters = tags.length > 0 || start !== null || end !== null
  const found = await hybrid(env, {
    within: {
      organization_id,
      kind: 'passage',
      namespaces: archive_id === null ? null : [archive_id],
      where: filtered(scope),
      params,
      filter: rangeOf(start, end),
      exact: tags.length === 0,
    },
    models,
    query,
    mode,
    limit,
    async byWords(most, terms) {
      const match = scopedMatch([archive_id ?? organization_id], query)
      if (match === null) return []
      return foundByWords(env.DB, {
        index: 'archival_passages_fts',
        within: 'text',
        ranked: filters ? byWordsFiltered(scope) : byWords,
        values: filters ? [...params, match, most] : [match, most],
        terms,
      })
    },
  })
  const rows = await rowsOf(
    env,
    found.map(({ id }) => id),
  )
  return found.flatMap((each) => {
    const row = rows.get(each.id)
    return row ? [{ row, found: each }] : []
  })
}
