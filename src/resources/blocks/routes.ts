import { z } from '@hono/zod-openapi'
import { batchDelete, body, idOf, json, operation } from '../../http/crud'
import { precondition } from '../../http/etag'
import { router } from '../../http/router'
import { ifMatch, oneBlock, sendBlock } from './routes-common'
import { Block, BlockCreate, BlockFilters, BlockQuery, BlocksCreate, BlockUpdate, IdentityBlockQuery } from './schema'
import { blockService, changeOf } from './service'

export { agentBlockRoutes } from './routes-agent'
export { groupBlockRoutes } from './routes-group'
export { blockVersionRoutes } from './routes-versions'

const params = z.object({ block_id: idOf('block') })
const op = (operationId: string) => ({ tags: ['blocks'], operationId })

/** `/v1/blocks` */
export const blockRoutes = router()

blockRoutes.openapi(
  operation(
    { ...op('list_blocks'), method: 'get', path: '/', request: { query: BlockQuery } },
    { 200: json(z.array(Block), 'One page of blocks') },
  ),
  async (c) => c.json(z.array(Block).parse(await blockService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

blockRoutes.openapi(
  operation(
    { ...op('count_blocks'), method: 'get', path: '/count', request: { query: BlockFilters } },
    { 200: json(z.int(), 'Number of blocks that the filters leave') },
  ),
  async (c) => c.json(await blockService.count(c.get('ctx'), c.req.valid('query')), 200),
)

blockRoutes.openapi(
  operation(
    { ...op('create_block'), method: 'post', path: '/', request: { body: body(BlockCreate, 'block') } },
    { 200: oneBlock('The new block') },
  ),
  async (c) => c.json(...sendBlock(await blockService.create(c.get('ctx'), c.req.valid('json')))),
)

blockRoutes.openapi(
  operation(
    { ...op('create_blocks'), method: 'post', path: '/batch', request: { body: body(BlocksCreate, 'blocks') } },
    { 200: json(z.array(Block), 'The new blocks, in the order given: all of them, or none when one is refused') },
  ),
  async (c) => c.json(z.array(Block).parse(await blockService.createMany(c.get('ctx'), c.req.valid('json').blocks)), 200),
)

batchDelete(blockRoutes, { ...op('delete_blocks'), kind: 'block', remove: blockService.removeMany })

blockRoutes.openapi(
  operation({ ...op('retrieve_block'), method: 'get', path: '/{block_id}', request: { params } }, { 200: oneBlock('The block') }),
  async (c) => c.json(...sendBlock(await blockService.get(c.get('ctx'), c.req.valid('param').block_id))),
)

blockRoutes.openapi(
  operation(
    {
      ...op('modify_block'),
      method: 'patch',
      path: '/{block_id}',
      request: { params, headers: ifMatch, body: body(BlockUpdate, 'Fields to change') },
    },
    { 200: oneBlock('The block as it is now') },
  ),
  async (c) => {
    const { block_id } = c.req.valid('param')
    const input = c.req.valid('json')
    const seen = precondition(block_id, c.req.valid('header')['if-match'], input.base_version ?? undefined)
    return c.json(...sendBlock(await blockService.update(c.get('ctx'), block_id, changeOf(input), seen)))
  },
)

blockRoutes.openapi(
  operation({ ...op('delete_block'), method: 'delete', path: '/{block_id}', request: { params } }, { 200: json(z.null(), 'Deleted') }),
  async (c) => {
    await blockService.remove(c.get('ctx'), c.req.valid('param').block_id)
    return c.json(null, 200)
  },
)

/** `/v1/identities`, the blocks of an identity. */
export const identityBlockRoutes = router()

identityBlockRoutes.openapi(
  operation(
    {
      ...op('list_blocks_for_identity'),
      method: 'get',
      path: '/{identity_id}/blocks',
      request: { params: z.object({ identity_id: idOf('identity') }), query: IdentityBlockQuery },
    },
    { 200: json(z.array(Block), 'One page of the blocks of the identity') },
  ),
  async (c) => {
    const blocks = await blockService.ofIdentity(c.get('ctx'), c.req.valid('param').identity_id, c.req.valid('query'))
    return c.json(z.array(Block).parse(blocks), 200)
  },
)
