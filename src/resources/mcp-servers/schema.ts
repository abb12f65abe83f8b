import { z } from 'zod'
import { queryText } from '../../lib/query'

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header')
const headerValue = z
  .string()
  .max(10_000)
  .regex(/^[\t\x20-\x7e\xa0-\xff]*$/, 'must be the value of a header: printable Latin characters')
const headers = z.record(headerName, headerValue, {
  error: ({ code }) => (code === 'invalid_key' ? 'must be the name of a header' : undefined),
})
const text = () => z.string().nullable()

/** What stands for a secret that is stored: sent back in a change, it keeps what is there. */
export const masked = '********'

const httpFields = {
  server_url: z.string(),
  auth_header: text().describe('Name of the header that carries `auth_token`; `Authorization` unless given.'),
  auth_token: text().describe(`'${masked}' when one is stored; never the token.`),
  custom_headers: z.record(z.string(), z.string()).nullable().describe(`Names of the headers; each value is '${masked}'.`),
}
const named = { id: z.string(), server_name: z.string() }

/** An MCP server, flat. Secrets are stored encrypted and never sent. */
export const McpServer = z
  .object({ ...named, mcp_server_type: z.enum(['streamable_http', 'sse']), ...httpFields })
  .meta({ id: 'MCPServer' })
export type McpServer = z.output<typeof McpServer>

const server_name = z
  .string()
  .regex(/^[^/\p{Cc}]{1,100}$/u, 'must have 1 to 100 characters, without slashes or control characters')
  .meta({ example: 'my-server' })
const server_url = z.string().min(1).max(2_000).meta({ example: 'https://mcp.example.com/mcp' })
const auth = {
  auth_header: headerName.nullish().describe('Name of the header that carries `auth_token`; `Authorization` unless given.'),
  auth_token: headerValue
    .nullish()
    .describe(
      'Value of that header; `Bearer` is put before it in `Authorization` when it is one word. May hold `{{ VARIABLE | default }}`.',
    ),
  custom_headers: headers
    .nullish()
    .describe('More headers. Values may hold `{{ VARIABLE | default }}`, filled from the secrets of the agent.'),
}
const stdio = { command: z.string().min(1), args: z.array(z.string()), env: z.record(z.string(), z.string()).nullish() }

const Config = z
  .discriminatedUnion(
    'mcp_server_type',
    [
      z.object({ mcp_server_type: z.literal('streamable_http'), server_url, ...auth }),
      z.object({ mcp_server_type: z.literal('sse'), server_url, ...auth }),
      z.object({ mcp_server_type: z.literal('stdio'), ...stdio }).describe('Not served: refused with 400.'),
    ],
    { error: 'must be a configuration with mcp_server_type streamable_http or sse' },
  )
  .meta({ example: { mcp_server_type: 'streamable_http', server_url: 'https://mcp.example.com/mcp' } })
export type McpConfig = z.output<typeof Config>

export const McpServerCreate = z.object({ server_name, config: Config }).meta({ id: 'CreateMCPServerRequest' })

const ConfigChange = z.looseObject({
  mcp_server_type: z.enum(['streamable_http', 'sse', 'stdio']).nullish(),
  server_url: server_url.nullish(),
  ...auth,
})
export type McpConfigChange = z.output<typeof ConfigChange>

/**
 * Fields that are left out or null stay as they are, and so does a secret that is sent as it was shown. An empty `auth_token` or
 * `custom_headers` removes them. With another host in `server_url` secrets are kept only when they are sent again.
 */
export const McpServerUpdate = z
  .object({ server_name: server_name.nullish(), config: ConfigChange.nullish() })
  .meta({ id: 'UpdateMCPServerRequest' })
export type McpServerUpdate = z.output<typeof McpServerUpdate>

export const RefreshQuery = z.object({ agent_id: queryText('Agent whose secrets fill the headers.') })

/** Names of the tools that a refresh changed. */
export const McpRefresh = z
  .object({ deleted: z.array(z.string()), updated: z.array(z.string()), added: z.array(z.string()) })
  .meta({ id: 'MCPRefresh' })
export type McpRefresh = z.output<typeof McpRefresh>

export const McpToolRun = z
  .object({ args: z.record(z.string(), z.unknown()).nullish() })
  .meta({ id: 'MCPToolRunRequest', example: { args: {} } })

/** A tool as its server tells it now, and whether it can be registered. */
export const McpLiveTool = z
  .object({
    name: z.string(),
    title: text(),
    description: text(),
    inputSchema: z.unknown(),
    outputSchema: z.unknown(),
    annotations: z.unknown(),
    health: z
      .object({ status: z.enum(['STRICT_COMPLIANT', 'NON_STRICT_ONLY', 'INVALID']), reasons: z.array(z.string()) })
      .describe('Whether models can be shown the schema of the tool. An INVALID one is not registered.'),
  })
  .meta({ id: 'MCPTool' })
export type McpLiveTool = z.output<typeof McpLiveTool>

/** A server by name, as the older routes show it. */
export const NamedConfig = z
  .object({ server_name: z.string(), type: z.enum(['streamable_http', 'sse']), ...httpFields })
  .meta({ id: 'MCPServerConfig' })
export type NamedConfig = z.output<typeof NamedConfig>

const namedType = z.enum(['streamable_http', 'sse', 'stdio'])

export const NamedConfigCreate = z
  .looseObject({
    server_name,
    type: namedType.nullish().describe('`streamable_http` unless given.'),
    server_url: server_url.nullish().describe('Required.'),
    ...auth,
  })
  .meta({ id: 'MCPServerConfigCreate' })
export type NamedConfigCreate = z.output<typeof NamedConfigCreate>

export const NamedConfigUpdate = z
  .looseObject({
    server_name: server_name.nullish(),
    type: namedType.nullish(),
    server_url: server_url.nullish(),
    ...auth,
    token: auth.auth_token,
  })
  .meta({ id: 'MCPServerConfigUpdate' })

export const McpTest = z.object({ status: z.literal('success'), tools: z.array(McpLiveTool) }).meta({ id: 'MCPServerTest' })
