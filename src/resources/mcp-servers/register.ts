import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { anyOf, repository } from '../../db/repository'
import { insertRows, type Row } from '../../db/rows'
import { AppError, isAppError } from '../../lib/errors'
import { newId } from '../../lib/id'
import type { McpTool } from '../../mcp/client'
import { parametersOf, type SchemaHealth, schemaHealth } from '../../mcp/schema'
import { tools } from '../tools/table'
import { candidates } from './names'
import type { McpRefresh } from './schema'
import { mcpTools } from './table'

export type ToolRow = Row<typeof tools>
type Server = { id: string; server_name: string }

const rows = repository(tools, 'Tool')

/** What a registered tool remembers of its server: where it came from and what it is called there. */
export interface Origin {
  server_id: string
  server_name: string
  tool_name: string
}

/** The origin of a registered tool. */
export const originOf = (tool: Pick<ToolRow, 'metadata_' | 'name'>): Origin => {
  const { server_id = '', server_name = '', tool_name = tool.name } = (tool.metadata_.mcp ?? {}) as Partial<Origin>
  return { server_id, server_name, tool_name }
}

/** The tools that are registered of a server, oldest first. */
export async function registeredTools(ctx: Ctx, serverId: string): Promise<ToolRow[]> {
  const found = await ctx.db
    .select({ tool: tools })
    .from(mcpTools)
    .innerJoin(tools, eq(tools.id, mcpTools.tool_id))
    .where(and(eq(mcpTools.mcp_server_id, serverId), rows.owned(ctx)))
  return found.map(({ tool }) => tool).sort((a, b) => (a.created_at + a.id < b.created_at + b.id ? -1 : 1))
}

/** The first name for each tool that nothing of the organization has; 409 when there is none left. */
async function freeNames(ctx: Ctx, server: Server, live: McpTool[]): Promise<Map<string, string>> {
  const wanted = live.map((tool) => ({ tool: tool.name, names: candidates(server.server_name, tool.name) }))
  const taken = new Set(
    (
      await ctx.db
        .select({ name: tools.name })
        .from(tools)
        .where(
          rows.owned(
            ctx,
            anyOf(
              tools.name,
              wanted.flatMap(({ names }) => names),
            ),
          ),
        )
    ).map(({ name }) => name),
  )
  return new Map(
    wanted.map(({ tool, names }) => {
      const name = names.find((one) => !taken.has(one))
      if (name === undefined)
        throw new AppError('conflict', `No name is free for the tool '${tool}' of MCP server '${server.server_name}': rename other tools.`)
      taken.add(name)
      return [tool, name]
    }),
  )
}

const described = (live: McpTool, name: string, health: SchemaHealth) => ({
  description: live.description ?? live.title ?? '',
  json_schema: { name, description: live.description ?? live.title ?? '', parameters: parametersOf(live.inputSchema) },
  health,
})

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** Statements that remove tools, from their agents too. */
export function removeTools(ctx: Ctx, ids: readonly string[]): D1PreparedStatement[] {
  if (ids.length === 0) return []
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const list = JSON.stringify(ids)
  const among = 'in (select value from json_each(?1))'
  return [
    d1
      .prepare(
        `update tools set is_deleted = 1, updated_at = ?3, last_updated_by_id = ?4
        where id ${among} and organization_id = ?2 and is_deleted = 0`,
      )
      .bind(list, organization_id, Date.now(), user_id),
    d1.prepare(`delete from tools_agents where tool_id ${among}`).bind(list),
    d1.prepare(`delete from mcp_tools where tool_id ${among} and organization_id = ?2`).bind(list, organization_id),
  ]
}

interface Change {
  result: McpRefresh
  statements: D1PreparedStatement[]
}

/** What makes the registered tools of a server those that it has; without `prune`, tools that are not among `live` stay. */
async function changeOf(ctx: Ctx, server: Server, live: McpTool[], prune: boolean): Promise<Change> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const usable = live.flatMap((tool) => {
    const health = schemaHealth(tool.inputSchema)
    return health.status === 'INVALID' ? [] : [{ tool, health }]
  })
  const registered = new Map((await registeredTools(ctx, server.id)).map((row) => [originOf(row).tool_name, row]))
  const fresh = usable.filter(({ tool }) => !registered.has(tool.name))
  const names = await freeNames(
    ctx,
    server,
    fresh.map(({ tool }) => tool),
  )
  const added = fresh.map(({ tool, health: found }) => {
    const name = names.get(tool.name) ?? tool.name
    const { health, ...shown } = described(tool, name, found)
    const mcp = { server_id: server.id, server_name: server.server_name, tool_name: tool.name, health }
    const kind = { tool_type: 'external_mcp', source_type: 'json', tags: [`mcp:${server.server_name}`], metadata_: { mcp } }
    return { id: newId('tool'), organization_id, name, ...shown, ...kind, created_by_id: user_id, last_updated_by_id: user_id }
  })
  const updated = usable.flatMap(({ tool, health: found }): ToolRow[] => {
    const row = registered.get(tool.name)
    if (!row) return []
    const { health, ...shown } = described(tool, row.name, found)
    if (same(row.json_schema, shown.json_schema)) return []
    const metadata_ = { ...row.metadata_, mcp: { ...originOf(row), health } }
    return [{ ...row, ...shown, metadata_, updated_at: new Date().toISOString(), last_updated_by_id: user_id }]
  })
  const gone = prune ? [...registered].filter(([name]) => !usable.some(({ tool }) => tool.name === name)).map(([, row]) => row) : []
  const changed = ['description', 'json_schema', 'metadata_', 'updated_at', 'last_updated_by_id']
  const overwrite = `on conflict (id) do update set ${changed.map((column) => `${column} = excluded.${column}`).join(', ')}`
  const links = added.map(({ id }) => ({ organization_id, mcp_server_id: server.id, tool_id: id, created_by_id: user_id }))
  return {
    result: { deleted: gone.map((row) => row.name), updated: updated.map((row) => row.name), added: added.map((row) => row.name) },
    statements: [
      ...(added.length > 0 ? [insertRows(d1, tools, added), insertRows(d1, mcpTools, links)] : []),
      ...(updated.length > 0 ? [insertRows(d1, tools, updated, overwrite)] : []),
      ...removeTools(
        ctx,
        gone.map((row) => row.id),
      ),
    ],
  }
}

/**
 * Registers the tools of a server and brings those that are registered up to what it tells, in one batch. A tool keeps its id and its name.
 * One whose schema cannot be used is left out.
 */
export async function register(ctx: Ctx, server: Server, live: McpTool[], { prune }: { prune: boolean }): Promise<McpRefresh> {
  for (let attempt = 0; ; attempt++) {
    const { result, statements } = await changeOf(ctx, server, live, prune)
    if (statements.length === 0) return result
    try {
      await explained(() => ctx.env.DB.batch(statements))
      return result
    } catch (error) {
      // Another request took one of the names, or registered the same tool, in between.
      if (attempt > 0 || !isAppError(error)) throw error
    }
  }
}
