import { z } from '@hono/zod-openapi'
import { json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { storageSize, storageUnits } from './service'

/** `/v1/embeddings` */
export const embeddingRoutes = router()

embeddingRoutes.openapi(
  operation(
    {
      tags: ['embeddings'],
      operationId: 'retrieve_total_storage_size',
      method: 'get',
      path: '/total_storage_size',
      deprecated: true,
      request: {
        headers: z.object({ storage_unit: z.enum(storageUnits).default('GB').describe('Unit of the answer, in powers of 1024 bytes.') }),
      },
    },
    { 200: json(z.number(), 'How much the passages of the organization hold, text and vectors') },
  ),
  async (c) => c.json(await storageSize(c.get('ctx'), c.req.valid('header').storage_unit), 200),
)
