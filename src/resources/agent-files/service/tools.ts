import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf } from '../../../db/repository'
import { insertRows, type Row } from '../../../db/rows'
import { statement } from '../../../db/statement'
import { newId } from '../../../lib/id'
import { mcpServers, mcpTools } from '../../mcp-servers/table'
import { ensureBuiltinTools, isBuiltinName } from '../../tools/service'
import { tools } from '../../tools/table'
import type { AgentFileInput, ToolInput } from '../input'
import { idFor } from './ids'

export type ToolRow = Row<typeof tools>

/** What an import does about the tools of a file. */
export interface ToolPlan {
  /** The tool of each id of the file; none for a tool that is left out. */
  tools: Map<string, Pick<ToolRow, 'id' | 'name' | 'default_requires_approval'>>
  statements: D1PreparedStatement[]
  /** Tools and MCP servers that it makes, and the rows of those that it changes as they are now: to take it back. */
  made: string[]
  madeServers: string[]
  changed: ToolRow[]
  /** Names of tools that are left out. */
  left: Set<string>
  warnings: string[]
}

/** The function schema of a tool of a file, which may lack one. */
function schemaOf(tool: ToolInput): Record<string, unknown> {
  const parameters = tool.json_schema?.parameters ?? tool.args_json_schema ?? { type: 'object', properties: {} }
  return { description: tool.description ?? '', ...tool.json_schema, name: tool.name, parameters }
}

/** What a file tells of a tool, as it is stored. */
const columnsOf = (tool: ToolInput) => ({
  description: tool.description ?? (typeof tool.json_schema?.description === 'string' ? tool.json_schema.description : null),
  tags: tool.tags,
  source_type: tool.source_type,
  source_code: tool.source_code,
  json_schema: schemaOf(tool),
  args_json_schema: tool.args_json_schema ?? {},
  return_char_limit: tool.return_char_limit,
  pip_requirements: tool.pip_requirements,
  npm_requirements: tool.npm_requirements,
  default_requires_approval: tool.default_requires_approval,
  enable_parallel_execution: tool.enable_parallel_execution,
})

const told = (columns: object) =>
  JSON.stringify(
    Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)),
    sorted,
  )
const sorted = (_: string, value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

function isSame(row: ToolRow, tool: ToolInput): boolean {
  const columns = columnsOf(tool)
  const stored = Object.fromEntries(Object.keys(columns).map((key) => [key, row[key as keyof typeof columns]]))
  return told(stored) === told(columns)
}

type Kind = 'builtin' | 'unknown' | 'mcp' | 'custom'

function kindOf(tool: ToolInput): Kind {
  if (isBuiltinName(tool.name)) return 'builtin'
  if (tool.tool_type.startsWith('letta_')) return 'unknown'
  if (tool.tool_type === 'external_mcp') return 'mcp'
  // Tools of services that are gone are their code, or nothing.
  return tool.tool_type.startsWith('external_') && !tool.source_code ? 'unknown' : 'custom'
}

interface Servers {
  /** The server of each id of the file, and of each name. */
  byId: Map<string, string>
  byName: Map<string, string>
  made: string[]
  statements: D1PreparedStatement[]
}

/** MCP servers by name: those that are there stay as they are, others are made, without secrets. */
async function planServers(ctx: Ctx, file: AgentFileInput): Promise<Servers> {
  const plan: Servers = { byId: new Map(), byName: new Map(), made: [], statements: [] }
  if (file.mcp_servers.length === 0) return plan
  const { organization_id, user_id } = ctx.actor
  const names = file.mcp_servers.map((server) => server.server_name)
  const known = await ctx.db
    .select({ id: mcpServers.id, name: mcpServers.server_name })
    .from(mcpServers)
    .where(and(eq(mcpServers.organization_id, organization_id), eq(mcpServers.is_deleted, false), anyOf(mcpServers.server_name, names)))
  for (const { id, name } of known) plan.byName.set(name, id)
  for (const { id: name, server_name, metadata_: metadata, stdio_config, ...server } of file.mcp_servers) {
    if (!plan.byName.has(server_name)) {
      const id = await idFor(ctx, 'mcpServer', name)
      const { env: _, ...stdio } = stdio_config ?? {}
      const row = { ...server, id, server_name, metadata, stdio_config: stdio_config && stdio, organization_id }
      plan.statements.push(insertRows(ctx.env.DB, mcpServers, [{ ...row, created_by_id: user_id, last_updated_by_id: user_id }]))
      plan.made.push(id)
      plan.byName.set(server_name, id)
    }
    plan.byId.set(name, plan.byName.get(server_name) as string)
  }
  return plan
}

/** The server that a tool's metadata names, by its id in the file or by its name. */
function serverOf(tool: ToolInput, servers: Servers): string | undefined {
  const mcp = (tool.metadata_.mcp ?? {}) as { server_id?: unknown; server_name?: unknown }
  return servers.byId.get(String(mcp.server_id)) ?? servers.byName.get(String(mcp.server_name))
}

async function storedTools(ctx: Ctx, file: AgentFileInput): Promise<Map<string, ToolRow>> {
  const names = [...new Set(file.tools.map((tool) => tool.name))]
  if (names.length === 0) return new Map()
  if (names.some(isBuiltinName)) await ensureBuiltinTools(ctx)
  const rows = await ctx.db
    .select()
    .from(tools)
    .where(and(eq(tools.organization_id, ctx.actor.organization_id), eq(tools.is_deleted, false), anyOf(tools.name, names)))
  return new Map(rows.map((row) => [row.name, row]))
}

/** The statements that make a tool of a file. */
function made(ctx: Ctx, tool: ToolInput, kind: Kind, id: string, server: string | undefined): D1PreparedStatement[] {
  const { organization_id, user_id } = ctx.actor
  const by = { organization_id, created_by_id: user_id, last_updated_by_id: user_id }
  const mcp = { ...(tool.metadata_.mcp as object | undefined), server_id: server }
  const metadata_ = server ? { ...tool.metadata_, mcp } : tool.metadata_
  const row = { ...columnsOf(tool), ...by, id, name: tool.name, tool_type: kind === 'mcp' ? 'external_mcp' : 'custom', metadata_ }
  const link = server ? [insertRows(ctx.env.DB, mcpTools, [{ ...by, id: newId('mcpTool'), mcp_server_id: server, tool_id: id }])] : []
  return [insertRows(ctx.env.DB, tools, [row]), ...link]
}

const unserved = (tool: ToolInput) =>
  `The tool '${tool.name}' (${tool.tool_type}) is left out: it is built into another server and not into this one.`

/**
 * Tools by name: one that is there with the same code is used; with other code it is replaced by that of the file, or kept when
 * `override` is off. Built-in tools are those of this server; one that it lacks is left out, with a warning.
 */
export async function planTools(ctx: Ctx, file: AgentFileInput, override: boolean): Promise<ToolPlan> {
  const [servers, stored] = [await planServers(ctx, file), await storedTools(ctx, file)]
  const { made: madeServers, statements } = servers
  const plan: ToolPlan = { tools: new Map(), statements, made: [], madeServers, changed: [], left: new Set(), warnings: [] }
  for (const tool of file.tools) {
    const kind = kindOf(tool)
    const row = stored.get(tool.name)
    if (row) {
      plan.tools.set(tool.id, row)
      if (kind === 'builtin') {
        if (!tool.tool_type.startsWith('letta_'))
          plan.warnings.push(`The tool '${tool.name}' of the file has the name of a built-in tool, which is used in its place.`)
      } else if (!isSame(row, tool)) {
        if (override && kind === 'custom' && row.tool_type === 'custom') {
          const set = { ...columnsOf(tool), last_updated_by_id: ctx.actor.user_id }
          plan.statements.push(statement(ctx.env.DB, ctx.db.update(tools).set(set).where(eq(tools.id, row.id))))
          if (!plan.changed.includes(row)) plan.changed.push(row)
        } else plan.warnings.push(`The tool '${tool.name}' was there already with other code and is kept as it was.`)
      }
    } else if (kind === 'unknown') {
      plan.left.add(tool.name)
      plan.warnings.push(unserved(tool))
    } else {
      const id = await idFor(ctx, 'tool', tool.id)
      plan.statements.push(...made(ctx, tool, kind, id, kind === 'mcp' ? serverOf(tool, servers) : undefined))
      plan.made.push(id)
      const fresh = { id, name: tool.name, default_requires_approval: tool.default_requires_approval }
      plan.tools.set(tool.id, fresh)
      stored.set(tool.name, { ...fresh, ...columnsOf(tool), tool_type: 'custom' } as ToolRow)
    }
  }
  return plan
}
