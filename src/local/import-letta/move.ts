import { createHash } from 'node:crypto'
import { type Api, ApiError, allRows, type Row } from './api.ts'
import type { Options } from './options.ts'
import type { Counted, Progress, Report } from './report.ts'
import type { Kind, State } from './state.ts'

/** A move from one server to another. */
export interface Move {
  source: Api
  target: Api
  state: State
  report: Report
  progress: Progress
  options: Options
}

/** A key that is the same for the same request to make the same thing: a repeat of it makes nothing. */
export const keyOf = (kind: string, id: string, body: unknown): string =>
  `import-letta-${kind}-${createHash('sha256')
    .update(`${id}\n${JSON.stringify(body)}`)
    .digest('hex')
    .slice(0, 40)}`

/** The rows of a list of the source; none, with a note, when the source does not serve it. */
export async function sourceRows(move: Move, what: string, path: string, query: Parameters<typeof allRows>[2] = {}): Promise<Row[]> {
  const { report } = move
  try {
    return await allRows(move.source, path, { order: 'asc', ...query }, () =>
      report.fail(`${what}: the source does not page ${path}, so the list may go on`),
    )
  } catch (error) {
    if (!(error instanceof ApiError) || !error.unserved) throw error
    report.skip(`${what}: the source does not serve ${path}`)
    return []
  }
}

/** Everything that an import answers. */
export interface Imported {
  agent_ids: string[]
  ids: Record<string, string>
  warnings: string[]
}

const empty = { agents: [], groups: [], blocks: [], files: [], sources: [], tools: [], mcp_servers: [] }

/** Imports a file at the target. Ids are kept; where one is taken by something else, a new one is made. */
export async function importFile(move: Move, kind: string, id: string, parts: Row, fields: Row = {}): Promise<Imported> {
  const file = { ...empty, ...parts }
  const send = (keep: boolean) => {
    const all: Row = { append_copy_suffix: false, override_existing_tools: false, keep_ids: keep, ...fields }
    const form = () => {
      const made = new FormData()
      made.append('file', new File([JSON.stringify(file)], 'agent.af', { type: 'application/json' }))
      for (const [name, value] of Object.entries(all)) made.append(name, String(value))
      return made
    }
    return move.target.send('POST', '/v1/agents/import', { form, key: keyOf(kind, id, [file, all]) }) as Promise<Imported>
  }
  try {
    return await send(true)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'id_taken') throw error
    move.report.skip(`${kind} ${id}: its id is taken at the target, so it has a new one`)
    return send(false)
  }
}

/** Whether the target has a row of this path already. */
export async function isThere(move: Move, path: string): Promise<boolean> {
  try {
    await move.target.get(path)
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false
    throw error
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Moves each row that was not moved yet: one that fails is reported, and the rest goes on. `make` answers with the id at the target, or null
 * when it left the row out.
 */
export async function each(move: Move, kind: Kind & Counted, rows: Row[], make: (row: Row) => Promise<string | null>): Promise<void> {
  const { state, report, progress, options } = move
  const title = `${kind.replace('_', ' ')}s`.replace('identitys', 'identities')
  for (const [i, row] of rows.entries()) {
    progress.step(title, i, rows.length)
    if (state.isDone(kind, row.id)) report.known(kind)
    else if (options.dryRun) report.moved(kind)
    else {
      try {
        const target = await make(row)
        if (target !== null) {
          state.finish(kind, row.id, target)
          report.moved(kind)
        }
      } catch (error) {
        report.fail(`${kind} ${row.name ?? row.label ?? ''} (${row.id}): ${messageOf(error)}`)
      }
    }
  }
  if (rows.length > 0) progress.step(title, rows.length, rows.length)
}
