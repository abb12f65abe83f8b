import { z } from '@hono/zod-openapi'
import { batchDelete, body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AgentState } from '../agents/schema'
import { agentService } from '../agents/service'
import {
  AgentToolQuery,
  ApprovalQuery,
  ApprovalUpdate,
  Tool,
  ToolCreate,
  ToolFilters,
  ToolQuery,
  ToolSearch,
  ToolSearchResult,
  ToolUpdate,
} from './schema'
import { searchTools } from './search'
import { agentToolService, toolService } from './service'

const params = z.object({ tool_id: idOf('tool') })
const op = (operationId: string) => ({ tags: ['tools'], operationId })
const one = (row: unknown) => Tool.parse(row)
const many = (rows: unknown[]) => z.array(Tool).parse(rows)

/** `/v1/tools` */
export const toolRoutes = router()

toolRoutes.openapi(
  operation(
    { ...op('list_tools'), method: 'get', path: '/', request: { query: ToolQuery } },
    { 200: json(z.array(Tool), 'One page of tools') },
  ),
  async (c) => c.json(many(await toolService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

toolRoutes.openapi(
  operation(
    { ...op('count_tools'), method: 'get', path: '/count', request: { query: ToolFilters } },
    { 200: json(z.int(), 'Number of tools that the filters leave') },
  ),
  async (c) => c.json(await toolService.count(c.get('ctx'), c.req.valid('query')), 200),
)

toolRoutes.openapi(
  operation(
    { ...op('search_tools'), method: 'post', path: '/search', request: { body: body(ToolSearch, 'What to look for') } },
    { 200: json(z.array(ToolSearchResult), 'Tools, best match first') },
  ),
  async (c) => c.json(z.array(ToolSearchResult).parse(await searchTools(c.get('ctx'), c.req.valid('json'))), 200),
)

toolRoutes.openapi(
  operation({ ...op('add_base_tools'), method: 'post', path: '/add-base-tools' }, { 200: json(z.array(Tool), 'The built-in tools') }),
  async (c) => c.json(many(await toolService.builtins(c.get('ctx'))), 200),
)

for (const [verb, method] of [
  ['create', 'post'],
  ['upsert', 'put'],
] as const) {
  toolRoutes.openapi(
    operation(
      { ...op(`${verb}_tool`), method, path: '/', request: { body: body(ToolCreate, 'tool') } },
      { 200: json(Tool, 'The tool; one of the same name was changed and kept its id') },
    ),
    async (c) => c.json(one(await toolService[verb](c.get('ctx'), c.req.valid('json'))), 200),
  )
}

batchDelete(toolRoutes, { ...op('delete_tools'), kind: 'tool', remove: toolService.removeMany })

toolRoutes.openapi(
  operation({ ...op('retrieve_tool'), method: 'get', path: '/{tool_id}', request: { params } }, { 200: json(Tool, 'The tool') }),
  async (c) => c.json(one(await toolService.get(c.get('ctx'), c.req.valid('param').tool_id)), 200),
)

toolRoutes.openapi(
  operation(
    { ...op('modify_tool'), method: 'patch', path: '/{tool_id}', request: { params, body: body(ToolUpdate, 'Fields to change') } },
    { 200: json(Tool, 'The tool as it is now') },
  ),
  async (c) => c.json(one(await toolService.update(c.get('ctx'), c.req.valid('param').tool_id, c.req.valid('json'))), 200),
)

toolRoutes.openapi(
  operation({ ...op('delete_tool'), method: 'delete', path: '/{tool_id}', request: { params } }, { 200: json(z.null(), 'Deleted') }),
  async (c) => {
    await toolService.remove(c.get('ctx'), c.req.valid('param').tool_id)
    return c.json(null, 200)
  },
)

const ofAgent = z.object({ agent_id: idOf('agent') })
const agentOp = (operationId: string) => ({ tags: ['agents', 'tools'], operationId })

/** `/v1/agents/{agent_id}/tools` */
export const agentToolRoutes = router()

agentToolRoutes.openapi(
  operation(
    { ...agentOp('list_agent_tools'), method: 'get', path: '/{agent_id}/tools', request: { params: ofAgent, query: AgentToolQuery } },
    { 200: json(z.array(Tool), 'One page of the tools of the agent') },
  ),
  async (c) => c.json(many(await agentToolService.list(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query'))), 200),
)

for (const verb of ['attach', 'detach'] as const) {
  agentToolRoutes.openapi(
    operation(
      {
        ...agentOp(`${verb}_agent_tool`),
        method: 'patch',
        path: `/{agent_id}/tools/${verb}/{tool_id}`,
        request: { params: ofAgent.extend(params.shape) },
      },
      { 200: json(AgentState, 'The agent as it is now') },
    ),
    async (c) => {
      const { agent_id, tool_id } = c.req.valid('param')
      const ctx = c.get('ctx')
      await agentToolService[verb](ctx, agent_id, tool_id)
      return c.json(await agentService.get(ctx, agent_id), 200)
    },
  )
}

agentToolRoutes.openapi(
  operation(
    {
      ...agentOp('modify_approval_for_tool'),
      method: 'patch',
      path: '/{agent_id}/tools/approval/{tool_name}',
      request: {
        params: ofAgent.extend({ tool_name: z.string().meta({ example: 'roll_dice' }) }),
        query: ApprovalQuery,
        body: { required: false, ...json(ApprovalUpdate, 'Whether calls of the tool wait for approval') },
      },
    },
    { 200: json(z.null(), 'Changed') },
  ),
  async (c) => {
    const { agent_id, tool_name } = c.req.valid('param')
    const given = ApprovalUpdate.parse(c.req.valid('json') ?? {})
    const query = c.req.valid('query')
    const required = given.requires_approval ?? given.body_requires_approval ?? query.requires_approval ?? query.query_requires_approval
    await agentToolService.setApproval(c.get('ctx'), agent_id, tool_name, required)
    return c.json(null, 200)
  },
)
