import type { Row } from '../../db/rows'
import { type Config, type Env, reachOf } from '../../env'
import { AppError } from '../../lib/errors'
import { opened } from '../../lib/vault'
import type { McpEndpoint, McpLimits } from '../../mcp/client'
import type { McpError } from '../../mcp/errors'
import { fill, isTemplate } from '../../mcp/template'
import { toolVariables } from '../sandbox-configs/variables'
import type { mcpServers } from './table'

/** What speaking to a server takes: the deployment and the organization. */
export interface McpHost {
  env: Env
  config: Config
  organization_id: string
}

export type ServerRow = Row<typeof mcpServers>
export type Reached = Pick<ServerRow, 'server_name' | 'server_type' | 'server_url' | 'auth_header' | 'token_enc' | 'custom_headers_enc'>

/** What sessions may reach, and how long they may take. */
export function limitsOf({ env, config }: Pick<McpHost, 'env' | 'config'>): McpLimits {
  const callMs = config.MCP_TIMEOUT_SECONDS * 1000
  return { policy: reachOf(config, env.PUBLIC_NETWORK), connectMs: callMs / 2, listMs: callMs / 2, callMs }
}

const isAuthorization = (name: string) => name.toLowerCase() === 'authorization'

/** The secrets of a server, opened. */
export async function secretsOf(
  config: Pick<Config, 'ENCRYPTION_KEY'>,
  row: Pick<Reached, 'server_name' | 'token_enc' | 'custom_headers_enc'>,
) {
  const what = `A secret of MCP server '${row.server_name}'`
  const [token, headers] = await Promise.all(
    [row.token_enc, row.custom_headers_enc].map((stored) => stored && opened(config.ENCRYPTION_KEY, stored, what)),
  )
  return { token: token ?? null, headers: headers ? (JSON.parse(headers) as Record<string, string>) : {} }
}

/** A server with the headers that requests to it carry, filled in from the variables of the organization and the agent. */
export async function endpointOf({ env, config, organization_id }: McpHost, row: Reached, agent_id: string | null): Promise<McpEndpoint> {
  const { token, headers } = await secretsOf(config, row)
  const name = row.auth_header ?? 'Authorization'
  const given = { ...headers, ...(token ? { [name]: token } : {}) }
  const variables = Object.values(given).some(isTemplate) ? await toolVariables(env.DB, config, { organization_id, agent_id }) : {}
  const filled = Object.entries(given).map(([key, value]) => {
    const text = fill(value, variables)
    return [key, token && key === name && isAuthorization(key) && !text.includes(' ') ? `Bearer ${text}` : text]
  })
  return {
    name: row.server_name,
    transport: row.server_type === 'sse' ? 'sse' : 'streamable_http',
    url: row.server_url ?? '',
    headers: { ...Object.fromEntries(filled), ...(agent_id ? { 'x-agent-id': agent_id } : {}) },
  }
}

/** A failure of a server as the answer to a request that asked for its tools: 404, or 408 when it took too long. */
export function unavailable({ reason, message }: McpError): AppError {
  if (reason === 'timeout') return new AppError('mcp_timeout', message, { error: { type: 'mcp_timeout', message, detail: null } })
  return new AppError('mcp_server_unavailable', message, { error: { type: 'MCPServerUnavailable', message, detail: null } })
}

/** A failure of a server as the answer to a request that called a tool: 502, or 408 when it took too long. */
export function uncalled({ reason, message }: McpError): AppError {
  const kind = reason === 'timeout' ? 'mcp_timeout' : 'mcp_connection_error'
  return new AppError(kind, message, { error: { type: kind, message, detail: null } })
}

/** What the routes of OAuth answer. */
export const noOauth = (): AppError =>
  new AppError('not_implemented', 'Connecting by OAuth is not served. Give the server a token in auth_token, or headers in custom_headers.')
