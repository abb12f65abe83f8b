import { z } from '@hono/zod-openapi'
import { body, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Tool, ToolExecutionResult } from '../tools/schema'
import { noOauth } from './endpoint'
import { namedMcpService } from './named'
import { McpLiveTool, McpRefresh, McpTest, McpToolRun, NamedConfig, NamedConfigCreate, NamedConfigUpdate, RefreshQuery } from './schema'
import { serverNamed } from './service'
import { findTool, probe, refresh, registerOne, run } from './tools'

const name = z.string().min(1)
const params = z.object({ mcp_server_name: name.meta({ description: 'Name of the server, percent-encoded.', example: 'my-server' }) })
const op = (operationId: string, description?: string) => ({
  tags: ['tools', 'mcp_servers'],
  operationId,
  ...(description ? { description } : {}),
})

/** `/v1/tools/mcp`: MCP servers by name. `/v1/mcp-servers` is the newer way to all but the live list and single tools. */
export const namedMcpRoutes = router()

namedMcpRoutes.openapi(
  operation(
    { ...op('list_mcp_servers_by_name'), method: 'get', path: '/servers' },
    { 200: json(z.record(z.string(), NamedConfig), 'Every server, by name') },
  ),
  async (c) => c.json(await namedMcpService.map(c.get('ctx')), 200),
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op(
        'put_mcp_server_by_name',
        'Stores a server, or changes the one of that name. Its tools are registered one by one, or by `resync`.',
      ),
      method: 'put',
      path: '/servers',
      request: { body: body(NamedConfigCreate, 'MCP server') },
    },
    { 200: json(z.array(NamedConfig), 'Every server, oldest first') },
  ),
  async (c) => c.json(await namedMcpService.put(c.get('ctx'), c.req.valid('json')), 200),
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op(
        'test_mcp_server',
        'Reads the tools of a server; nothing is stored. 404 when it cannot be reached, 408 when it takes too long.',
      ),
      method: 'post',
      path: '/servers/test',
      request: { body: body(NamedConfigCreate, 'MCP server') },
    },
    { 200: json(McpTest, 'It answers, and has these tools') },
  ),
  async (c) => c.json(await namedMcpService.test(c.get('ctx'), c.req.valid('json')), 200),
)

// Not in the document, since they are not served.
namedMcpRoutes.post('/servers/connect', () => {
  throw noOauth()
})
namedMcpRoutes.get('/oauth/callback', () => {
  throw noOauth()
})

namedMcpRoutes.openapi(
  operation(
    {
      ...op('modify_mcp_server_by_name'),
      method: 'patch',
      path: '/servers/{mcp_server_name}',
      request: { params, body: body(NamedConfigUpdate, 'Fields to change') },
    },
    { 200: json(NamedConfig, 'The server as it is now') },
  ),
  async (c) => c.json(await namedMcpService.update(c.get('ctx'), c.req.valid('param').mcp_server_name, c.req.valid('json')), 200),
)

namedMcpRoutes.openapi(
  operation(
    { ...op('delete_mcp_server_by_name'), method: 'delete', path: '/servers/{mcp_server_name}', request: { params } },
    { 200: json(z.array(NamedConfig), 'The servers that are left') },
  ),
  async (c) => c.json(await namedMcpService.remove(c.get('ctx'), c.req.valid('param').mcp_server_name), 200),
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op('list_live_mcp_tools', 'Asks the server for its tools now. 404 when it cannot be reached, 408 when it takes too long.'),
      method: 'get',
      path: '/servers/{mcp_server_name}/tools',
      request: { params },
    },
    { 200: json(z.array(McpLiveTool), 'Its tools, with the health of each schema') },
  ),
  async (c) => {
    const ctx = c.get('ctx')
    return c.json(await probe(ctx, await serverNamed(ctx, c.req.valid('param').mcp_server_name)), 200)
  },
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op('resync_mcp_server', 'Reads the tools of the server anew; those that it no longer has leave every agent.'),
      method: 'post',
      path: '/servers/{mcp_server_name}/resync',
      request: { params, query: RefreshQuery },
    },
    { 200: json(McpRefresh, 'Names of the tools that changed') },
  ),
  async (c) => {
    const ctx = c.get('ctx')
    return c.json(await refresh(ctx, await serverNamed(ctx, c.req.valid('param').mcp_server_name), c.req.valid('query').agent_id), 200)
  },
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op('execute_mcp_tool', 'Calls a tool of the server, registered or not, outside any agent.'),
      method: 'post',
      path: '/servers/{mcp_server_name}/tools/{mcp_tool_name}/execute',
      request: { params: params.extend({ mcp_tool_name: name }), body: body(McpToolRun, 'Arguments') },
    },
    { 200: json(ToolExecutionResult, 'What the call came to') },
  ),
  async (c) => {
    const ctx = c.get('ctx')
    const { mcp_server_name, mcp_tool_name } = c.req.valid('param')
    const row = await serverNamed(ctx, mcp_server_name)
    return c.json(await run(ctx, row, await findTool(ctx, row, mcp_tool_name), c.req.valid('json').args ?? {}), 200)
  },
)

namedMcpRoutes.openapi(
  operation(
    {
      ...op(
        'register_mcp_tool',
        'Registers a tool of the server, so that agents can have it. One that is registered is brought up to date.',
      ),
      method: 'post',
      path: '/servers/{mcp_server_name}/{mcp_tool_name}',
      request: { params: params.extend({ mcp_tool_name: name }) },
    },
    { 200: json(Tool, 'The tool') },
  ),
  async (c) => {
    const ctx = c.get('ctx')
    const { mcp_server_name, mcp_tool_name } = c.req.valid('param')
    return c.json(Tool.parse(await registerOne(ctx, await serverNamed(ctx, mcp_server_name), mcp_tool_name)), 200)
  },
)
