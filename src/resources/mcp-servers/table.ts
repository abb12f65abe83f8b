import { index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { organizations } from '../organizations/table'
import { tools } from '../tools/table'
import { users } from '../users/table'

export const mcpServerTypes = ['sse', 'streamable_http', 'stdio'] as const

/** MCP servers. The token and the custom headers are sealed with `ENCRYPTION_KEY`. */
export const mcpServers = sqliteTable(
  'mcp_server',
  {
    id: id('mcpServer'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    server_name: text().notNull(),
    server_type: text({ enum: mcpServerTypes }).notNull(),
    server_url: text(),
    auth_header: text(),
    token_enc: text(),
    custom_headers_enc: text(),
    stdio_config: json<Json>(),
    metadata: json<Json>('metadata_').notNull().default({}),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_name_organization_mcp_server').on(t.server_name, t.organization_id).where(alive),
    index('ix_mcp_server_organization_created').on(t.organization_id, t.created_at, t.id),
    ...jsonChecks('mcp_server', t),
  ],
)

/** Which tools came from which server. */
export const mcpTools = sqliteTable(
  'mcp_tools',
  {
    id: id('mcpTool'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    mcp_server_id: text()
      .notNull()
      .references(() => mcpServers.id, { onDelete: 'cascade' }),
    tool_id: text()
      .notNull()
      .references(() => tools.id, { onDelete: 'cascade' }),
    ...audit(),
  },
  (t) => [uniqueIndex('uix_mcp_tools_server_tool').on(t.mcp_server_id, t.tool_id), index('ix_mcp_tools_tool_id').on(t.tool_id)],
)

/** Sessions of the OAuth code flow with an MCP server. Everything secret is sealed. */
export const mcpOauth = sqliteTable(
  'mcp_oauth',
  {
    id: id('mcpOauth'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    user_id: text()
      .notNull()
      .references(() => users.id),
    server_id: text().references(() => mcpServers.id, { onDelete: 'cascade' }),
    state: text().notNull(),
    server_url: text().notNull(),
    server_name: text().notNull(),
    authorization_url: text(),
    authorization_code_enc: text(),
    code_verifier_enc: text(),
    access_token_enc: text(),
    refresh_token_enc: text(),
    token_type: text().notNull().default('Bearer'),
    expires_at: instant(),
    scope: text(),
    client_id: text(),
    client_secret_enc: text(),
    redirect_uri: text(),
    status: text().notNull().default('pending'),
    ...audit(),
  },
  (t) => [uniqueIndex('uix_mcp_oauth_state').on(t.state), index('ix_mcp_oauth_server_id').on(t.server_id)],
)
