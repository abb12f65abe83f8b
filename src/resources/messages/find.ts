import { foundByWords, scopedMatch } from '../../db/fts'
import { type Row, readRow } from '../../db/rows'
import type { Env } from '../../env'
import { type Found, hybrid, type SearchMode } from '../indexes/hybrid'
import { messageModel } from '../indexes/models'
import { rangeOf } from '../indexes/nearest'
import { messages } from './table'

export interface MessageFilter {
  organization_id: string
  /** What to look for; null lists the newest. */
  query: string | null
  mode: SearchMode
  roles: readonly string[]
  agent_id: string | null
  /** With `agent_id`, `default` is the agent's own context. */
  conversation_id: string | null
  project_id?: string | null
  template_id?: string | null
  /** Epoch milliseconds, both inclusive. */
  start: number | null
  end: number | null
  /** Leaves out messages with which the agent itself searched, and what it found. */
  without_searches?: boolean
  limit: number
}

/** A message and how it was found; null where nothing was ranked. */
export interface FoundRow {
  row: Row<typeof messages>
  found: Found | null
}

const wanted = `x.organization_id = ?1 and x.is_deleted = 0 and x.text is not null and x.role in (select value from json_each(?6))
    and (?2 is null or x.agent_id = ?2)
    and (?3 is null or (?3 = 'default' and x.conversation_id is null) or x.conversation_id = ?3
      or exists (select 1 from conversation_messages c where c.conversation_id = ?3 and c.message_id = x.id and c.is_deleted = 0))
    and (?4 is null or x.created_at >= ?4) and (?5 is null or x.created_at <= ?5)
    and (?7 is null or x.agent_id in (select id from agents where organization_id = ?1 and project_id = ?7))
    and (?8 is null or x.agent_id in (select id from agents where organization_id = ?1 and template_id = ?8))
    and (?9 = 0 or not exists (select 1 from (select value from json_each(x.tool_calls) union all select value from json_each(x.tool_returns))
      where json_extract(value, '$.name') = 'conversation_search'))`

const byWords = `select x.id, f.rowid as row, f.rank from messages_fts f cross join messages x on x.rowid = f.rowid
  where messages_fts match ?10 and ${wanted} order by f.rank limit ?11`
const newest = `select x.* from messages x where ${wanted} order by x.created_at desc, x.id desc limit ?10`
const newestOfAgent = `select x.* from messages x where ${wanted} and x.agent_id = ?2 order by x.sequence_id desc limit ?10`

async function rowsOf(env: Env, ids: string[]): Promise<Map<string, Row<typeof messages>>> {
  const { results } = await env.DB.prepare('select * from messages where id in (select value from json_each(?1))')
    .bind(JSON.stringify(ids))
    .all<Record<string, unknown>>()
  return new Map(results.map((raw) => [raw.id as string, readRow(messages, raw)]))
}

/** The best matches of the query by words and by meaning, or without a query the newest. Every filter counts before the limit. */
export async function findMessages(env: Env, filter: MessageFilter): Promise<FoundRow[]> {
  const { organization_id, query, mode, roles, agent_id, conversation_id, project_id, template_id, start, end, limit } = filter
  const model = messageModel(env)
  const own = filter.without_searches ? 1 : 0
  const params = [
    organization_id,
    agent_id,
    conversation_id,
    start,
    end,
    JSON.stringify(roles),
    project_id ?? null,
    template_id ?? null,
    own,
  ]
  if (query === null) {
    const { results } = await env.DB.prepare(agent_id === null ? newest : newestOfAgent)
      .bind(...params, limit)
      .all<Record<string, unknown>>()
    return results.map((raw) => ({ row: readRow(messages, raw), found: null }))
  }
  const found = await hybrid(env, {
    within: {
      organization_id,
      kind: 'message',
      namespaces: [organization_id],
      where: wanted,
      params,
      filter: {
        ...rangeOf(start, end),
        ...(agent_id === null ? {} : { agent_id }),
        role: { $in: [...roles] },
      },
      // Messages of a conversation may be those of the one that it was forked from.
      exact: conversation_id === null && project_id == null && template_id == null,
    },
    models: model === null ? [] : [model],
    query,
    mode,
    limit,
    async byWords(most, terms) {
      const match = scopedMatch([agent_id ?? organization_id], query)
      if (match === null) return []
      const values = [...params, match, most]
      return foundByWords(env.DB, { index: 'messages_fts', within: 'text', ranked: byWords, values, terms })
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
