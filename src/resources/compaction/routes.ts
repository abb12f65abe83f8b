import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { contextParams } from '../conversations/routes'
import { CompactionResponse, CompactRequest } from './schema'
import { compact } from './service'

const requested = { required: false, ...json(CompactRequest, 'How') }
const description =
  'A summary, written by a model, takes the place of older messages in the context; they stay in the history. 400 when the context would not get ' +
  'shorter, 409 while a turn is running in it. A turn that begins while the summary is written is not held up, and what it adds stays.'
const answered = { 200: json(CompactionResponse, 'What the context came to') }

/** `/v1/agents`, compacting the context of an agent. */
export const agentCompactionRoutes = router()

agentCompactionRoutes.openapi(
  operation(
    {
      tags: ['agents'],
      operationId: 'summarize_messages',
      description,
      method: 'post',
      path: '/{agent_id}/summarize',
      request: { params: z.object({ agent_id: idOf('agent') }), body: requested },
    },
    answered,
  ),
  async (c) => {
    const { agent_id: _, ...request } = CompactRequest.parse(c.req.valid('json') ?? {})
    return c.json(await compact(c.get('ctx'), c.req.valid('param').agent_id, request), 200)
  },
)

/** `/v1/conversations`, compacting a conversation. */
export const conversationCompactionRoutes = router()

conversationCompactionRoutes.openapi(
  operation(
    {
      tags: ['conversations'],
      operationId: 'compact_conversation',
      description,
      method: 'post',
      path: '/{conversation_id}/compact',
      request: { params: contextParams, body: requested },
    },
    answered,
  ),
  async (c) => {
    const request = CompactRequest.parse(c.req.valid('json') ?? {})
    return c.json(await compact(c.get('ctx'), c.req.valid('param').conversation_id, request), 200)
  },
)
