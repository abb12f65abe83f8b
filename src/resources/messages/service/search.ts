import type { Ctx } from '../../../context'
import { matchQuery } from '../../../db/fts'
import { readRow } from '../../../db/rows'
import { instantOf } from '../../../lib/query'
import { internalMessage } from '../internal'
import type { MessageSearchHit, OlderMessageSearchHit, OlderSearchRequest, SearchRequest } from '../schema'
import { messages } from '../table'
import type { StoredMessage } from './list'

const wanted = `m.organization_id = ?2 and m.is_deleted = 0 and m.text is not null and m.role in (select value from json_each(?8))
    and (?3 is null or m.agent_id = ?3)
    and (?4 is null or (?4 = 'default' and m.conversation_id is null) or m.conversation_id = ?4
      or exists (select 1 from conversation_messages c where c.conversation_id = ?4 and c.message_id = m.id and c.is_deleted = 0))
    and (?5 is null or m.created_at >= ?5) and (?6 is null or m.created_at <= ?6)
    and (?9 is null or m.agent_id in (select id from agents where organization_id = ?2 and project_id = ?9))
    and (?10 is null or m.agent_id in (select id from agents where organization_id = ?2 and template_id = ?10))`

const byWords = `select m.* from messages_fts f cross join messages m on m.rowid = f.rowid
  where messages_fts match ?1 and ${wanted} order by f.rank limit ?7`
const byTime = `select m.* from messages m where ?1 is null and ${wanted} order by m.created_at desc, m.id desc limit ?7`

type Search = Omit<OlderSearchRequest, 'search_mode'>

/** Messages of the organization that hold the words, best match (BM25) first; without words the newest. */
async function found(ctx: Ctx, request: Search): Promise<StoredMessage[]> {
  const match = request.query == null ? null : matchQuery(request.query)
  if (request.query != null && match === null) return []
  const { agent_id, conversation_id, start_date, end_date, limit, roles, project_id, template_id } = request
  const { results } = await ctx.env.DB.prepare(match === null ? byTime : byWords)
    .bind(
      match,
      ctx.actor.organization_id,
      agent_id || null,
      conversation_id || null,
      start_date ? instantOf(start_date) : null,
      end_date ? instantOf(end_date, 'end') : null,
      limit,
      JSON.stringify(roles?.length ? roles : ['user', 'assistant']),
      project_id || null,
      template_id || null,
    )
    .all<Record<string, unknown>>()
  return results.map((raw) => readRow(messages, raw))
}

/** What is found, in the older form: each message in its internal one. */
export async function searchMessagesOlder(ctx: Ctx, request: OlderSearchRequest): Promise<OlderMessageSearchHit[]> {
  const rows = await found(ctx, request)
  return rows.map((row, i) => ({
    embedded_text: row.text ?? '',
    message: internalMessage(row),
    fts_rank: request.query == null ? null : i + 1,
    vector_rank: null,
    rrf_score: 1 / (61 + i),
  }))
}

/** User and assistant messages of the organization that hold the words, best match first. */
export async function searchMessages(ctx: Ctx, request: SearchRequest): Promise<MessageSearchHit[]> {
  const rows = await found(ctx, request)
  return rows.map((row, i): MessageSearchHit => {
    return {
      message_type: row.role === 'user' ? 'user_message' : 'assistant_message',
      content: row.text ?? '',
      message_id: row.id,
      created_at: row.created_at,
      agent_id: row.agent_id,
      conversation_id: row.conversation_id,
      search_mode: 'fts',
      fts_rank: i + 1,
      vector_rank: null,
      rrf_score: 1 / (61 + i),
    }
  })
}

/** Reads the search index and the organization's newest messages, so that the first search of a client that is about to search finds them in memory. */
export async function warmSearch(ctx: Ctx): Promise<void> {
  await ctx.env.DB.batch([
    ctx.env.DB.prepare('select text from messages where organization_id = ?1 order by created_at desc, id desc limit 100').bind(
      ctx.actor.organization_id,
    ),
    ctx.env.DB.prepare(`select rowid from messages_fts where messages_fts match '"a"' limit 1`),
  ])
}
