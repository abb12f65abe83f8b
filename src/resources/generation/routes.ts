import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { contextParams } from '../conversations/routes'
import { resolveConversation } from '../conversations/service'
import { SendRequest } from '../messages/schema'
import { GenerateRequest, GenerateResponse, RawPayload } from './schema'
import { generate, previewPayload } from './service'

const params = z.object({ agent_id: idOf('agent') })
const payload = { 200: json(RawPayload, 'The body that would be sent') }

/** `/v1/agents`, what an agent's model answers or would be sent, without a turn. */
export const agentGenerationRoutes = router()

agentGenerationRoutes.openapi(
  operation(
    {
      tags: ['agents'],
      operationId: 'generate_completion',
      method: 'post',
      path: '/{agent_id}/generate',
      request: { params, body: body(GenerateRequest, 'What to ask') },
    },
    { 200: json(GenerateResponse, 'The answer') },
  ),
  async (c) => c.json(await generate(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('json')), 200),
)

agentGenerationRoutes.openapi(
  operation(
    {
      tags: ['agents'],
      operationId: 'preview_model_request',
      method: 'post',
      path: '/{agent_id}/messages/preview-raw-payload',
      request: { params, body: body(SendRequest, 'Messages') },
    },
    payload,
  ),
  async (c) => {
    const { agent_id } = c.req.valid('param')
    return c.json(await previewPayload(c.get('ctx'), { agent_id, conversation_id: null }, c.req.valid('json')), 200)
  },
)

/** `/v1/conversations`, what an agent's model would be sent in a conversation. */
export const conversationGenerationRoutes = router()

conversationGenerationRoutes.openapi(
  operation(
    {
      tags: ['conversations'],
      operationId: 'preview_conversation_model_request',
      method: 'post',
      path: '/{conversation_id}/messages/preview-raw-payload',
      request: { params: contextParams, body: body(SendRequest, 'Messages') },
    },
    payload,
  ),
  async (c) => {
    const request = c.req.valid('json')
    const context = await resolveConversation(c.get('ctx'), c.req.valid('param').conversation_id, request.agent_id)
    return c.json(await previewPayload(c.get('ctx'), context, request), 200)
  },
)
