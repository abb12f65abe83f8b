import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import {
  agentIdQuery,
  Conversation,
  ConversationCreate,
  ConversationQuery,
  ConversationUpdate,
  CreateConversationQuery,
  ForkQuery,
  ofDefault,
  RecompileConversationQuery,
  RecompileConversationRequest,
} from './schema'
import { conversationKey, conversationService } from './service'

const op = (operationId: string) => ({ tags: ['conversations'], operationId })
const params = z.object({ conversation_id: idOf('conversation') })

/** A conversation by its id, or an agent's own context as `default` or by the id of the agent. */
export const contextParams = z.object({
  conversation_id: z
    .string()
    .regex(conversationKey, "must be an id such as 'conv-123e4567-e89b-42d3-8456-426614174000', 'default', or the id of an agent")
    .meta({ example: 'conv-123e4567-e89b-42d3-8456-426614174000' }),
})

/** `/v1/conversations` */
export const conversationRoutes = router()

conversationRoutes.openapi(
  operation(
    { ...op('list_conversations'), method: 'get', path: '/', request: { query: ConversationQuery } },
    { 200: json(z.array(Conversation), 'Conversations') },
  ),
  async (c) => c.json(await conversationService.list(c.get('ctx'), c.req.valid('query')), 200),
)

conversationRoutes.openapi(
  operation(
    {
      ...op('create_conversation'),
      method: 'post',
      path: '/',
      request: { query: CreateConversationQuery, body: { required: false, ...json(ConversationCreate, 'Conversation') } },
    },
    { 200: json(Conversation, 'Conversation') },
  ),
  async (c) => {
    const input = ConversationCreate.parse(c.req.valid('json') ?? {})
    return c.json(await conversationService.create(c.get('ctx'), c.req.valid('query').agent_id, input), 200)
  },
)

conversationRoutes.openapi(
  operation(
    { ...op('retrieve_conversation'), method: 'get', path: '/{conversation_id}', request: { params } },
    { 200: json(Conversation, 'Conversation') },
  ),
  async (c) => c.json(await conversationService.get(c.get('ctx'), c.req.valid('param').conversation_id), 200),
)

conversationRoutes.openapi(
  operation(
    {
      ...op('modify_conversation'),
      method: 'patch',
      path: '/{conversation_id}',
      request: { params, body: body(ConversationUpdate, 'Conversation') },
    },
    { 200: json(Conversation, 'Conversation') },
  ),
  async (c) => c.json(await conversationService.update(c.get('ctx'), c.req.valid('param').conversation_id, c.req.valid('json')), 200),
)

conversationRoutes.openapi(
  operation(
    { ...op('delete_conversation'), method: 'delete', path: '/{conversation_id}', request: { params } },
    { 200: json(z.null(), 'Deleted') },
  ),
  async (c) => {
    await conversationService.remove(c.get('ctx'), c.req.valid('param').conversation_id)
    return c.json(null, 200)
  },
)

conversationRoutes.openapi(
  operation(
    {
      ...op('fork_conversation'),
      method: 'post',
      path: '/{conversation_id}/fork',
      request: { params: contextParams, query: ForkQuery },
    },
    { 200: json(Conversation, 'The new conversation') },
  ),
  async (c) => c.json(await conversationService.fork(c.get('ctx'), c.req.valid('param').conversation_id, c.req.valid('query')), 200),
)

conversationRoutes.openapi(
  operation(
    {
      ...op('recompile_conversation'),
      method: 'post',
      path: '/{conversation_id}/recompile',
      request: {
        params: contextParams,
        query: RecompileConversationQuery,
        body: { required: false, ...json(RecompileConversationRequest, 'Whose context') },
      },
    },
    { 200: json(z.string(), 'The compiled system message') },
  ),
  async (c) => {
    const { agent_id } = RecompileConversationRequest.parse(c.req.valid('json') ?? {})
    const { dry_run = false } = c.req.valid('query')
    return c.json(await conversationService.recompile(c.get('ctx'), c.req.valid('param').conversation_id, agent_id, dry_run), 200)
  },
)

conversationRoutes.openapi(
  operation(
    {
      ...op('cancel_conversation'),
      method: 'post',
      path: '/{conversation_id}/cancel',
      request: { params: contextParams, query: agentIdQuery(ofDefault) },
    },
    { 200: json(z.record(z.string(), z.string()), 'Run id and what became of it') },
  ),
  async (c) => {
    const { agent_id } = c.req.valid('query')
    return c.json(await conversationService.cancel(c.get('ctx'), c.req.valid('param').conversation_id, agent_id), 200)
  },
)
