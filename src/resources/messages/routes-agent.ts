import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { LettaMessage, LettaResponse } from '../../runtime/wire-schema'
import { AgentState } from '../agents/schema'
import { agentService } from '../agents/service'
import { Run } from '../runs/schema'
import { runOfState } from '../runs/service'
import { answer } from './answer'
import { AgentMessagesQuery, CancelRequest, ResetRequest, SendRequest } from './schema'
import { messageService, submit } from './service'
import { idempotencyKey, modeOf } from './service/request'

const op = (operationId: string) => ({ tags: ['agents'], operationId })
const params = z.object({ agent_id: idOf('agent') })
const request = { params, body: body(SendRequest, 'Messages') }

/** What a request that is answered by JSON or by events documents. */
export const turnAnswers = {
  200: {
    description:
      'The end of the turn, or its events when `streaming` is on. A turn of more than 20 seconds sends its headers early; if it then fails, the body has `error` and `run_id` beside the stop reason.',
    content: { 'application/json': { schema: LettaResponse }, 'text/event-stream': { schema: z.string() } },
  },
}

/** `/v1/agents`, the messages of an agent. */
export const agentMessageRoutes = router()

agentMessageRoutes.openapi(
  operation(
    { ...op('list_messages'), method: 'get', path: '/{agent_id}/messages', request: { params, query: AgentMessagesQuery } },
    { 200: json(z.array(LettaMessage), 'Messages') },
  ),
  async (c) => c.json(await messageService.ofAgent(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query')), 200),
)

agentMessageRoutes.openapi(
  operation({ ...op('send_message'), method: 'post', path: '/{agent_id}/messages', request }, turnAnswers),
  async (c) =>
    (await answer(c, {
      agent_id: c.req.valid('param').agent_id,
      conversation_id: null,
      request: c.req.valid('json'),
      mode: modeOf(c.req.valid('json'), false),
      idempotency_key: idempotencyKey(c.req.header('idempotency-key')),
    })) as never,
)

agentMessageRoutes.openapi(
  operation(
    { ...op('create_agent_message_stream'), method: 'post', path: '/{agent_id}/messages/stream', deprecated: true, request },
    turnAnswers,
  ),
  async (c) =>
    (await answer(c, {
      agent_id: c.req.valid('param').agent_id,
      conversation_id: null,
      request: c.req.valid('json'),
      mode: { ...modeOf({ ...c.req.valid('json'), streaming: true }, true) },
      idempotency_key: idempotencyKey(c.req.header('idempotency-key')),
    })) as never,
)

agentMessageRoutes.openapi(
  operation(
    { ...op('create_agent_message_async'), method: 'post', path: '/{agent_id}/messages/async', request },
    { 200: json(Run, 'The run, which goes on by itself') },
  ),
  async (c) => {
    const run = await submit(c.get('ctx'), {
      agent_id: c.req.valid('param').agent_id,
      conversation_id: null,
      request: c.req.valid('json'),
      mode: { streaming: false, background: true, run_type: 'send_message_async' },
      idempotency_key: idempotencyKey(c.req.header('idempotency-key')),
    })
    return c.json(runOfState(run), 200)
  },
)

agentMessageRoutes.openapi(
  operation(
    {
      ...op('cancel_message'),
      method: 'post',
      path: '/{agent_id}/messages/cancel',
      request: { params, body: { required: false, ...json(CancelRequest, 'Which runs') } },
    },
    { 200: json(z.record(z.string(), z.string()), 'Run id and what became of it') },
  ),
  async (c) => {
    const { run_ids } = CancelRequest.parse(c.req.valid('json') ?? {})
    return c.json(await messageService.cancel(c.get('ctx'), c.req.valid('param').agent_id, run_ids), 200)
  },
)

agentMessageRoutes.openapi(
  operation(
    {
      ...op('reset_messages'),
      method: 'patch',
      path: '/{agent_id}/reset-messages',
      request: { params, body: { required: false, ...json(ResetRequest, 'How') } },
    },
    { 200: json(AgentState, 'The agent') },
  ),
  async (c) => {
    const { agent_id } = c.req.valid('param')
    await messageService.reset(c.get('ctx'), agent_id)
    return c.json(await agentService.get(c.get('ctx'), agent_id), 200)
  },
)
