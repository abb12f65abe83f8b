import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { precondition } from '../../http/etag'
import { router } from '../../http/router'
import { AgentState, RelatedAgentsQuery } from '../agents/schema'
import { agentService } from '../agents/service'
import { ifMatch, oneBlock, sendBlock } from '../blocks/routes-common'
import { Block, BlockCreate, BlockQuery, BlockUpdate } from '../blocks/schema'
import { agentBlockService, blockService, changeOf } from '../blocks/service'
import { warmSearch } from '../messages/service/search'
import { Run } from '../runs/schema'
import { listInternalRuns } from './runs'
import { CacheWarm, CacheWarmed, InternalCountQuery, InternalRunQuery } from './schema'

const op = (operationId: string) => ({ tags: ['internal'], operationId })
const params = z.object({ agent_id: idOf('agent') })
const ofBlock = z.object({ block_id: idOf('block') })

/** `/v1/_internal_runs` */
export const internalRunRoutes = router()

internalRunRoutes.openapi(
  operation(
    { ...op('list_internal_runs'), method: 'get', path: '/', request: { query: InternalRunQuery } },
    { 200: json(z.array(Run), 'Runs') },
  ),
  async (c) => c.json(await listInternalRuns(c.get('ctx'), c.req.valid('query')), 200),
)

/** `/v1/_internal_agents` */
export const internalAgentRoutes = router()

internalAgentRoutes.openapi(
  operation(
    { ...op('count_internal_agents'), method: 'get', path: '/count', request: { query: InternalCountQuery } },
    { 200: json(z.int(), 'How many') },
  ),
  async (c) => {
    const { exclude_hidden = true } = c.req.valid('query')
    return c.json(await agentService.count(c.get('ctx'), { show_hidden_agents: !exclude_hidden }), 200)
  },
)

internalAgentRoutes.openapi(
  operation(
    {
      ...op('modify_internal_core_memory_block'),
      method: 'patch',
      path: '/{agent_id}/core-memory/blocks/{block_label}',
      request: { params: params.extend({ block_label: z.string().min(1) }), headers: ifMatch, body: body(BlockUpdate, 'Fields to change') },
    },
    { 200: oneBlock('The block as it is now') },
  ),
  async (c) => {
    const { agent_id, block_label } = c.req.valid('param')
    const input = c.req.valid('json')
    const { id } = await agentBlockService.byLabel(c.get('ctx'), agent_id, block_label)
    const seen = precondition(id, c.req.valid('header')['if-match'], input.base_version ?? undefined)
    return c.json(...sendBlock(await blockService.update(c.get('ctx'), id, changeOf(input), seen)))
  },
)

/** `/v1/_internal_blocks` */
export const internalBlockRoutes = router()

internalBlockRoutes.openapi(
  operation(
    { ...op('list_internal_blocks'), method: 'get', path: '/', request: { query: BlockQuery } },
    { 200: json(z.array(Block), 'Blocks') },
  ),
  async (c) => c.json(z.array(Block).parse(await blockService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

internalBlockRoutes.openapi(
  operation(
    { ...op('create_internal_block'), method: 'post', path: '/', request: { body: body(BlockCreate, 'Block') } },
    { 200: oneBlock('The new block') },
  ),
  async (c) => c.json(...sendBlock(await blockService.create(c.get('ctx'), c.req.valid('json')))),
)

internalBlockRoutes.openapi(
  operation(
    { ...op('delete_internal_block'), method: 'delete', path: '/{block_id}', request: { params: ofBlock } },
    { 200: json(z.null(), 'Deleted') },
  ),
  async (c) => {
    await blockService.remove(c.get('ctx'), c.req.valid('param').block_id)
    return c.json(null, 200)
  },
)

internalBlockRoutes.openapi(
  operation(
    {
      ...op('list_agents_for_internal_block'),
      method: 'get',
      path: '/{block_id}/agents',
      request: { params: ofBlock, query: RelatedAgentsQuery },
    },
    { 200: json(z.array(AgentState), 'Agents') },
  ),
  async (c) => c.json(await agentService.ofBlock(c.get('ctx'), c.req.valid('param').block_id, c.req.valid('query')), 200),
)

/** `/v1/_internal_search` */
export const internalSearchRoutes = router()

internalSearchRoutes.openapi(
  operation(
    { ...op('warm_search_cache'), method: 'post', path: '/cache-warm', request: { body: body(CacheWarm, 'What will be searched') } },
    { 200: json(CacheWarmed, 'What was read ahead') },
  ),
  async (c) => {
    await warmSearch(c.get('ctx'))
    return c.json({ collection: c.req.valid('json').collection, status: 'ok' as const, warmed: true }, 200)
  },
)
