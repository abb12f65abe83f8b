import { matchQuery } from '../../db/fts'
import { readRow } from '../../db/rows'
import type { PassageRow } from './insert'
import { archivalPassages } from './table'

export interface PassageFilter {
  organization_id: string
  /** What is searched: the archive of an agent, one archive, or all of the organization. */
  within: { agent_id: string } | { archive_id: string } | null
  /** Words; null lists the newest. */
  query: string | null
  tags: readonly string[]
  tag_match_mode: 'any' | 'all'
  /** ISO-8601, both inclusive. */
  start: string | null
  end: string | null
  limit: number
}

/** A passage and its place in the ranking, from 1; null where nothing was ranked. */
export interface FoundRow {
  row: PassageRow
  rank: number | null
}

const everywhere = 'p.organization_id = ?1 and ?2 is null'
const inArchive = '+p.organization_id = ?1 and p.archive_id = ?2'
// The `+` keeps the organization's index out of the plan: the archive leads.
const inArchiveOf = '+p.organization_id = ?1 and p.archive_id = (select archive_id from archives_agents where agent_id = ?2)'

const filtered = (scope: string) => `${scope} and p.is_deleted = 0
  and (?3 is null or p.created_at >= ?3) and (?4 is null or p.created_at <= ?4)
  and (?5 is null or (select count(*) from passage_tags t where t.passage_id = p.id and t.tag in (select value from json_each(?5))) >= ?6)`

const byWords = (scope: string) => `
  select p.* from archival_passages_fts f cross join archival_passages p on p.rowid = f.rowid
  where archival_passages_fts match ?8 and ${filtered(scope)} order by f.rank limit ?7`
const byAge = (scope: string) =>
  `select p.* from archival_passages p where ${filtered(scope)} order by p.created_at desc, p.id desc limit ?7`

const instant = (date: string | null) => (date === null ? null : Date.parse(date))

/** Passages that hold any of the words, best match (BM25) first, or without a query the newest. Every filter counts before the limit. */
export async function findPassages(d1: D1Database, filter: PassageFilter): Promise<FoundRow[]> {
  const { within, query } = filter
  const match = query === null ? null : matchQuery(query)
  if (query !== null && match === null) return []
  const [scope, id] =
    within === null ? [everywhere, null] : 'agent_id' in within ? [inArchiveOf, within.agent_id] : [inArchive, within.archive_id]
  const tags = [...new Set(filter.tags)]
  const common = [
    filter.organization_id,
    id,
    instant(filter.start),
    instant(filter.end),
    tags.length > 0 ? JSON.stringify(tags) : null,
    filter.tag_match_mode === 'all' ? tags.length : 1,
    filter.limit,
  ]
  const statement = match === null ? d1.prepare(byAge(scope)).bind(...common) : d1.prepare(byWords(scope)).bind(...common, match)
  const { results } = await statement.all<Record<string, unknown>>()
  return results.map((raw, i) => ({ row: readRow(archivalPassages, raw), rank: match === null ? null : i + 1 }))
}
