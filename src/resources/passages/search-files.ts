import { foundByWords, queryTerms, scopedMatch } from '../../db/fts'
import { type Row, readRow } from '../../db/rows'
import type { Env } from '../../env'
import { type Found, hybrid, type SearchMode } from '../indexes/hybrid'
import { sourcePassages } from './table'

export interface FilePassageFilter {
  organization_id: string
  /** Only files that this agent has. */
  agent_id: string
  query: string
  mode: SearchMode
  limit: number
}

/** A passage of a file and how it was found. */
export interface FoundFilePassage {
  row: Row<typeof sourcePassages>
  found: Found
}

const folders = `select s.id, coalesce(s.embedding, s.embedding_config ->> 'handle') as model
  from sources_agents l join sources s on s.id = l.source_id where l.agent_id = ?1 and +s.organization_id = ?2 and s.is_deleted = 0`

const wanted = `+x.organization_id = ?1 and x.is_deleted = 0
  and exists (select 1 from files_agents fa where fa.agent_id = ?2 and fa.file_id = x.file_id and fa.is_deleted = 0)`

const byWords = `select x.id, f.rowid as row, f.rank from source_passages_fts f cross join source_passages x on x.rowid = f.rowid
  where source_passages_fts match ?3 and ${wanted} order by f.rank limit ?4`

/** Scopes of one query by words: FTS5 takes an expression of 256 parts at most. */
const foldersMost = 100

/** The best parts of an agent's files, by words and by meaning. */
export async function findFilePassages(env: Env, filter: FilePassageFilter): Promise<FoundFilePassage[]> {
  const { organization_id, agent_id, query, mode, limit } = filter
  const { results: attached } = await env.DB.prepare(folders).bind(agent_id, organization_id).all<{ id: string; model: string | null }>()
  if (attached.length === 0) return []
  const params = [organization_id, agent_id]
  const found = await hybrid(env, {
    within: {
      organization_id,
      kind: 'source_passage',
      namespaces: attached.map(({ id }) => id),
      where: wanted,
      params,
      filter: {},
      exact: true,
    },
    models: [...new Set(attached.flatMap(({ model }) => model ?? []))],
    query,
    mode,
    limit,
    async byWords(most) {
      const ids = attached.slice(0, foldersMost).map(({ id }) => id)
      const match = scopedMatch(ids, query)
      if (match === null) return []
      const values = [...params, match, most]
      return foundByWords(env.DB, { index: 'source_passages_fts', within: 'text', ranked: byWords, values, terms: queryTerms(query) })
    },
  })
  const { results } = await env.DB.prepare('select * from source_passages where id in (select value from json_each(?1)) and is_deleted = 0')
    .bind(JSON.stringify(found.map(({ id }) => id)))
    .all<Record<string, unknown>>()
  const rows = new Map(results.map((raw) => [raw.id as string, readRow(sourcePassages, raw)]))
  return found.flatMap((each) => {
    const row = rows.get(each.id)
    return row ? [{ row, found: each }] : []
  })
}
