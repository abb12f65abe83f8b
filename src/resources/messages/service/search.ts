import type { Ctx } from '../../../context'
import { instantOf } from '../../../lib/query'
import { type FoundRow, findMessages } from '../find'
import { internalMessage } from '../internal'
import type { MessageSearchHit, OlderMessageSearchHit, OlderSearchRequest, SearchRequest } from '../schema'

const find = (ctx: Ctx, request: OlderSearchRequest): Promise<FoundRow[]> =>
  findMessages(ctx.env, {
    organization_id: ctx.actor.organization_id,
    query: request.query ?? null,
    mode: request.search_mode,
    roles: request.roles?.length ? request.roles : ['user', 'assistant'],
    agent_id: request.agent_id || null,
    conversation_id: request.conversation_id || null,
    project_id: request.project_id || null,
    template_id: request.template_id || null,
    start: request.start_date ? instantOf(request.start_date) : null,
    end: request.end_date ? instantOf(request.end_date, 'end') : null,
    limit: request.limit,
  })

/** What is found, in the older form: each message in its internal one. Without a query, scores fall with age. */
export async function searchMessagesOlder(ctx: Ctx, request: OlderSearchRequest): Promise<OlderMessageSearchHit[]> {
  const rows = await find(ctx, request)
  return rows.map(({ row, found }, i) => ({
    embedded_text: row.text ?? '',
    message: internalMessage(row),
    fts_rank: found?.fts_rank ?? null,
    vector_rank: found?.vector_rank ?? null,
    rrf_score: found?.rrf_score ?? 1 / (61 + i),
  }))
}

/** User and assistant messages of the organization, best match first. */
export async function searchMessages(ctx: Ctx, request: SearchRequest): Promise<MessageSearchHit[]> {
  const rows = await find(ctx, request)
  return rows.map(({ row, found }): MessageSearchHit => {
    return {
      message_type: row.role === 'user' ? 'user_message' : 'assistant_message',
      content: row.text ?? '',
      message_id: row.id,
      created_at: row.created_at,
      agent_id: row.agent_id,
      conversation_id: row.conversation_id,
      search_mode: found?.search_mode ?? request.search_mode,
      fts_rank: found?.fts_rank ?? null,
      vector_rank: found?.vector_rank ?? null,
      rrf_score: found?.rrf_score ?? 0,
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
