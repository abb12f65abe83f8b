import { z } from '@hono/zod-openapi'
import { batchDelete, body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AgentCreate, AgentUpdate } from './input'
import {
  AgentFilters,
  AgentQuery,
  AgentState,
  ContextQuery,
  ContextWindowOverview,
  IncludeQuery,
  RecompileQuery,
  RelatedAgentsQuery,
} from './schema'
import { agentService, includedBy } from './service'

const op = (operationId: string) => ({ tags: ['agents'], operationId })
const params = z.object({ agent_id: idOf('agent') })
const one = { 200: json(AgentState, 'Agent') }

/** `/v1/agents` */
export const agentRoutes = router()

agentRoutes.openapi(
  operation(
    { ...op('list_agents'), method: 'get', path: '/', request: { query: AgentQuery } },
    { 200: json(z.array(AgentState), 'Agents') },
  ),
  async (c) => c.json(await agentService.list(c.get('ctx'), c.req.valid('query')), 200),
)

agentRoutes.openapi(
  operation({ ...op('create_agent'), method: 'post', path: '/', request: { body: body(AgentCreate, 'Agent') } }, one),
  async (c) => c.json(await agentService.create(c.get('ctx'), c.req.valid('json')), 200),
)

agentRoutes.openapi(
  operation({ ...op('count_agents'), method: 'get', path: '/count', request: { query: AgentFilters } }, { 200: json(z.int(), 'How many') }),
  async (c) => c.json(await agentService.count(c.get('ctx'), c.req.valid('query')), 200),
)

batchDelete(agentRoutes, { ...op('delete_agents'), kind: 'agent', remove: agentService.removeMany })

agentRoutes.openapi(
  operation({ ...op('retrieve_agent'), method: 'get', path: '/{agent_id}', request: { params, query: IncludeQuery } }, one),
  async (c) => c.json(await agentService.get(c.get('ctx'), c.req.valid('param').agent_id, includedBy(c.req.valid('query'))), 200),
)

agentRoutes.openapi(
  operation(
    { ...op('modify_agent'), method: 'patch', path: '/{agent_id}', request: { params, body: body(AgentUpdate, 'What to change') } },
    one,
  ),
  async (c) => c.json(await agentService.update(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('json')), 200),
)

agentRoutes.openapi(
  operation(
    { ...op('delete_agent'), method: 'delete', path: '/{agent_id}', request: { params } },
    { 200: json(z.object({ message: z.string() }), 'Deleted') },
  ),
  async (c) => {
    const { agent_id } = c.req.valid('param')
    await agentService.remove(c.get('ctx'), agent_id)
    return c.json({ message: `Agent id=${agent_id} successfully deleted` }, 200)
  },
)

agentRoutes.openapi(
  operation(
    { ...op('retrieve_agent_context_window'), method: 'get', path: '/{agent_id}/context', request: { params, query: ContextQuery } },
    { 200: json(ContextWindowOverview, 'Context window') },
  ),
  async (c) => {
    const { conversation_id } = c.req.valid('query')
    return c.json(await agentService.context(c.get('ctx'), c.req.valid('param').agent_id, conversation_id), 200)
  },
)

for (const [path, operationId] of [
  ['/{agent_id}/recompile', 'recompile_agent'],
  ['/{agent_id}/system-prompt/recompile', 'recompile_agent_system_prompt'],
] as const) {
  agentRoutes.openapi(
    operation(
      { ...op(operationId), method: 'post', path, deprecated: path.includes('system-prompt'), request: { params, query: RecompileQuery } },
      { 200: json(z.string(), 'The compiled system message') },
    ),
    async (c) => {
      const { dry_run = false } = c.req.valid('query')
      return c.json(await agentService.recompile(c.get('ctx'), c.req.valid('param').agent_id, dry_run), 200)
    },
  )
}

/** `/v1/archives`, the agents of an archive. */
export const archiveAgentRoutes = router()

archiveAgentRoutes.openapi(
  operation(
    {
      ...op('list_agents_for_archive'),
      method: 'get',
      path: '/{archive_id}/agents',
      request: { params: z.object({ archive_id: idOf('archive') }), query: RelatedAgentsQuery },
    },
    { 200: json(z.array(AgentState), 'Agents') },
  ),
  async (c) => c.json(await agentService.ofArchive(c.get('ctx'), c.req.valid('param').archive_id, c.req.valid('query')), 200),
)

/** `/v1/blocks`, the agents of a block. */
export const blockAgentRoutes = router()

blockAgentRoutes.openapi(
  operation(
    {
      ...op('list_agents_for_block'),
      method: 'get',
      path: '/{block_id}/agents',
      request: { params: z.object({ block_id: idOf('block') }), query: RelatedAgentsQuery },
    },
    { 200: json(z.array(AgentState), 'Agents') },
  ),
  async (c) => c.json(await agentService.ofBlock(c.get('ctx'), c.req.valid('param').block_id, c.req.valid('query')), 200),
)

/** `/v1/identities`, the agents of an identity. */
export const identityAgentRoutes = router()

identityAgentRoutes.openapi(
  operation(
    {
      ...op('list_agents_for_identity'),
      method: 'get',
      path: '/{identity_id}/agents',
      request: { params: z.object({ identity_id: idOf('identity') }), query: RelatedAgentsQuery },
    },
    { 200: json(z.array(AgentState), 'Agents') },
  ),
  async (c) => c.json(await agentService.ofIdentity(c.get('ctx'), c.req.valid('param').identity_id, c.req.valid('query')), 200),
)
