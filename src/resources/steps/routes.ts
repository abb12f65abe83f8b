import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { FeedbackRequest, RunStepsQuery, Step, StepMetrics, StepQuery, TransactionId } from './schema'
import { stepService } from './service'

const op = (operationId: string) => ({ tags: ['steps'], operationId })
const params = z.object({ step_id: idOf('step') })

/** `/v1/steps` */
export const stepRoutes = router()

stepRoutes.openapi(
  operation({ ...op('list_steps'), method: 'get', path: '/', request: { query: StepQuery } }, { 200: json(z.array(Step), 'Steps') }),
  async (c) => c.json(await stepService.list(c.get('ctx'), c.req.valid('query')), 200),
)

stepRoutes.openapi(
  operation({ ...op('retrieve_step'), method: 'get', path: '/{step_id}', request: { params } }, { 200: json(Step, 'Step') }),
  async (c) => c.json(await stepService.get(c.get('ctx'), c.req.valid('param').step_id), 200),
)

stepRoutes.openapi(
  operation(
    { ...op('retrieve_step_metrics'), method: 'get', path: '/{step_id}/metrics', request: { params } },
    { 200: json(StepMetrics, 'Metrics of the step') },
  ),
  async (c) => c.json(await stepService.metrics(c.get('ctx'), c.req.valid('param').step_id), 200),
)

stepRoutes.openapi(
  operation(
    {
      ...op('modify_step_feedback'),
      method: 'patch',
      path: '/{step_id}/feedback',
      request: { params, body: body(FeedbackRequest, 'Feedback') },
    },
    { 200: json(Step, 'Step') },
  ),
  async (c) => c.json(await stepService.setFeedback(c.get('ctx'), c.req.valid('param').step_id, c.req.valid('json')), 200),
)

stepRoutes.openapi(
  operation(
    {
      ...op('update_step_transaction_id'),
      method: 'patch',
      path: '/{step_id}/transaction/{transaction_id}',
      request: { params: params.extend({ transaction_id: TransactionId }) },
    },
    { 200: json(Step, 'Step') },
  ),
  async (c) => {
    const { step_id, transaction_id } = c.req.valid('param')
    return c.json(await stepService.setTransaction(c.get('ctx'), step_id, transaction_id), 200)
  },
)

/** `/v1/runs`, the steps of a run. */
export const runStepRoutes = router()

runStepRoutes.openapi(
  operation(
    {
      ...op('list_run_steps'),
      method: 'get',
      path: '/{run_id}/steps',
      request: { params: z.object({ run_id: idOf('run') }), query: RunStepsQuery },
    },
    { 200: json(z.array(Step), 'Steps of the run') },
  ),
  async (c) => c.json(await stepService.ofRun(c.get('ctx'), c.req.valid('param').run_id, c.req.valid('query')), 200),
)
