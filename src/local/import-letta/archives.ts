import type { AgentToMove } from './agents.ts'
import { ApiError, type Row, rowsOf } from './api.ts'
import { each, keyOf, type Move, messageOf, sourceRows } from './move.ts'

const passagesAtOnce = 100

/** The archives of the agents, and which agents have each. */
async function archivesOf(move: Move, agents: AgentToMove[], all: boolean): Promise<Map<string, { row: Row; agents: string[] }>> {
  const found = new Map<string, { row: Row; agents: string[] }>()
  const rows = all ? await sourceRows(move, 'Archives', '/v1/archives/') : []
  for (const row of rows) found.set(row.id, { row, agents: [] })
  if (all && rows.length === 0) return found
  for (const { state } of agents) {
    for (const row of await sourceRows(move, 'Archives', '/v1/archives/', { agent_id: state.id })) {
      const entry = found.get(row.id) ?? { row, agents: [] }
      entry.agents.push(state.id)
      found.set(row.id, entry)
    }
  }
  return found
}

/** Moves the passages of an archive through one of its agents: the API lists them in no other way. */
async function movePassages(move: Move, archive: string, target: string, agent: string): Promise<void> {
  const { state, report, progress } = move
  const cut = (path: string) => report.fail(`passages of archive ${archive}: the source does not page ${path}, so the list may go on`)
  let done = 0
  for await (const rows of rowsOf(move.source, `/v1/agents/${agent}/archival-memory`, { ascending: true, limit: passagesAtOnce }, cut)) {
    const fresh = rows.filter((row) => (row.archive_id ?? archive) === archive && !state.isDone('passage', row.id))
    report.known('passage', rows.length - fresh.length)
    if (fresh.length > 0) {
      const passages = fresh.map(({ text, tags = null, metadata = null, created_at = null }) => ({ text, tags, metadata, created_at }))
      const ids = fresh.map((row) => row.id as string)
      const key = keyOf('passages', target, [ids, passages])
      await move.target.send('POST', `/v1/archives/${target}/passages/batch`, { json: { passages }, key })
      state.finishAll('passage', ids, target)
      report.moved('passage', ids.length)
    }
    done += rows.length
    progress.step('passages', done, done)
  }
}

/** Moves archives, attaches them to their agents, and moves their passages. */
export async function moveArchives(move: Move, agents: AgentToMove[], all: boolean): Promise<void> {
  const { state, report, options } = move
  const archives = await archivesOf(move, agents, all)
  await each(
    move,
    'archive',
    [...archives.values()].map(({ row }) => row),
    async (row) => {
      const { id, name, description = null, embedding = null, embedding_config = null, metadata = null } = row
      const json = { name, description, embedding, embedding_config, metadata }
      try {
        return ((await move.target.send('POST', '/v1/archives/', { json, key: keyOf('archive', id, null) })) as Row).id
      } catch (error) {
        if (!(error instanceof ApiError) || !error.unserved) throw error
        report.skip('Archives: the target does not serve them')
        return null
      }
    },
  )
  if (options.dryRun) return
  for (const [id, { row, agents: owners }] of archives) {
    const target = state.target('archive', id)
    if (!target) continue
    try {
      for (const owner of owners) {
        const agent = state.target('agent', owner)
        if (agent) await move.target.send('PATCH', `/v1/agents/${agent}/archives/attach/${target}`)
      }
      if (owners[0]) await movePassages(move, id, target, owners[0])
      else report.skip(`archive '${row.name}': no agent has it, so its passages cannot be read`)
    } catch (error) {
      report.fail(`archive '${row.name}' (${id}): ${messageOf(error)}`)
    }
  }
}
