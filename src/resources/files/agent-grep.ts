import type { Env } from '../../env'
import { AppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { matchingNames } from '../../retrieval/grep/names'
import { BadPattern, type LinePattern, linePattern } from '../../retrieval/grep/pattern'
import { LineSearch } from '../../retrieval/grep/search'
import { type Clock, type NamedText, realClock, type SearchLimits, searchTexts } from '../../retrieval/grep/texts'
import type { FileGrep, GrepResult } from '../../runtime/files'
import { quotedNames } from './agent-names'
import { storedTexts, textOf } from './contents'

/** 50 MB of one file, 200 MB of all, half a minute. */
const limits: SearchLimits = { file: 50_000_000, all: 200_000_000, ms: 30_000 }

/** Texts that are read from the database at once, in bytes of their files and by number. */
const readAtOnce = { bytes: 4_000_000, files: 500 }

interface AgentFile {
  file_id: string
  file_name: string
  /** Bytes that reading the text takes; null when they are not known, and 0 when the text is not in its row. */
  bytes: number | null
}

const filesQuery = `
  select fa.file_id, fa.file_name, iif(c.object_key is null, f.file_size, 0) as bytes
  from files_agents fa join files f on f.id = fa.file_id left join file_contents c on c.file_id = fa.file_id
  where fa.agent_id = ?1 and +fa.organization_id = ?2 and fa.is_deleted = 0 order by fa.file_name`

function patternOf(source: string): LinePattern {
  try {
    return linePattern(source)
  } catch (error) {
    throw error instanceof BadPattern ? new AppError('invalid', error.message) : error
  }
}

/** The files of an agent whose names are chosen. Throws 404 when there are none. */
async function chosenFiles(env: Env, { organization_id, agent_id, include }: FileGrep): Promise<AgentFile[]> {
  const { results } = await env.DB.prepare(filesQuery).bind(agent_id, organization_id).all<AgentFile>()
  const names = results.map((file) => file.file_name)
  if (names.length === 0) throw new AppError('not_found', 'There is nothing to search: no files are attached to you.')
  if (include === null) return results
  const matching = new Set(matchingNames(include, names))
  if (matching.size === 0)
    throw new AppError('not_found', `No name of your files matches include '${include}'. Your files: ${quotedNames(names)}.`)
  return results.filter((file) => matching.has(file.file_name))
}

/** Files in groups whose texts are small enough to be read at once. */
function groups(files: AgentFile[]): AgentFile[][] {
  const found: AgentFile[][] = []
  let bytes = 0
  for (const file of files) {
    const size = file.bytes ?? readAtOnce.bytes / 4
    const last = found.at(-1)
    if (!last || bytes + size > readAtOnce.bytes || last.length >= readAtOnce.files) {
      found.push([file])
      bytes = size
    } else {
      last.push(file)
      bytes += size
    }
  }
  return found
}

/** The texts of files in order. The names of those that have none yet, or cannot be read, are added to `unread`. */
async function* textsOf(env: Env, files: AgentFile[], unread: string[]): AsyncGenerator<NamedText> {
  for (const group of groups(files)) {
    const texts = await storedTexts(
      env,
      group.map((file) => file.file_id),
    )
    for (const { file_id, file_name } of group) {
      const stored = texts.get(file_id)
      if (!stored) unread.push(file_name)
      else yield { file_name, text: readable(textOf(env, stored), () => unread.push(file_name)) }
    }
  }
}

/** A text that ends where it cannot be read on. */
async function* readable(text: AsyncIterable<string>, fail: () => void): AsyncGenerator<string> {
  try {
    yield* text
  } catch (error) {
    log('warn', { msg: 'a file could not be searched', error: messageOf(error) })
    fail()
  }
}

/** Searches the files of an agent line by line, in the order of their names. Throws an AppError that says what was asked wrongly. */
export async function grepForAgent(env: Env, grep: FileGrep, clock: Clock = realClock): Promise<GrepResult> {
  const search = new LineSearch(patternOf(grep.pattern), grep)
  const files = await chosenFiles(env, grep)
  const unread: string[] = []
  const end = await searchTexts(textsOf(env, files, unread), search, limits, clock)
  return { found: search.found, hits: search.hits, files: search.files, chosen: files.length, ...end, unread, cut_lines: search.cutLines }
}
