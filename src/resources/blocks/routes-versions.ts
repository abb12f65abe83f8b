import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { precondition } from '../../http/etag'
import { router } from '../../http/router'
import { ifMatch, oneBlock, sendBlock } from './routes-common'
import { BlockMove, BlockRestore, BlockVersion, BlockVersionQuery } from './schema'
import { blockVersionService, writerOf } from './service'

const params = z.object({ block_id: idOf('block') })
const op = (operationId: string) => ({ tags: ['blocks'], operationId })

/** `/v1/blocks/{block_id}/versions` and the moves through them. */
export const blockVersionRoutes = router()

blockVersionRoutes.openapi(
  operation(
    { ...op('list_block_versions'), method: 'get', path: '/{block_id}/versions', request: { params, query: BlockVersionQuery } },
    { 200: json(z.array(BlockVersion), 'One page of the history') },
  ),
  async (c) => {
    const { include, ...page } = c.req.valid('query')
    const value = include?.includes('value') ?? false
    const versions = await blockVersionService.list(c.get('ctx'), c.req.valid('param').block_id, page, { value })
    return c.json(z.array(BlockVersion).parse(versions), 200)
  },
)

blockVersionRoutes.openapi(
  operation(
    {
      ...op('retrieve_block_version'),
      method: 'get',
      path: '/{block_id}/versions/{version}',
      request: { params: params.extend({ version: z.coerce.number().int().min(1) }) },
    },
    { 200: json(BlockVersion, 'The block as it was at this version') },
  ),
  async (c) => {
    const { block_id, version } = c.req.valid('param')
    return c.json(BlockVersion.parse(await blockVersionService.get(c.get('ctx'), block_id, version)), 200)
  },
)

for (const move of ['undo', 'redo'] as const) {
  blockVersionRoutes.openapi(
    operation(
      {
        ...op(`${move}_block`),
        method: 'post',
        path: `/{block_id}/${move}`,
        // The body may be left out, so it is not `required`: then only a JSON body is read.
        request: { params, headers: ifMatch, body: json(BlockMove, 'Precondition; may be left out') },
      },
      { 200: oneBlock(move === 'undo' ? 'The block, one state back' : 'The block, one state forward again') },
    ),
    async (c) => {
      const { block_id } = c.req.valid('param')
      const { base_version } = c.req.valid('json')
      const seen = precondition(block_id, c.req.valid('header')['if-match'], base_version ?? undefined)
      const ctx = c.get('ctx')
      return c.json(...sendBlock(await blockVersionService[move](ctx, writerOf(ctx), block_id, seen)))
    },
  )
}

blockVersionRoutes.openapi(
  operation(
    {
      ...op('restore_block'),
      method: 'post',
      path: '/{block_id}/restore',
      request: { params, headers: ifMatch, body: body(BlockRestore, 'Which version to bring back') },
    },
    { 200: oneBlock('The block, with the content of that version') },
  ),
  async (c) => {
    const { block_id } = c.req.valid('param')
    const { version, base_version } = c.req.valid('json')
    const seen = precondition(block_id, c.req.valid('header')['if-match'], base_version ?? undefined)
    const ctx = c.get('ctx')
    return c.json(...sendBlock(await blockVersionService.restore(ctx, writerOf(ctx), block_id, version, seen)))
  },
)
