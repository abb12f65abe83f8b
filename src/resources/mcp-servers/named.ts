import type { z } from 'zod'
import type { Ctx } from '../../context'
import { AppError, isAppError } from '../../lib/errors'
import { newId } from '../../lib/id'
import type { Reached, ServerRow } from './endpoint'
import type { McpConfig, McpTest, NamedConfig, NamedConfigCreate, NamedConfigUpdate } from './schema'
import { columnsOf, insertServer, removeServer, serverNamed, serverRows, shown, updateServer } from './service'
import { probe } from './tools'

/** A server as the older routes show it. */
async function named(ctx: Ctx, row: ServerRow): Promise<NamedConfig> {
  const { id: _, mcp_server_type: type, ...rest } = await shown(ctx, row)
  return { ...rest, type }
}

/** A configuration of the older routes in the newer form. */
function configOf({ type, server_url, auth_header, auth_token, custom_headers }: NamedConfigCreate): McpConfig {
  if (type === 'stdio') return { mcp_server_type: 'stdio', command: '', args: [] }
  if (!server_url) throw new AppError('invalid', 'server_url: is required', { errors: [{ field: 'server_url', message: 'is required' }] })
  return { mcp_server_type: type ?? 'streamable_http', server_url, auth_header, auth_token, custom_headers }
}

async function all(ctx: Ctx): Promise<NamedConfig[]> {
  const rows = await serverRows.list(ctx, { limit: 1000, order: 'asc' })
  return Promise.all(rows.map((row) => named(ctx, row)))
}

const existing = (ctx: Ctx, name: string): Promise<ServerRow | null> =>
  serverNamed(ctx, name).catch((error) => {
    if (isAppError(error) && error.kind === 'not_found') return null
    throw error
  })

/** MCP servers by name, as the older routes have them. */
export const namedMcpService = {
  async map(ctx: Ctx): Promise<Record<string, NamedConfig>> {
    return Object.fromEntries((await all(ctx)).map((config) => [config.server_name, config]))
  },

  async put(ctx: Ctx, input: NamedConfigCreate): Promise<NamedConfig[]> {
    const config = configOf(input)
    const row = await existing(ctx, input.server_name)
    if (row) await updateServer(ctx, row, { config })
    else await insertServer(ctx, newId('mcpServer'), input.server_name, await columnsOf(ctx, config))
    return all(ctx)
  },

  async update(ctx: Ctx, name: string, input: z.output<typeof NamedConfigUpdate>): Promise<NamedConfig> {
    const { server_name, type, token, ...config } = input
    const change = { ...config, mcp_server_type: type, auth_token: config.auth_token ?? token }
    return named(ctx, await updateServer(ctx, await serverNamed(ctx, name), { server_name, config: change }))
  },

  async remove(ctx: Ctx, name: string): Promise<NamedConfig[]> {
    await removeServer(ctx, await serverNamed(ctx, name))
    return all(ctx)
  },

  /** Reads the tools of a server that is not stored. */
  async test(ctx: Ctx, input: NamedConfigCreate): Promise<z.output<typeof McpTest>> {
    const row: Reached = { server_name: input.server_name, ...(await columnsOf(ctx, configOf(input))) }
    return { status: 'success', tools: await probe(ctx, row) }
  },
}
