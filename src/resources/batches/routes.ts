import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { BatchCreate, BatchJob, BatchMessages, BatchMessagesQuery, BatchQuery } from './schema'
import { batchService } from './service'

const op = (operationId: string) => ({ tags: ['batches'], operationId })
const params = z.object({ batch_id: idOf('job') })
const one = { 200: json(BatchJob, 'The batch') }

/** `/v1/messages/batches` */
export const batchRoutes = router()

batchRoutes.openapi(
  operation(
    { ...op('list_batches'), method: 'get', path: '/', request: { query: BatchQuery } },
    { 200: json(z.array(BatchJob), 'Batches') },
  ),
  async (c) => c.json(await batchService.list(c.get('ctx'), c.req.valid('query')), 200),
)

batchRoutes.openapi(
  operation({ ...op('create_batch'), method: 'post', path: '/', request: { body: body(BatchCreate, 'Requests') } }, one),
  async (c) => c.json(await batchService.create(c.get('ctx'), c.req.valid('json')), 200),
)

batchRoutes.openapi(operation({ ...op('retrieve_batch'), method: 'get', path: '/{batch_id}', request: { params } }, one), async (c) =>
  c.json(await batchService.get(c.get('ctx'), c.req.valid('param').batch_id), 200),
)

batchRoutes.openapi(
  operation(
    { ...op('list_batch_messages'), method: 'get', path: '/{batch_id}/messages', request: { params, query: BatchMessagesQuery } },
    { 200: json(BatchMessages, 'Messages of its runs') },
  ),
  async (c) => c.json({ messages: await batchService.messages(c.get('ctx'), c.req.valid('param').batch_id, c.req.valid('query')) }, 200),
)

batchRoutes.openapi(
  operation(
    { ...op('cancel_batch'), method: 'patch', path: '/{batch_id}/cancel', request: { params } },
    { 200: json(z.null(), 'Cancelled') },
  ),
  async (c) => {
    await batchService.cancel(c.get('ctx'), c.req.valid('param').batch_id)
    return c.json(null, 200)
  },
)
