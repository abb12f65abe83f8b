import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { ActiveRunQuery, Run, RunMetrics, RunQuery, UsageStatistics } from './schema'
import { runService } from './service'

const op = (operationId: string) => ({ tags: ['runs'], operationId })
const params = z.object({ run_id: idOf('run') })

/** `/v1/runs` */
export const runRoutes = router()

runRoutes.openapi(
  operation({ ...op('list_runs'), method: 'get', path: '/', request: { query: RunQuery } }, { 200: json(z.array(Run), 'Runs') }),
  async (c) => c.json(await runService.list(c.get('ctx'), c.req.valid('query')), 200),
)

runRoutes.openapi(
  operation(
    { ...op('list_active_runs'), method: 'get', path: '/active', deprecated: true, request: { query: ActiveRunQuery } },
    { 200: json(z.array(Run), 'Runs that have not ended') },
  ),
  async (c) => c.json(await runService.active(c.get('ctx'), c.req.valid('query')), 200),
)

runRoutes.openapi(
  operation({ ...op('retrieve_run'), method: 'get', path: '/{run_id}', request: { params } }, { 200: json(Run, 'Run') }),
  async (c) => c.json(await runService.get(c.get('ctx'), c.req.valid('param').run_id), 200),
)

runRoutes.openapi(
  operation({ ...op('delete_run'), method: 'delete', path: '/{run_id}', request: { params } }, { 200: json(z.null(), 'Deleted') }),
  async (c) => {
    await runService.remove(c.get('ctx'), c.req.valid('param').run_id)
    return c.json(null, 200)
  },
)

runRoutes.openapi(
  operation(
    { ...op('retrieve_run_usage'), method: 'get', path: '/{run_id}/usage', request: { params } },
    { 200: json(UsageStatistics, 'Tokens of the run') },
  ),
  async (c) => c.json(await runService.usage(c.get('ctx'), c.req.valid('param').run_id), 200),
)

runRoutes.openapi(
  operation(
    { ...op('retrieve_run_metrics'), method: 'get', path: '/{run_id}/metrics', request: { params } },
    { 200: json(RunMetrics, 'Metrics of the run') },
  ),
  async (c) => c.json(await runService.metrics(c.get('ctx'), c.req.valid('param').run_id), 200),
)
