import { z } from '@hono/zod-openapi'
import { json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { EmbeddingModel, Model, ModelQuery } from './schema'
import { modelService } from './service'

const op = (operationId: string) => ({ tags: ['models'], operationId })

/** `/v1/models` */
export const modelRoutes = router()

modelRoutes.openapi(
  operation(
    { ...op('list_models'), method: 'get', path: '/', request: { query: ModelQuery } },
    { 200: json(z.array(Model), 'Language models') },
  ),
  async (c) => c.json(await modelService.list(c.get('ctx'), c.req.valid('query')), 200),
)

modelRoutes.openapi(
  operation(
    { ...op('list_embedding_models'), method: 'get', path: '/embedding' },
    { 200: json(z.array(EmbeddingModel), 'Embedding models') },
  ),
  async (c) => c.json(await modelService.embeddings(c.get('ctx')), 200),
)
