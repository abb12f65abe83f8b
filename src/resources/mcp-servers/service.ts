import { and, eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { createOnce } from '../../db/once'
import { repository } from '../../db/repository'
import { insertRows } from '../../db/rows'
import { statement } from '../../db/statement'
import { reachOf } from '../../env'
import { checkUrl } from '../../lib/egress'
import { AppError, notFound } from '../../lib/errors'
import { sealed } from '../../lib/vault'
import { type ServerRow, secretsOf } from './endpoint'
import { registeredTools, removeTools } from './register'
import { type McpConfig, type McpConfigChange, type McpServer, type McpServerCreate, masked } from './schema'
import { mcpServers } from './table'
import { syncNew } from './tools'

export const serverRows = repository(mcpServers, 'MCP server')

const noProcesses =
  'MCP stdio servers are disabled: this server runs in Workers, which cannot start processes. Serve the tools over streamable_http or sse instead.'

const wrong = (field: string, message: string) => new AppError('invalid', `${field}: ${message}`, { errors: [{ field, message }] })

const taken = (name: string) =>
  new AppError('conflict', `An MCP server named '${name}' exists already. Change it, or choose another name.`, { code: 'name_taken' })

/** A server as it is sent: with the names of its headers, and no value of them. */
export async function shown(ctx: Ctx, row: ServerRow): Promise<McpServer> {
  const { headers } = row.custom_headers_enc ? await secretsOf(ctx.config, { ...row, token_enc: null }) : { headers: {} }
  const names = Object.keys(headers)
  return {
    id: row.id,
    server_name: row.server_name,
    mcp_server_type: row.server_type === 'sse' ? 'sse' : 'streamable_http',
    server_url: row.server_url ?? '',
    auth_header: row.auth_header,
    auth_token: row.token_enc === null ? null : masked,
    custom_headers: names.length > 0 ? Object.fromEntries(names.map((name) => [name, masked])) : null,
  }
}

const checkServer = (ctx: Ctx, url: string) => checkUrl(url, reachOf(ctx.config), 'config.server_url')

const sealedHeaders = (ctx: Ctx, headers: Record<string, string>) =>
  Object.keys(headers).length > 0 ? sealed(ctx.config.ENCRYPTION_KEY, JSON.stringify(headers)) : null

/** The columns of a configuration as it was sent. Throws 400 for a stdio server, 422 for an address that may not be reached. */
export async function columnsOf(ctx: Ctx, config: McpConfig) {
  if (config.mcp_server_type === 'stdio') throw new AppError('bad_request', noProcesses)
  checkServer(ctx, config.server_url)
  const secrets = { auth_token: config.auth_token, ...config.custom_headers }
  const field = Object.entries(secrets).find(([, value]) => value === masked)?.[0]
  if (field) throw wrong(`config.${field}`, `'${masked}' stands for a secret that is stored: send the secret itself`)
  return {
    server_type: config.mcp_server_type,
    server_url: config.server_url,
    auth_header: config.auth_header ?? null,
    token_enc: config.auth_token ? await sealed(ctx.config.ENCRYPTION_KEY, config.auth_token) : null,
    custom_headers_enc: await sealedHeaders(ctx, config.custom_headers ?? {}),
  }
}

const hostOf = (url: string | null) => (url !== null && URL.canParse(url) ? new URL(url).origin : '')

/** The token after a change. A stored one stays with the host that it was stored for. */
function changedToken(ctx: Ctx, row: ServerRow, token: string | null | undefined, sameHost: boolean): Promise<string> | string | null {
  if (token === undefined || token === null) return sameHost ? row.token_enc : null
  if (token === '') return null
  if (token !== masked) return sealed(ctx.config.ENCRYPTION_KEY, token)
  if (sameHost && row.token_enc !== null) return row.token_enc
  throw wrong(
    'config.auth_token',
    sameHost ? 'none is stored; send it' : 'send it again with another server: a stored one is not sent there',
  )
}

async function changedHeaders(ctx: Ctx, row: ServerRow, headers: McpConfigChange['custom_headers'], sameHost: boolean) {
  if (headers === undefined || headers === null) return sameHost ? row.custom_headers_enc : null
  const before = sameHost ? (await secretsOf(ctx.config, { ...row, token_enc: null })).headers : {}
  const after = Object.entries(headers).map(([name, value]) => {
    const kept = value === masked ? before[name] : value
    if (kept === undefined) throw wrong(`config.custom_headers.${name}`, 'send its value: none is stored for this server')
    return [name, kept] as const
  })
  return sealedHeaders(ctx, Object.fromEntries(after))
}

/** The columns of a server after a change. */
async function changedColumns(ctx: Ctx, row: ServerRow, config: McpConfigChange) {
  if (config.mcp_server_type === 'stdio') throw new AppError('bad_request', noProcesses)
  const server_url = config.server_url ?? row.server_url ?? ''
  checkServer(ctx, server_url)
  const sameHost = hostOf(server_url) === hostOf(row.server_url)
  return {
    server_type: config.mcp_server_type ?? row.server_type,
    server_url,
    auth_header: config.auth_header ?? row.auth_header,
    token_enc: await changedToken(ctx, row, config.auth_token, sameHost),
    custom_headers_enc: await changedHeaders(ctx, row, config.custom_headers, sameHost),
  }
}

/** Statement that gives the tools of a renamed server its new name. */
function renamedTools(ctx: Ctx, row: ServerRow, name: string): D1PreparedStatement {
  return ctx.env.DB.prepare(
    `update tools set updated_at = ?5, metadata_ = json_set(metadata_, '$.mcp.server_name', ?3),
      tags = (select json_group_array(case value when 'mcp:' || ?4 then 'mcp:' || ?3 else value end) from json_each(tools.tags))
    where id in (select tool_id from mcp_tools where mcp_server_id = ?1) and organization_id = ?2 and is_deleted = 0`,
  ).bind(row.id, ctx.actor.organization_id, name, row.server_name, Date.now())
}

export async function serverNamed(ctx: Ctx, name: string): Promise<ServerRow> {
  const [row] = await ctx.db
    .select()
    .from(mcpServers)
    .where(serverRows.owned(ctx, eq(mcpServers.server_name, name)))
    .limit(1)
  if (!row) throw notFound('MCP server', name)
  return row
}

/** Stores a server. Throws 409 when its name is taken. */
export async function insertServer(ctx: Ctx, id: string, server_name: string, columns: Awaited<ReturnType<typeof columnsOf>>) {
  const { organization_id, user_id } = ctx.actor
  const row = { id, organization_id, server_name, ...columns, metadata: {}, created_by_id: user_id, last_updated_by_id: user_id }
  await explained(
    () => insertRows(ctx.env.DB, mcpServers, [row]).run(),
    ({ kind }) => (kind === 'unique' ? taken(server_name) : undefined),
  )
  return serverRows.get(ctx, id)
}

export async function updateServer(
  ctx: Ctx,
  row: ServerRow,
  change: { server_name?: string | null | undefined; config?: McpConfigChange | null | undefined },
): Promise<ServerRow> {
  const name = change.server_name ?? row.server_name
  const columns = change.config ? await changedColumns(ctx, row, change.config) : {}
  const head = ctx.db
    .update(mcpServers)
    .set({ ...columns, server_name: name, last_updated_by_id: ctx.actor.user_id })
    .where(and(serverRows.owned(ctx), eq(mcpServers.id, row.id)))
  const statements = [statement(ctx.env.DB, head), ...(name === row.server_name ? [] : [renamedTools(ctx, row, name)])]
  await explained(
    () => ctx.env.DB.batch(statements),
    ({ kind }) => (kind === 'unique' ? taken(name) : undefined),
  )
  return serverRows.get(ctx, row.id)
}

/** Soft delete: its secrets are wiped, and its tools leave the organization and every agent, in the same transaction. */
export async function removeServer(ctx: Ctx, row: ServerRow): Promise<void> {
  const gone = await registeredTools(ctx, row.id)
  const head = ctx.db
    .update(mcpServers)
    .set({ is_deleted: true, token_enc: null, custom_headers_enc: null, last_updated_by_id: ctx.actor.user_id })
    .where(and(serverRows.owned(ctx), eq(mcpServers.id, row.id)))
  await ctx.env.DB.batch([
    statement(ctx.env.DB, head),
    ...removeTools(
      ctx,
      gone.map((tool) => tool.id),
    ),
  ])
}

export const mcpServerService = {
  async list(ctx: Ctx): Promise<McpServer[]> {
    const rows = await serverRows.list(ctx, { limit: 1000, order: 'asc' })
    return Promise.all(rows.map((row) => shown(ctx, row)))
  },

  get: async (ctx: Ctx, id: string): Promise<McpServer> => shown(ctx, await serverRows.get(ctx, id)),

  /** Stores a server and registers the tools that it has, if it can be reached; its tools can be read later too. */
  create(ctx: Ctx, { server_name, config }: z.output<typeof McpServerCreate>): Promise<McpServer> {
    const make = async (id: string) => {
      const row = await insertServer(ctx, id, server_name, await columnsOf(ctx, config))
      await syncNew(ctx, row)
      return shown(ctx, row)
    }
    return createOnce(ctx, 'mcpServer', make, (id) => mcpServerService.get(ctx, id))
  },

  async update(ctx: Ctx, id: string, change: Parameters<typeof updateServer>[2]): Promise<McpServer> {
    return shown(ctx, await updateServer(ctx, await serverRows.get(ctx, id), change))
  },

  async remove(ctx: Ctx, id: string): Promise<void> {
    await removeServer(ctx, await serverRows.get(ctx, id))
  },
}
