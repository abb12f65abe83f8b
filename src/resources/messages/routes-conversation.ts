import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { LettaMessage } from '../../runtime/wire-schema'
import { contextParams } from '../conversations/routes'
import { resolveConversation } from '../conversations/service'
import { runService } from '../runs/service'
import { answer, resumed } from './answer'
import { turnAnswers } from './routes-agent'
import { ConversationMessagesQuery, ResumeRequest, RunMessagesQuery, SendRequest } from './schema'
import { messageService } from './service'
import { idempotencyKey, modeOf } from './service/request'

const op = (tag: string, operationId: string) => ({ tags: [tag], operationId })
const list = { 200: json(z.array(LettaMessage), 'Messages') }
const events = { 200: { description: 'Events of the run', content: { 'text/event-stream': { schema: z.string() } } } }
const resumeBody = { required: false, ...json(ResumeRequest, 'Which run, and from where on') }

/** `/v1/conversations`, the messages of a conversation. */
export const conversationMessageRoutes = router()

conversationMessageRoutes.openapi(
  operation(
    {
      ...op('conversations', 'list_conversation_messages'),
      method: 'get',
      path: '/{conversation_id}/messages',
      request: { params: contextParams, query: ConversationMessagesQuery },
    },
    list,
  ),
  async (c) => c.json(await messageService.ofConversation(c.get('ctx'), c.req.valid('param').conversation_id, c.req.valid('query')), 200),
)

conversationMessageRoutes.openapi(
  operation(
    {
      ...op('conversations', 'send_conversation_message'),
      method: 'post',
      path: '/{conversation_id}/messages',
      request: { params: contextParams, body: body(SendRequest, 'Messages') },
    },
    turnAnswers,
  ),
  async (c) => {
    const request = c.req.valid('json')
    const mode = modeOf(request, true)
    const idempotency_key = idempotencyKey(c.req.header('idempotency-key'))
    const context = await resolveConversation(c.get('ctx'), c.req.valid('param').conversation_id, request.agent_id)
    return (await answer(c, { ...context, request, mode, idempotency_key })) as never
  },
)

conversationMessageRoutes.openapi(
  operation(
    {
      ...op('conversations', 'retrieve_conversation_stream'),
      method: 'post',
      path: '/{conversation_id}/stream',
      request: { params: contextParams, body: resumeBody },
    },
    events,
  ),
  async (c) => {
    const request = ResumeRequest.parse(c.req.valid('json') ?? {})
    const context = await resolveConversation(c.get('ctx'), c.req.valid('param').conversation_id, request.agent_id)
    return (await resumed(c, await messageService.runToResume(c.get('ctx'), context, request), request)) as never
  },
)

const runParams = z.object({ run_id: idOf('run') })

/** `/v1/runs`, the messages and events of a run. */
export const runMessageRoutes = router()

runMessageRoutes.openapi(
  operation(
    {
      ...op('runs', 'list_run_messages'),
      method: 'get',
      path: '/{run_id}/messages',
      request: { params: runParams, query: RunMessagesQuery },
    },
    list,
  ),
  async (c) => c.json(await messageService.ofRun(c.get('ctx'), c.req.valid('param').run_id, c.req.valid('query')), 200),
)

runMessageRoutes.openapi(
  operation(
    { ...op('runs', 'retrieve_run_stream'), method: 'post', path: '/{run_id}/stream', request: { params: runParams, body: resumeBody } },
    events,
  ),
  async (c) => {
    const request = ResumeRequest.parse(c.req.valid('json') ?? {})
    return (await resumed(c, await runService.row(c.get('ctx'), c.req.valid('param').run_id), request)) as never
  },
)
