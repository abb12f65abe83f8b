import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Archive, ArchiveCreate, ArchiveQuery, ArchiveUpdate } from './schema'
import { agentArchiveService, archiveService } from './service'

const params = z.object({ archive_id: idOf('archive') })
const op = (operationId: string) => ({ tags: ['archives'], operationId })

/** `/v1/archives` */
export const archiveRoutes = router()

archiveRoutes.openapi(
  operation(
    { ...op('list_archives'), method: 'get', path: '/', request: { query: ArchiveQuery } },
    { 200: json(z.array(Archive), 'One page of archives') },
  ),
  async (c) => c.json(z.array(Archive).parse(await archiveService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

archiveRoutes.openapi(
  operation(
    { ...op('create_archive'), method: 'post', path: '/', request: { body: body(ArchiveCreate, 'archive') } },
    { 200: json(Archive, 'The new archive') },
  ),
  async (c) => c.json(Archive.parse(await archiveService.create(c.get('ctx'), c.req.valid('json'))), 200),
)

archiveRoutes.openapi(
  operation(
    { ...op('retrieve_archive'), method: 'get', path: '/{archive_id}', request: { params } },
    { 200: json(Archive, 'The archive') },
  ),
  async (c) => c.json(Archive.parse(await archiveService.get(c.get('ctx'), c.req.valid('param').archive_id)), 200),
)

archiveRoutes.openapi(
  operation(
    {
      ...op('modify_archive'),
      method: 'patch',
      path: '/{archive_id}',
      request: { params, body: body(ArchiveUpdate, 'Fields to change') },
    },
    { 200: json(Archive, 'The archive as it is now') },
  ),
  async (c) => {
    const { archive_id } = c.req.valid('param')
    return c.json(Archive.parse(await archiveService.update(c.get('ctx'), archive_id, c.req.valid('json'))), 200)
  },
)

archiveRoutes.openapi(
  operation(
    { ...op('delete_archive'), method: 'delete', path: '/{archive_id}', request: { params } },
    { 204: { description: 'Deleted, and its passages with it' } },
  ),
  async (c) => {
    await archiveService.remove(c.get('ctx'), c.req.valid('param').archive_id)
    return c.body(null, 204)
  },
)

const ofAgent = params.extend({ agent_id: idOf('agent') })

/** `/v1/agents/{agent_id}/archives` */
export const agentArchiveRoutes = router()

for (const [verb, done] of [
  ['attach', 'The archive is the agent’s'],
  ['detach', 'The archive is no longer the agent’s'],
] as const) {
  agentArchiveRoutes.openapi(
    operation(
      {
        tags: ['agents', 'archives'],
        operationId: `${verb}_agent_archive`,
        method: 'patch',
        path: `/{agent_id}/archives/${verb}/{archive_id}`,
        request: { params: ofAgent },
      },
      { 200: json(z.null(), done) },
    ),
    async (c) => {
      const { agent_id, archive_id } = c.req.valid('param')
      await agentArchiveService[verb](c.get('ctx'), agent_id, archive_id)
      return c.json(null, 200)
    },
  )
}
