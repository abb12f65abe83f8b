import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { ProviderTrace, Span, TraceQuery } from './schema'
import { runTrace, stepTrace } from './service'

/** `/v1/runs`, the trace of a run. */
export const runTraceRoutes = router()

runTraceRoutes.openapi(
  operation(
    {
      tags: ['runs'],
      operationId: 'retrieve_run_trace',
      method: 'get',
      path: '/{run_id}/trace',
      request: { params: z.object({ run_id: idOf('run') }), query: TraceQuery },
    },
    { 200: json(z.array(Span), 'Spans, the first to begin first') },
  ),
  async (c) => c.json(await runTrace(c.get('ctx'), c.req.valid('param').run_id, c.req.valid('query').limit), 200),
)

const params = z.object({ step_id: idOf('step') })
const trace = { 200: json(ProviderTrace.nullable(), 'The trace; null when none was kept') }

/** `/v1/steps`, the trace of a step. */
export const stepTraceRoutes = router()

stepTraceRoutes.openapi(
  operation({ tags: ['steps'], operationId: 'retrieve_step_trace', method: 'get', path: '/{step_id}/trace', request: { params } }, trace),
  async (c) => c.json(await stepTrace(c.get('ctx'), c.req.valid('param').step_id), 200),
)

/** `/v1/telemetry`, the old name of the trace of a step. */
export const telemetryRoutes = router()

telemetryRoutes.openapi(
  operation(
    { tags: ['steps'], operationId: 'retrieve_provider_trace', method: 'get', path: '/{step_id}', deprecated: true, request: { params } },
    trace,
  ),
  async (c) => c.json(await stepTrace(c.get('ctx'), c.req.valid('param').step_id), 200),
)
