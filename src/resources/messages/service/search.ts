import type { Ctx } from '../../../context'
import { matchQuery } from '../../../db/fts'
import { readRow } from '../../../db/rows'
import { instantOf } from '../../../lib/query'
import type { MessageSearchHit, SearchRequest } from '../schema'
import { messages } from '../table'

const searched = `
  select m.* from messages_fts f cross join messages m on m.rowid = f.rowid
  where messages_fts match ?1 and m.organization_id = ?2 and m.is_deleted = 0 and m.role in ('user', 'assistant')
    and (?3 is null or m.agent_id = ?3)
    and (?4 is null or (?4 = 'default' and m.conversation_id is null) or m.conversation_id = ?4
      or exists (select 1 from conversation_messages c where c.conversation_id = ?4 and c.message_id = m.id and c.is_deleted = 0))
    and (?5 is null or m.created_at >= ?5) and (?6 is null or m.created_at <= ?6)
  order by f.rank limit ?7`

/** User and assistant messages of the organization that hold the words, best match (BM25) first. */
export async function searchMessages(ctx: Ctx, request: SearchRequest): Promise<MessageSearchHit[]> {
  const match = matchQuery(request.query)
  if (match === null) return []
  const { agent_id, conversation_id, start_date, end_date, limit } = request
  const { results } = await ctx.env.DB.prepare(searched)
    .bind(
      match,
      ctx.actor.organization_id,
      agent_id || null,
      conversation_id || null,
      start_date ? instantOf(start_date) : null,
      end_date ? instantOf(end_date, 'end') : null,
      limit,
    )
    .all<Record<string, unknown>>()
  return results.map((raw, i): MessageSearchHit => {
    const row = readRow(messages, raw)
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
