import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { repository } from '../../db/repository'
import { AppError, notFound } from '../../lib/errors'
import { log } from '../../lib/log'
import { callTool, listTools, type McpTool } from '../../mcp/client'
import { McpError } from '../../mcp/errors'
import { schemaHealth } from '../../mcp/schema'
import { agents } from '../agents/table'
import type { ToolExecutionResult } from '../tools/schema'
import { tools } from '../tools/table'
import { endpointOf, limitsOf, type McpHost, type Reached, type ServerRow, unavailable, uncalled } from './endpoint'
import { originOf, register, registeredTools, type ToolRow } from './register'
import type { McpLiveTool, McpRefresh } from './schema'
import { mcpTools } from './table'

const agentRows = repository(agents, 'Agent')
const toolRows = repository(tools, 'Tool')

const hostOf = (ctx: Ctx): McpHost => ({ env: ctx.env, config: ctx.config, organization_id: ctx.actor.organization_id })

/** The tools that a server has now. Throws 404 when it cannot be reached, 408 when it takes too long. */
async function liveTools(ctx: Ctx, row: Reached, agentId: string | null = null): Promise<McpTool[]> {
  try {
    return await listTools(await endpointOf(hostOf(ctx), row, agentId), limitsOf(ctx))
  } catch (error) {
    throw error instanceof McpError ? unavailable(error) : error
  }
}

const shownLive = (tool: McpTool): McpLiveTool => ({
  name: tool.name,
  title: tool.title ?? null,
  description: tool.description ?? null,
  inputSchema: tool.inputSchema,
  outputSchema: tool.outputSchema ?? null,
  annotations: tool.annotations ?? null,
  health: schemaHealth(tool.inputSchema),
})

/** What a server says it has, with the health of each schema. Nothing is registered. */
export const probe = async (ctx: Ctx, row: Reached): Promise<McpLiveTool[]> => (await liveTools(ctx, row)).map(shownLive)

/** Registers the tools of a new server, if it can be reached: it may be set up before it runs. */
export async function syncNew(ctx: Ctx, row: ServerRow): Promise<void> {
  try {
    await register(ctx, row, await liveTools(ctx, row), { prune: false })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log('info', { msg: 'tools of a new MCP server not read', org: ctx.actor.organization_id, error: error.message })
  }
}

/** Brings the registered tools of a server up to what it has now. The secrets of the agent fill the headers when one is given. */
export async function refresh(ctx: Ctx, row: ServerRow, agentId?: string): Promise<McpRefresh> {
  if (agentId !== undefined) await agentRows.get(ctx, agentId)
  return register(ctx, row, await liveTools(ctx, row, agentId), { prune: true })
}

/** Registers one tool of a server by the server's own name for it. Throws 404 when it has none, 400 when its schema cannot be used. */
export async function registerOne(ctx: Ctx, row: ServerRow, name: string): Promise<ToolRow> {
  const found = (await liveTools(ctx, row)).filter((tool) => tool.name === name)
  const [tool] = found
  if (!tool) throw notFound(`On MCP server '${row.server_name}', tool`, name)
  const { status, reasons } = schemaHealth(tool.inputSchema)
  if (status === 'INVALID')
    throw new AppError('bad_request', `Tool '${name}' cannot be registered, since its schema cannot be used: ${reasons.join('; ')}`)
  await register(ctx, row, found, { prune: false })
  const registered = (await registeredTools(ctx, row.id)).find((one) => originOf(one).tool_name === name)
  if (!registered) throw notFound('Tool', name)
  return registered
}

/** A registered tool of a server. */
export async function toolOf(ctx: Ctx, serverId: string, toolId: string): Promise<ToolRow> {
  const [found] = await ctx.db
    .select({ tool: tools })
    .from(mcpTools)
    .innerJoin(tools, eq(tools.id, mcpTools.tool_id))
    .where(and(eq(mcpTools.mcp_server_id, serverId), eq(mcpTools.tool_id, toolId), toolRows.owned(ctx)))
    .limit(1)
  if (!found) throw notFound(`Of MCP server '${serverId}', tool`, toolId)
  return found.tool
}

type Callable = { name: string; parameters: Record<string, unknown> }

/** A registered tool as its server knows it. */
export const callableOf = (tool: Pick<ToolRow, 'name' | 'json_schema' | 'metadata_'>): Callable => ({
  name: originOf(tool).tool_name,
  parameters: (tool.json_schema.parameters ?? {}) as Record<string, unknown>,
})

/** Calls a tool outside any agent. What the tool says went wrong is a result; 502 or 408 when its server gave no answer. */
export async function run(ctx: Ctx, row: Reached, tool: Callable, args: Record<string, unknown>): Promise<ToolExecutionResult> {
  try {
    const { status, text } = await callTool(await endpointOf(hostOf(ctx), row, null), limitsOf(ctx), tool, args)
    const stderr = status === 'error' ? [text] : []
    return { status, func_return: text, agent_state: null, stdout: [], stderr, sandbox_config_fingerprint: null }
  } catch (error) {
    throw error instanceof McpError ? uncalled(error) : error
  }
}

/** The tool that a server has by its own name, registered or not. */
export async function findTool(ctx: Ctx, row: ServerRow, name: string): Promise<Callable> {
  const registered = (await registeredTools(ctx, row.id)).find((one) => originOf(one).tool_name === name)
  if (registered) return callableOf(registered)
  const tool = (await liveTools(ctx, row)).find((one) => one.name === name)
  if (!tool) throw notFound(`On MCP server '${row.server_name}', tool`, name)
  return { name, parameters: tool.inputSchema }
}
