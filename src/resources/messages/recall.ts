import type { Env } from '../../env'
import type { FoundMessage, MessageQuery } from '../../runtime/ports'
import type { Message } from '../../runtime/types'
import { findMessages } from './find'

const instant = (date: string | null) => (date === null ? null : Date.parse(date))

/**
 * What an agent finds in its own history: the best matches of the query, or without one the newest messages. Its own searches are left out:
 * they are noise to a search of what was said.
 */
export async function recallMessages(env: Env, { start, end, roles, ...query }: MessageQuery): Promise<FoundMessage[]> {
  const found = await findMessages(env, {
    ...query,
    mode: 'hybrid',
    roles: roles ?? ['user', 'assistant'],
    start: instant(start),
    end: instant(end),
    without_searches: true,
  })
  return found.map(({ row, found: places }) => ({ message: row as unknown as Message, text: row.text ?? '', places }))
}
