import type { Env } from '../../env'
import type { FilePassage, FilePassageQuery, Lines } from '../../runtime/files'
import { findFilePassages } from '../passages/search-files'

const isLine = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0

/** Where a passage stands in its file, when whoever cut it noted that. */
function linesOf({ start_line, end_line }: Record<string, unknown>): Lines | null {
  return isLine(start_line) && isLine(end_line) ? { first: start_line, last: end_line } : null
}

/** What an agent finds in its files by words and by meaning. */
export async function searchForAgent(env: Env, { agent_id, ...query }: FilePassageQuery): Promise<FilePassage[]> {
  const found = await findFilePassages(env, { ...query, within: { agent_id }, mode: 'hybrid' })
  return found.map(({ row: { file_name, metadata, text } }) => ({ file_name, lines: linesOf(metadata), text }))
}
