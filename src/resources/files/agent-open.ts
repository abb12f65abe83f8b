import type { Env } from '../../env'
import { AppError } from '../../lib/errors'
import type { FileOpening, FileRequest, Lines, OpenedFiles } from '../../runtime/files'
import { nearestNames, quotedNames } from './agent-names'
import { openView, type StoredText, storedTexts } from './contents'
import { type Opening, openFiles } from './open'
import { type FileView, type LineRange, linesShown } from './window'

interface Named {
  file_id: string
  file_name: string
  processing_status: string
}

const ofAgent = `from files_agents fa join files f on f.id = fa.file_id
  where fa.agent_id = ?1 and +fa.organization_id = ?2 and fa.is_deleted = 0`

/** Names of an agent's files among which one that it does not have is looked for. */
const namesMost = 5_000

async function unknown(env: Env, { organization_id, agent_id }: FileOpening, name: string): Promise<AppError> {
  const { results } = await env.DB.prepare(`select fa.file_name ${ofAgent} order by fa.file_name limit ${namesMost}`)
    .bind(agent_id, organization_id)
    .all<{ file_name: string }>()
  const names = results.map((row) => row.file_name)
  if (names.length === 0) return new AppError('not_found', `You have no file '${name}': no files are attached to you.`)
  const nearest = nearestNames(name, names, 5)
  const hint = nearest.length > 0 ? `Did you mean ${quotedNames(nearest)}?` : `Your files: ${quotedNames(names)}.`
  return new AppError('not_found', `You have no file '${name}'. ${hint} Give the name as your folders show it.`)
}

/** The files of the requests, in their order. Throws 404 for the first that the agent does not have, 422 for one that is asked for twice. */
async function named(env: Env, opening: FileOpening): Promise<Named[]> {
  const { organization_id, agent_id, requests, limits } = opening
  const names = requests.map((each) => each.file_name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw new AppError('invalid', `'${twice}' is asked for twice: of a file you see one view. Ask for it once.`)
  if (names.length > limits.max_open)
    throw new AppError(
      'invalid',
      `${names.length} files were asked for, and at most ${limits.max_open} can be open at once. Ask for fewer.`,
    )
  const { results } = await env.DB.prepare(
    `select fa.file_id, fa.file_name, f.processing_status ${ofAgent} and fa.file_name in (select value from json_each(?3))`,
  )
    .bind(agent_id, organization_id, JSON.stringify(names))
    .all<Named>()
  const byName = new Map(results.map((row) => [row.file_name, row]))
  const missing = names.find((name) => !byName.has(name))
  if (missing !== undefined) throw await unknown(env, opening, missing)
  return names.flatMap((name) => byName.get(name) ?? [])
}

/** The lines that a request means. Throws 422 for an offset at which the file has none. */
function rangeOf({ file_name, offset, length }: FileRequest, { lines }: StoredText): LineRange {
  if (offset === null && length === null) return {}
  const from = offset ?? 0
  if (from > 0 && from >= lines) {
    const last = lines === 0 ? 'it is empty' : `it has ${lines} lines, so the largest offset is ${lines - 1}`
    throw new AppError('invalid', `Offset ${from} is beyond the end of '${file_name}': ${last}.`)
  }
  return { start: from + 1, end: length === null ? lines : Math.min(lines, from + length) }
}

const linesOf = (view: FileView): Lines | null => {
  const shown = linesShown(view)
  return shown && { first: shown.first, last: shown.last }
}

const closeOthers = (d1: D1Database, agentId: string, keep: string, now: number) =>
  d1
    .prepare(
      `update files_agents set is_open = 0, visible_content = null, start_line = null, end_line = null, updated_at = ?3
        where agent_id = ?1 and is_open = 1 and is_deleted = 0 and file_id not in (select value from json_each(?2)) returning file_name`,
    )
    .bind(agentId, keep, now)

const openNow = (d1: D1Database, agentId: string, columns: string) =>
  d1.prepare(`select ${columns} from files_agents where agent_id = ?1 and is_open = 1 and is_deleted = 0`).bind(agentId)

/** A file that is about to be opened. */
interface Wanted {
  file_id: string
  file_name: string
  lines: number
  view: FileView
}

/** What was asked for, as the agent will see it. Throws 409 for a file that is not read yet, 422 for lines that a file does not have. */
async function viewsOf(env: Env, { requests, limits }: FileOpening, files: Named[]): Promise<Wanted[]> {
  const texts = await storedTexts(
    env,
    files.map((file) => file.file_id),
  )
  const ranges = files.map(({ file_id, file_name, processing_status }, i) => {
    const stored = texts.get(file_id)
    if (!stored)
      throw new AppError('conflict', `'${file_name}' cannot be opened yet: it is being processed (${processing_status}). Try again later.`)
    return { file_id, file_name, stored, range: rangeOf(requests[i] as FileRequest, stored) }
  })
  const wanted: Wanted[] = []
  for (const { file_id, file_name, stored, range } of ranges)
    wanted.push({ file_id, file_name, lines: stored.lines, view: await openView(env, stored, limits.view, range) })
  return wanted
}

/**
 * Opens files for an agent as it asks, or none of them when one cannot be opened. What is over its limit is closed, never a file that was
 * asked for. Throws an AppError that says what was asked wrongly.
 */
export async function openForAgent(env: Env, opening: FileOpening): Promise<OpenedFiles> {
  const { agent_id, close_others } = opening
  const wanted = await viewsOf(env, opening, await named(env, opening))
  const d1 = env.DB
  const now = Date.now()
  const ids = JSON.stringify(wanted.map((each) => each.file_id))
  const openings = wanted.map(({ file_id, view }): Opening => ({ file_id, ...view }))
  const results = await d1.batch<Record<string, unknown>>([
    openNow(d1, agent_id, 'file_id, visible_content as content, start_line, end_line'),
    ...(close_others ? [closeOthers(d1, agent_id, ids, now)] : []),
    ...openFiles(d1, agent_id, openings, now),
    openNow(d1, agent_id, 'file_id'),
  ])
  const rows = results.map((each) => each.results)
  const [before = [], others = []] = rows
  const [overLimit = [], after = []] = rows.slice(-2)
  const views = new Map(before.map((row) => [row.file_id, linesOf(row as unknown as FileView)]))
  const open = new Set(after.map((row) => row.file_id))
  const gone = wanted.find((each) => !open.has(each.file_id))
  if (gone) throw new AppError('conflict', `'${gone.file_name}' was taken away while it was being opened. Look at your folders again.`)
  return {
    opened: wanted.map(({ file_id, file_name, lines, view }) => ({
      file_name,
      lines,
      seen: linesOf(view),
      is_cut: linesShown(view)?.is_cut ?? lines > 0,
      before: views.get(file_id) ?? null,
    })),
    closed: [...(close_others ? others : []), ...overLimit].map((row) => row.file_name as string),
    open: open.size,
  }
}
