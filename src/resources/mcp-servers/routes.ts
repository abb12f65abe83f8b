import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Tool, ToolExecutionResult } from '../tools/schema'
import { noOauth } from './endpoint'
import { registeredTools } from './register'
import { McpRefresh, McpServer, McpServerCreate, McpServerUpdate, McpToolRun, RefreshQuery } from './schema'
import { mcpServerService, serverRows } from './service'
import { callableOf, refresh, run, toolOf } from './tools'

export { namedMcpRoutes } from './routes-named'

const params = z.object({ mcp_server_id: idOf('mcpServer') })
const withTool = params.extend({ tool_id: idOf('tool') })
const op = (operationId: string, description?: string) => ({ tags: ['mcp_servers'], operationId, ...(description ? { description } : {}) })

/** `/v1/mcp-servers` */
export const mcpServerRoutes = router()

mcpServerRoutes.openapi(
  operation({ ...op('list_mcp_servers'), method: 'get', path: '/' }, { 200: json(z.array(McpServer), 'Every MCP server, oldest first') }),
  async (c) => c.json(await mcpServerService.list(c.get('ctx')), 200),
)

const making =
  'Stores a server and registers the tools that it has now, if it can be reached. A tool whose name is taken gets the name of the server before it.'
mcpServerRoutes.openapi(
  operation(
    { ...op('create_mcp_server', making), method: 'post', path: '/', request: { body: body(McpServerCreate, 'MCP server') } },
    { 200: json(McpServer, 'The new server') },
  ),
  async (c) => c.json(await mcpServerService.create(c.get('ctx'), c.req.valid('json')), 200),
)

// Not in the document, since it is not served.
mcpServerRoutes.get('/connect/:mcp_server_id', () => {
  throw noOauth()
})

mcpServerRoutes.openapi(
  operation(
    { ...op('retrieve_mcp_server'), method: 'get', path: '/{mcp_server_id}', request: { params } },
    { 200: json(McpServer, 'The server') },
  ),
  async (c) => c.json(await mcpServerService.get(c.get('ctx'), c.req.valid('param').mcp_server_id), 200),
)

mcpServerRoutes.openapi(
  operation(
    {
      ...op('modify_mcp_server'),
      method: 'patch',
      path: '/{mcp_server_id}',
      request: { params, body: body(McpServerUpdate, 'Fields to change') },
    },
    { 200: json(McpServer, 'The server as it is now') },
  ),
  async (c) => c.json(await mcpServerService.update(c.get('ctx'), c.req.valid('param').mcp_server_id, c.req.valid('json')), 200),
)

mcpServerRoutes.openapi(
  operation(
    { ...op('delete_mcp_server'), method: 'delete', path: '/{mcp_server_id}', request: { params } },
    { 204: { description: 'Deleted, with its tools' } },
  ),
  async (c) => {
    await mcpServerService.remove(c.get('ctx'), c.req.valid('param').mcp_server_id)
    return c.body(null, 204)
  },
)

mcpServerRoutes.openapi(
  operation(
    {
      ...op('refresh_mcp_server', 'Reads the tools of the server anew; those that it no longer has leave every agent.'),
      method: 'patch',
      path: '/{mcp_server_id}/refresh',
      request: { params, query: RefreshQuery },
    },
    { 200: json(McpRefresh, 'Names of the tools that changed') },
  ),
  async (c) => {
    const row = await serverRows.get(c.get('ctx'), c.req.valid('param').mcp_server_id)
    return c.json(await refresh(c.get('ctx'), row, c.req.valid('query').agent_id), 200)
  },
)

mcpServerRoutes.openapi(
  operation(
    { ...op('list_mcp_server_tools'), method: 'get', path: '/{mcp_server_id}/tools', request: { params } },
    { 200: json(z.array(Tool), 'The tools that are registered of the server') },
  ),
  async (c) => {
    const { id } = await serverRows.get(c.get('ctx'), c.req.valid('param').mcp_server_id)
    return c.json(z.array(Tool).parse(await registeredTools(c.get('ctx'), id)), 200)
  },
)

mcpServerRoutes.openapi(
  operation(
    { ...op('retrieve_mcp_server_tool'), method: 'get', path: '/{mcp_server_id}/tools/{tool_id}', request: { params: withTool } },
    { 200: json(Tool, 'The tool') },
  ),
  async (c) => {
    const { mcp_server_id, tool_id } = c.req.valid('param')
    return c.json(Tool.parse(await toolOf(c.get('ctx'), mcp_server_id, tool_id)), 200)
  },
)

mcpServerRoutes.openapi(
  operation(
    {
      ...op('run_mcp_server_tool', 'Calls a tool of the server, outside any agent. An error of the tool is a result with `status: error`.'),
      method: 'post',
      path: '/{mcp_server_id}/tools/{tool_id}/run',
      request: { params: withTool, body: body(McpToolRun, 'Arguments') },
    },
    { 200: json(ToolExecutionResult, 'What the call came to') },
  ),
  async (c) => {
    const ctx = c.get('ctx')
    const { mcp_server_id, tool_id } = c.req.valid('param')
    const row = await serverRows.get(ctx, mcp_server_id)
    const tool = await toolOf(ctx, mcp_server_id, tool_id)
    return c.json(await run(ctx, row, callableOf(tool), c.req.valid('json').args ?? {}), 200)
  },
)
