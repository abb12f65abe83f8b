import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { readRow } from '../../../db/rows'
import { getConversation } from '../../conversations/service/read'
import { wholeText } from '../../files/contents'
import { fileContents } from '../../files/table'
import { messages } from '../../messages/table'

/** Stored messages that one read of an export brings, by number and by characters: one in any case. */
const pageRows = 200
const pageCharacters = 1_000_000

const fits = (page: string) => `
  select * from (select *, sum(size) over (order by place) - size as before from (${page})) where before < ${pageCharacters}`

const size = `length(m.content) + length(m.tool_calls) + length(m.tool_returns) + length(m.approvals) as size`

/** The agent's own messages, and what else of its messages is in its context. */
const ownPage = fits(`
  select m.*, m.sequence_id as place, ${size} from messages m
  where m.agent_id = ?1 and +m.organization_id = ?2 and m.is_deleted = 0 and m.sequence_id > ?3
    and (m.conversation_id is null or m.id in (select value from json_each((select message_ids from agents where id = ?1))))
  order by m.sequence_id limit ${pageRows}`)

/** The messages that a conversation shows, in the order of their arrival in it. */
const conversationPage = fits(`
  select m.*, c.rowid as place, ${size} from conversation_messages c join messages m on m.id = c.message_id
  where c.agent_id = ?4 and c.conversation_id = ?1 and +c.organization_id = ?2 and c.is_deleted = 0 and m.is_deleted = 0 and c.rowid > ?3
  order by c.rowid limit ${pageRows}`)

export type StoredMessage = typeof messages.$inferSelect

/** The messages of an agent's own context and its history, or of a conversation, page by page. */
export async function* storedMessages(ctx: Ctx, agentId: string, conversationId: string | null): AsyncGenerator<StoredMessage[]> {
  const query = ctx.env.DB.prepare(conversationId === null ? ownPage : conversationPage)
  const bindings = [conversationId ?? agentId, ctx.actor.organization_id]
  for (let after = -1; ; ) {
    const { results } = await query.bind(...bindings, after, ...(conversationId === null ? [] : [agentId])).all<Record<string, unknown>>()
    if (results.length === 0) return
    results.sort((a, b) => (a.place as number) - (b.place as number))
    yield results.map((row) => readRow(messages, row))
    after = results.at(-1)?.place as number
  }
}

/** The ids of the messages in a context, in order. */
export async function contextIds(ctx: Ctx, own: string[], conversationId: string | null): Promise<string[]> {
  return conversationId === null ? own : ((await getConversation(ctx, conversationId)).in_context_message_ids ?? [])
}

/** Longest text of one file in an export, in UTF-16 units. */
const textMost = 16 * 1024 * 1024

/** The text of a file; null when it has none, or one that is too long for an agent file. */
export async function contentOf(ctx: Ctx, fileId: string): Promise<string | null> {
  const [row] = await ctx.db
    .select({ text: fileContents.text, object_key: fileContents.object_key })
    .from(fileContents)
    .where(and(eq(fileContents.file_id, fileId), eq(fileContents.is_deleted, false)))
    .limit(1)
  return row ? wholeText(ctx.env, row, textMost) : null
}
