import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { ActiveJobQuery, Job, JobQuery } from './schema'
import { jobService } from './service'

const op = (operationId: string) => ({ tags: ['jobs'], operationId })
const params = z.object({ job_id: idOf('job') })
const one = { 200: json(Job, 'Job') }

/** `/v1/jobs` */
export const jobRoutes = router()

jobRoutes.openapi(
  operation({ ...op('list_jobs'), method: 'get', path: '/', request: { query: JobQuery } }, { 200: json(z.array(Job), 'Jobs') }),
  async (c) => c.json(await jobService.list(c.get('ctx'), c.req.valid('query')), 200),
)

jobRoutes.openapi(
  operation(
    { ...op('list_active_jobs'), method: 'get', path: '/active', deprecated: true, request: { query: ActiveJobQuery } },
    { 200: json(z.array(Job), 'Jobs that have not ended') },
  ),
  async (c) => {
    const query = { ...c.req.valid('query'), active: true, limit: 1000, order: 'desc' as const }
    return c.json(await jobService.list(c.get('ctx'), query), 200)
  },
)

jobRoutes.openapi(operation({ ...op('retrieve_job'), method: 'get', path: '/{job_id}', request: { params } }, one), async (c) =>
  c.json(await jobService.get(c.get('ctx'), c.req.valid('param').job_id), 200),
)

jobRoutes.openapi(operation({ ...op('cancel_job'), method: 'patch', path: '/{job_id}/cancel', request: { params } }, one), async (c) =>
  c.json(await jobService.cancel(c.get('ctx'), c.req.valid('param').job_id), 200),
)

jobRoutes.openapi(operation({ ...op('delete_job'), method: 'delete', path: '/{job_id}', request: { params } }, one), async (c) =>
  c.json(await jobService.remove(c.get('ctx'), c.req.valid('param').job_id), 200),
)
