import { matchQuery } from '../../db/fts'
import { readRow } from '../../db/rows'
import type { FoundMessage, MessageQuery } from '../../runtime/ports'
import type { Message } from '../../runtime/types'
import { messages } from './table'

/** Tool results and the agent's own searches are noise to a search of what was said. */
const shared = `m.organization_id = ?1 and m.agent_id = ?2 and m.is_deleted = 0 and m.text is not null
  and m.role in (select value from json_each(?3))
  and (?4 is null or m.created_at >= ?4) and (?5 is null or m.created_at <= ?5)
  and not exists (select 1 from json_each(m.tool_calls) where json_extract(value, '$.name') = 'conversation_search')`

const byWords = `select m.* from messages_fts f cross join messages m on m.rowid = f.rowid where messages_fts match ?7 and ${shared} order by f.rank limit ?6`
const byTime = `select m.* from messages m where ${shared} order by m.sequence_id desc limit ?6`

const instant = (date: string | null) => (date === null ? null : Date.parse(date))

/** What an agent finds in its own history: the best matches of the words, or without words the newest messages. */
export async function recallMessages(d1: D1Database, query: MessageQuery): Promise<FoundMessage[]> {
  const { organization_id, agent_id, roles, start, end, limit } = query
  const match = query.query === null ? null : matchQuery(query.query)
  if (query.query !== null && match === null) return []
  const common = [organization_id, agent_id, JSON.stringify(roles ?? ['user', 'assistant']), instant(start), instant(end), limit]
  const statement = match === null ? d1.prepare(byTime).bind(...common) : d1.prepare(byWords).bind(...common, match)
  const { results } = await statement.all<Record<string, unknown>>()
  return results.map((raw, i) => {
    const row = readRow(messages, raw)
    return { message: row as unknown as Message, text: row.text ?? '', rank: i + 1 }
  })
}
