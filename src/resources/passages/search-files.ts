import { foundByWords, scopedMatch } from '../../db/fts'
import { type Row, readRow } from '../../db/rows'
import type { Env } from '../../env'
import { type Found, hybrid, type SearchMode } from '../indexes/hybrid'
import { rangeOf } from '../indexes/nearest'
import { sourcePassages } from './table'

export interface FilePassageFilter {
  organization_id: string
  /** Only files that this agent has, or those of this folder. */
  within: { agent_id: string } | { folder_id: string }
  query: string
  mode: SearchMode
  /** Epoch milliseconds, both inclusive; null where there is no bound. */
  start?: number | null
  end?: number | null
  limit: number
}

/** A passage of a file and how it was found. */
export interface FoundFilePassage {
  row: Row<typeof sourcePassages>
  found: Found
}

const folder = `s.id, coalesce(s.embedding, s.embedding_config ->> 'handle') as model`
const ofAgent = `select ${folder} from sources_agents l join sources s on s.id = l.source_id
  where l.agent_id = ?1 and +s.organization_id = ?2 and s.is_deleted = 0`
const itself = `select ${folder} from sources s where s.id = ?1 and +s.organization_id = ?2 and s.is_deleted = 0`

const wanted = `+x.organization_id = ?1 and x.is_deleted = 0
  and (?2 is null or exists (select 1 from files_agents fa where fa.agent_id = ?2 and fa.file_id = x.file_id and fa.is_deleted = 0))
  and (?3 is null or x.created_at >= ?3) and (?4 is null or x.created_at <= ?4)`

const byWords = `select x.id, f.rowid as row, f.rank from source_passages_fts f cross join source_passages x on x.rowid = f.rowid
  where source_passages_fts match ?5 and ${wanted} order by f.rank limit ?6`

/** Scopes of one query by words: FTS5 takes an expression of 256 parts at most. */
const foldersMost = 100

/** The best parts of the files of an agent or of a folder, by words and by meaning. */
export async function findFilePassages(env: Env, filter: FilePassageFilter): Promise<FoundFilePassage[]> {
  const { organization_id, within, query, mode, start = null, end = null, limit } = filter
  const [sql, id] = 'agent_id' in within ? [ofAgent, within.agent_id] : [itself, within.folder_id]
  const { results: searched } = await env.DB.prepare(sql).bind(id, organization_id).all<{ id: string; model: string | null }>()
  if (searched.length === 0) return []
  const params = [organization_id, 'agent_id' in within ? within.agent_id : null, start, end]
  const found = await hybrid(env, {
    within: {
      organization_id,
      kind: 'source_passage',
      namespaces: searched.map(({ id }) => id),
      where: wanted,
      params,
      filter: rangeOf(start, end),
      exact: true,
    },
    models: [...new Set(searched.flatMap(({ model }) => model ?? []))],
    query,
    mode,
    limit,
    async byWords(most, terms) {
      const ids = searched.slice(0, foldersMost).map(({ id }) => id)
      const match = scopedMatch(ids, query)
      if (match === null) return []
      const values = [...params, match, most]
      return foundByWords(env.DB, { index: 'source_passages_fts', within: 'text', ranked: byWords, values, terms })
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
