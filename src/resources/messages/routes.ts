import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AppError } from '../../lib/errors'
import { LettaMessage } from '../../runtime/wire-schema'
import { MessageSearchHit, MessagesQuery, OlderMessageSearchHit, OlderSearchRequest, RunMessagesQuery, SearchRequest } from './schema'
import { messageService, searchMessages, searchMessagesOlder } from './service'

const op = (operationId: string) => ({ tags: ['messages'], operationId })
const list = { 200: json(z.array(LettaMessage), 'Messages') }

/** `/v1/messages` */
export const messageRoutes = router()

messageRoutes.openapi(
  operation({ ...op('list_all_messages'), method: 'get', path: '/', request: { query: MessagesQuery } }, list),
  async (c) => c.json(await messageService.all(c.get('ctx'), c.req.valid('query')), 200),
)

messageRoutes.openapi(
  operation(
    { ...op('search_messages'), method: 'post', path: '/search', request: { body: body(SearchRequest, 'What to look for') } },
    { 200: json(z.array(MessageSearchHit), 'Messages, best match first') },
  ),
  async (c) => c.json(await searchMessages(c.get('ctx'), c.req.valid('json')), 200),
)

messageRoutes.openapi(
  operation(
    { ...op('retrieve_message'), method: 'get', path: '/{message_id}', request: { params: z.object({ message_id: idOf('message') }) } },
    { 200: json(z.array(LettaMessage), 'The parts of the message') },
  ),
  async (c) => c.json(await messageService.get(c.get('ctx'), c.req.valid('param').message_id), 200),
)

/** `/v1/steps`, the messages of a step. */
export const stepMessageRoutes = router()

stepMessageRoutes.openapi(
  operation(
    {
      ...op('list_step_messages'),
      method: 'get',
      path: '/{step_id}/messages',
      request: { params: z.object({ step_id: idOf('step') }), query: RunMessagesQuery },
    },
    list,
  ),
  async (c) => c.json(await messageService.ofStep(c.get('ctx'), c.req.valid('param').step_id, c.req.valid('query')), 200),
)

/** `/v1/agents`, the older search of messages. */
export const agentMessageSearchRoutes = router()

agentMessageSearchRoutes.openapi(
  operation(
    {
      tags: ['messages'],
      operationId: 'search_agent_messages',
      method: 'post',
      path: '/messages/search',
      deprecated: true,
      request: { body: body(OlderSearchRequest, 'What to look for') },
    },
    { 200: json(z.array(OlderMessageSearchHit), 'Messages, best match first') },
  ),
  async (c) => c.json(await searchMessagesOlder(c.get('ctx'), c.req.valid('json')), 200),
)

const messageParams = z.object({ agent_id: idOf('agent'), message_id: idOf('message') })

/** `/v1/agents`, the refusal to edit a message. */
export const agentMessageEditRoutes = router()

agentMessageEditRoutes.openapi(
  operation(
    {
      ...op('modify_agent_message'),
      method: 'patch',
      path: '/{agent_id}/messages/{message_id}',
      deprecated: true,
      request: { params: messageParams },
    },
    { 405: { description: 'Messages are immutable' } },
  ),
  async (c) => {
    const { agent_id, message_id } = c.req.valid('param')
    await messageService.assertOfAgent(c.get('ctx'), agent_id, message_id)
    throw new AppError(
      'method_not_allowed',
      'Message editing is no longer supported. Messages are immutable: send a new message, or change the context with message_ids.',
    )
  },
)
