import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Job } from '../jobs/schema'
import { IndexQuery, IndexState, MessageReindexRequest, ReindexRequest } from './schema'
import { indexState, reindex } from './service'

const state = { 200: json(IndexState, 'How far the vectors are') }
const job = { 202: json(Job, 'The job that rebuilds the index') }

/** `/v1/archives/{archive_id}/index` and `/v1/folders/{folder_id}/index`, with their rebuilds. */
function indexRoutes(scope: 'archive' | 'folder', kind: 'archive' | 'source', tag: string) {
  const routes = router()
  const params = z.object({ [`${scope}_id`]: idOf(kind) })
  const at = (last: string) => `/{${scope}_id}/${last}`
  const idIn = (given: Record<string, unknown>) => given[`${scope}_id`] as string
  routes.openapi(
    operation(
      {
        tags: [tag],
        operationId: `retrieve_${scope}_index`,
        method: 'get',
        path: at('index'),
        request: { params, query: IndexQuery },
      },
      state,
    ),
    async (c) => c.json(await indexState(c.get('ctx'), scope, idIn(c.req.valid('param')), c.req.valid('query')), 200),
  )
  routes.openapi(
    operation(
      {
        tags: [tag],
        operationId: `reindex_${scope}`,
        method: 'post',
        path: at('reindex'),
        request: { params, body: body(ReindexRequest, 'How to rebuild it') },
      },
      job,
    ),
    async (c) => c.json(await reindex(c.get('ctx'), scope, idIn(c.req.valid('param')), c.req.valid('json')), 202),
  )
  return routes
}

export const archiveIndexRoutes = indexRoutes('archive', 'archive', 'archives')
export const folderIndexRoutes = indexRoutes('folder', 'source', 'folders')

/** `/v1/messages/index`, and its rebuild. */
export const messageIndexRoutes = router()

messageIndexRoutes.openapi(
  operation(
    { tags: ['messages'], operationId: 'retrieve_message_index', method: 'get', path: '/index', request: { query: IndexQuery } },
    state,
  ),
  async (c) => c.json(await indexState(c.get('ctx'), 'messages', null, c.req.valid('query')), 200),
)

messageIndexRoutes.openapi(
  operation(
    {
      tags: ['messages'],
      operationId: 'reindex_messages',
      method: 'post',
      path: '/reindex',
      request: { body: body(MessageReindexRequest, 'How to rebuild it') },
    },
    job,
  ),
  async (c) => c.json(await reindex(c.get('ctx'), 'messages', null, c.req.valid('json')), 202),
)
