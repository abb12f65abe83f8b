import { readRow } from '../../db/rows'
import { isAppError } from '../../lib/errors'
import { callTool } from '../../mcp/client'
import { McpError } from '../../mcp/errors'
import type { McpResult } from '../../mcp/result'
import { endpointOf, limitsOf, type McpHost } from './endpoint'
import { mcpServers } from './table'

const query = `
  select s.*, t.metadata_ ->> '$.mcp.tool_name' as tool_name
  from mcp_tools m
  join mcp_server s on s.id = m.mcp_server_id and s.organization_id = ?1 and s.is_deleted = 0
  join tools t on t.id = m.tool_id and t.organization_id = ?1 and t.is_deleted = 0
  where m.tool_id = ?2`

/** Calls a registered tool for an agent, whose secrets fill the headers of the server. Whatever goes wrong is the result. */
export async function callForAgent(
  host: McpHost,
  tool: { id: string; name: string; parameters: Record<string, unknown> },
  args: Record<string, unknown>,
  agent_id: string,
): Promise<McpResult> {
  const raw = await host.env.DB.prepare(query).bind(host.organization_id, tool.id).first<Record<string, unknown>>()
  if (!raw) return { status: 'error', text: `The MCP server of tool '${tool.name}' was deleted.` }
  const name = typeof raw.tool_name === 'string' ? raw.tool_name : tool.name
  try {
    const endpoint = await endpointOf(host, readRow(mcpServers, raw), agent_id)
    return await callTool(endpoint, limitsOf(host), { name, parameters: tool.parameters }, args)
  } catch (error) {
    if (!(error instanceof McpError) && !isAppError(error)) throw error
    return { status: 'error', text: error.message }
  }
}
