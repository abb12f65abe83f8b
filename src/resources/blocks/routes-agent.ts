import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { precondition } from '../../http/etag'
import { router } from '../../http/router'
import { AgentState } from '../agents/schema'
import { agentService } from '../agents/service'
import { ifMatch, oneBlock, sendBlock } from './routes-common'
import { AgentBlockQuery, Block, BlockUpdate, Memory } from './schema'
import { agentBlockService, blockService, changeOf } from './service'

const params = z.object({ agent_id: idOf('agent') })
const withLabel = params.extend({
  block_label: z.string().min(1).meta({ description: 'Label of the block, percent-encoded.', example: 'human' }),
})
const withBlock = params.extend({ block_id: idOf('block') })
const op = (operationId: string) => ({ tags: ['agents', 'blocks'], operationId })
const path = '/{agent_id}/core-memory'

/** `/v1/agents/{agent_id}/core-memory` */
export const agentBlockRoutes = router()

agentBlockRoutes.openapi(
  operation({ ...op('retrieve_agent_memory'), method: 'get', path, request: { params } }, { 200: json(Memory, 'Memory of the agent') }),
  async (c) => c.json(Memory.parse(await agentBlockService.memory(c.get('ctx'), c.req.valid('param').agent_id)), 200),
)

agentBlockRoutes.openapi(
  operation(
    { ...op('list_core_memory_blocks'), method: 'get', path: `${path}/blocks`, request: { params, query: AgentBlockQuery } },
    { 200: json(z.array(Block), 'One page of the blocks of the agent') },
  ),
  async (c) => {
    const blocks = await agentBlockService.list(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query'))
    return c.json(z.array(Block).parse(blocks), 200)
  },
)

agentBlockRoutes.openapi(
  operation(
    { ...op('retrieve_core_memory_block'), method: 'get', path: `${path}/blocks/{block_label}`, request: { params: withLabel } },
    { 200: oneBlock('The block with this label') },
  ),
  async (c) => {
    const { agent_id, block_label } = c.req.valid('param')
    return c.json(...sendBlock(await agentBlockService.byLabel(c.get('ctx'), agent_id, block_label)))
  },
)

agentBlockRoutes.openapi(
  operation(
    {
      ...op('modify_core_memory_block'),
      method: 'patch',
      path: `${path}/blocks/{block_label}`,
      request: { params: withLabel, headers: ifMatch, body: body(BlockUpdate, 'Fields to change') },
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

for (const verb of ['attach', 'detach'] as const) {
  agentBlockRoutes.openapi(
    operation(
      {
        ...op(`${verb}_core_memory_block`),
        method: 'patch',
        path: `${path}/blocks/${verb}/{block_id}`,
        request: { params: withBlock },
      },
      { 200: json(AgentState, 'The agent as it is now') },
    ),
    async (c) => {
      const { agent_id, block_id } = c.req.valid('param')
      const ctx = c.get('ctx')
      await agentBlockService[verb](ctx, agent_id, block_id)
      return c.json(await agentService.get(ctx, agent_id), 200)
    },
  )
}
