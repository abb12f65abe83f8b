import { z } from '@hono/zod-openapi'
import { json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { TagQuery } from './schema'
import { tagService } from './service'

/** `/v1/tags` */
export const tagRoutes = router()

tagRoutes.openapi(
  operation(
    { tags: ['tags'], operationId: 'list_tags', method: 'get', path: '/', request: { query: TagQuery } },
    { 200: json(z.array(z.string()), 'One page of tags') },
  ),
  async (c) => c.json(await tagService.list(c.get('ctx'), c.req.valid('query')), 200),
)
