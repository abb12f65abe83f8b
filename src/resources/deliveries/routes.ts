import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Delivery, DeliveryAttempt, DeliveryAttemptQuery, DeliveryQuery, RunDeliveryQuery } from './schema'
import { deliveryService } from './service'

const params = z.object({ delivery_id: idOf('delivery') })
const op = (operationId: string) => ({ tags: ['deliveries'], operationId })

/** `/v1/deliveries`: the webhooks of the caller's organization. */
export const deliveryRoutes = router()

deliveryRoutes.openapi(
  operation(
    { ...op('list_deliveries'), method: 'get', path: '/', request: { query: DeliveryQuery } },
    { 200: json(z.array(Delivery), 'One page of deliveries') },
  ),
  async (c) => c.json(z.array(Delivery).parse(await deliveryService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

deliveryRoutes.openapi(
  operation(
    { ...op('retrieve_delivery'), method: 'get', path: '/{delivery_id}', request: { params } },
    { 200: json(Delivery, 'Delivery') },
  ),
  async (c) => c.json(Delivery.parse(await deliveryService.get(c.get('ctx'), c.req.valid('param').delivery_id)), 200),
)

deliveryRoutes.openapi(
  operation(
    { ...op('list_delivery_attempts'), method: 'get', path: '/{delivery_id}/attempts', request: { params, query: DeliveryAttemptQuery } },
    { 200: json(z.array(DeliveryAttempt), 'One page of the tries of a delivery, the first one first') },
  ),
  async (c) => {
    const { delivery_id } = c.req.valid('param')
    return c.json(z.array(DeliveryAttempt).parse(await deliveryService.attempts(c.get('ctx'), delivery_id, c.req.valid('query'))), 200)
  },
)

deliveryRoutes.openapi(
  operation(
    { ...op('redeliver_delivery'), method: 'post', path: '/{delivery_id}/redeliver', request: { params } },
    { 200: json(Delivery, 'The delivery, with one try planned for now beside its schedule') },
  ),
  async (c) => c.json(Delivery.parse(await deliveryService.redeliver(c.get('ctx'), c.req.valid('param').delivery_id)), 200),
)

/** `/v1/runs`: the webhooks of one run. */
export const runDeliveryRoutes = router()

runDeliveryRoutes.openapi(
  operation(
    {
      ...op('list_run_deliveries'),
      method: 'get',
      path: '/{run_id}/deliveries',
      request: { params: z.object({ run_id: idOf('run') }), query: RunDeliveryQuery },
    },
    { 200: json(z.array(Delivery), 'One page of deliveries of the run') },
  ),
  async (c) => {
    const { run_id } = c.req.valid('param')
    return c.json(z.array(Delivery).parse(await deliveryService.listOfRun(c.get('ctx'), run_id, c.req.valid('query'))), 200)
  },
)
