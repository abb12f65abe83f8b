import { ApiError, type Row } from './api.ts'
import { each, importFile, isThere, keyOf, type Move, sourceRows } from './move.ts'

/** What belongs to the agents that are moved; null: everything there is. */
export interface Wanted {
  tools: Set<string>
  blocks: Set<string>
  folders: Set<string>
  identities: Set<string>
}

const only = (rows: Row[], ids: Set<string> | undefined): Row[] => (ids ? rows.filter((row) => ids.has(row.id)) : rows)

/** The MCP servers of the source, by id and by name. */
async function serversOf(move: Move): Promise<Row[]> {
  const rows = await sourceRows(move, 'MCP servers', '/v1/mcp-servers/')
  return rows.map((row) => ({
    id: row.id,
    server_name: row.server_name,
    server_type: row.mcp_server_type ?? row.server_type,
    server_url: row.server_url ?? null,
    stdio_config: row.command ? { type: 'stdio', command: row.command, args: row.args ?? [] } : (row.stdio_config ?? null),
  }))
}

/** Moves the tools that have code or come from MCP servers; built-in tools every server has of its own. */
export async function moveTools(move: Move, wanted: Wanted | null): Promise<void> {
  const rows = only(await sourceRows(move, 'Tools', '/v1/tools/'), wanted?.tools)
  const own = rows.filter((row) => !String(row.tool_type).startsWith('letta_'))
  const servers = own.some((row) => row.tool_type === 'external_mcp') || !wanted ? await serversOf(move) : []
  await each(move, 'mcp_server', wanted ? [] : servers, async (server) => {
    move.report.todo(`the token and headers of the MCP server '${server.server_name}'`)
    // A server goes over with its tools; one without tools has nothing to be imported with but itself.
    return Object.values((await importFile(move, 'mcp_server', server.id, { mcp_servers: [server] })).ids)[0] ?? server.server_name
  })
  await each(move, 'tool', own, async (row) => {
    const mcp = row.metadata_?.mcp ?? {}
    const name = mcp.server_name ?? String(row.tags?.find((tag: string) => tag.startsWith('mcp:')) ?? '').slice(4)
    const server = servers.find((one) => one.id === mcp.server_id || one.server_name === name)
    if (server) move.report.todo(`the token and headers of the MCP server '${server.server_name}'`)
    const tool = server
      ? { ...row, metadata_: { ...row.metadata_, mcp: { ...mcp, server_id: server.id, server_name: server.server_name } } }
      : row
    const { ids, warnings } = await importFile(move, 'tool', row.id, { tools: [tool], mcp_servers: server ? [server] : [] })
    for (const warning of warnings) move.report.skip(warning)
    return ids[row.id] ?? null
  })
}

/** Moves blocks under their ids, so that agents that share one go on sharing it. */
export async function moveBlocks(move: Move, blocks: Row[]): Promise<void> {
  await each(move, 'block', blocks, async (row) => {
    if (await isThere(move, `/v1/blocks/${row.id}`)) return row.id
    const { ids } = await importFile(move, 'block', row.id, { blocks: [row] })
    return ids[row.id] ?? null
  })
}

export async function moveIdentities(move: Move, wanted: Wanted | null): Promise<void> {
  if (wanted && wanted.identities.size === 0) return
  const rows = only(await sourceRows(move, 'Identities', '/v1/identities/'), wanted?.identities)
  await each(move, 'identity', rows, async ({ id, identifier_key, name, identity_type, project_id = null, properties = [] }) => {
    const body = { identifier_key, name, identity_type, project_id, properties }
    try {
      return ((await move.target.send('POST', '/v1/identities/', { json: body, key: keyOf('identity', id, body) })) as Row).id
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.unserved) {
        move.report.skip('Identities: the target does not serve them')
        return null
      }
      if (error.status !== 409) throw error
      const known = (await move.target.get('/v1/identities/', { identifier_key })) as Row[]
      const same = known.find((one) => (one.project_id ?? null) === project_id)
      if (!same) throw error
      return same.id
    }
  })
}

/** Characters of text in one file of files: well below what the target takes in one request. */
const filesAtOnce = 4_000_000

/** Moves folders with the texts of their files. The original documents stay behind: the API does not give them. */
export async function moveFolders(move: Move, wanted: Wanted | null): Promise<void> {
  if (wanted && wanted.folders.size === 0) return
  const rows = only(await sourceRows(move, 'Folders', '/v1/folders/'), wanted?.folders)
  await each(move, 'folder', rows, async (row) => {
    if (await isThere(move, `/v1/folders/${row.id}`)) return row.id
    const { ids } = await importFile(move, 'folder', row.id, { sources: [row] })
    return ids[row.id] ?? null
  })
  for (const row of rows) await moveFiles(move, row)
}

async function moveFiles(move: Move, folder: Row): Promise<void> {
  const { state, report, options } = move
  const target = state.target('folder', folder.id)
  if (!target && !options.dryRun) return
  const rows = await sourceRows(move, `Files of '${folder.name}'`, `/v1/folders/${folder.id}/files`, { include_content: true })
  await each(move, 'file', rows, async (row) => {
    if (typeof row.content !== 'string') {
      report.skip(`file '${row.file_name}' of '${folder.name}': the source does not give its text`)
      return null
    }
    if (row.content.length > filesAtOnce) throw new Error(`its text has ${row.content.length} characters, more than ${filesAtOnce}`)
    const { ids } = await importFile(move, 'file', row.id, { files: [{ ...row, source_id: target }] })
    return ids[row.id] ?? null
  })
}
