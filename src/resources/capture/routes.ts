import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { CaptureRequest } from './schema'
import { capture } from './service'

/** `/v1/agents`, turns that took place elsewhere. */
export const agentCaptureRoutes = router()

agentCaptureRoutes.openapi(
  operation(
    {
      tags: ['agents'],
      operationId: 'capture_messages',
      method: 'post',
      path: '/{agent_id}/messages/capture',
      request: { params: z.object({ agent_id: idOf('agent') }), body: body(CaptureRequest, 'The turn') },
    },
    { 200: json(z.string(), 'What was stored, in words') },
  ),
  async (c) => c.json(await capture(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('json')), 200),
)
