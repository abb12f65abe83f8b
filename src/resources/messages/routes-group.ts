import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AppError } from '../../lib/errors'
import { LettaMessage } from '../../runtime/wire-schema'
import { GroupMessagesQuery } from './schema'
import { messageService } from './service'

const op = (operationId: string) => ({ tags: ['groups', 'messages'], operationId })
const params = z.object({ group_id: idOf('group') })

/** `/v1/groups`, the messages of a group: those that were sent with its `group_id`, and the replies to them. */
export const groupMessageRoutes = router()

groupMessageRoutes.openapi(
  operation(
    { ...op('list_group_messages'), method: 'get', path: '/{group_id}/messages', request: { params, query: GroupMessagesQuery } },
    { 200: json(z.array(LettaMessage), 'Messages') },
  ),
  async (c) => c.json(await messageService.ofGroup(c.get('ctx'), c.req.valid('param').group_id, c.req.valid('query')), 200),
)

groupMessageRoutes.openapi(
  operation(
    {
      ...op('modify_group_message'),
      method: 'patch',
      path: '/{group_id}/messages/{message_id}',
      deprecated: true,
      request: { params: params.extend({ message_id: idOf('message') }) },
    },
    { 405: { description: 'Messages are immutable' } },
  ),
  async (c) => {
    const { group_id, message_id } = c.req.valid('param')
    await messageService.assertOfGroup(c.get('ctx'), group_id, message_id)
    throw new AppError('method_not_allowed', 'Message editing is no longer supported. Messages are immutable: send a new message.')
  },
)

groupMessageRoutes.openapi(
  operation(
    { ...op('reset_group_messages'), method: 'patch', path: '/{group_id}/reset-messages', request: { params } },
    { 200: json(z.null(), 'The messages of the group are gone, also from the contexts of its agents') },
  ),
  async (c) => {
    await messageService.resetGroup(c.get('ctx'), c.req.valid('param').group_id)
    return c.json(null, 200)
  },
)
