import { z } from '@hono/zod-openapi'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { body, idOf, operation } from '../../http/crud'
import { onError, type Problem } from '../../http/problem'
import { router } from '../../http/router'
import { AppError } from '../../lib/errors'
import { sseHeaders } from '../../lib/sse'
import { assertAgent } from '../agents/service/exists'
import { openaiError } from './chunks'
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from './schema'
import { chatCompletion, chatCompletionStream } from './service'

/** `/v1/chat`, agents for clients of OpenAI's API. Problems carry OpenAI's `error` too. */
export const chatRoutes = router()

chatRoutes.onError(async (error, c) => {
  const told = onError(error, c)
  const problem = (await told.json()) as z.output<typeof Problem>
  const headers = Object.fromEntries([...told.headers].filter(([name]) => name !== 'content-length'))
  const also = openaiError(problem.detail, problem.code, problem.status)
  return c.json({ ...problem, error: also }, problem.status as ContentfulStatusCode, headers)
})

chatRoutes.openapi(
  operation(
    {
      tags: ['chat'],
      operationId: 'create_chat_completion',
      method: 'post',
      path: '/completions',
      request: { body: body(ChatCompletionRequest, 'OpenAI’s request for a chat completion') },
    },
    {
      200: {
        description: 'What the agent said in its turn; with `stream` in chunks, each a `ChatCompletionChunk`, and `[DONE]`',
        content: { 'application/json': { schema: ChatCompletion }, 'text/event-stream': { schema: ChatCompletionChunk } },
      },
    },
  ),
  async (c) => {
    const [ctx, request] = [c.get('ctx'), c.req.valid('json')]
    if (request.stream) return new Response(await chatCompletionStream(ctx, request), { headers: sseHeaders }) as never
    const answer = await chatCompletion(ctx, request)
    if ('completion' in answer) return c.json(answer.completion, 200)
    return new Response(answer.body, { headers: { 'content-type': 'application/json' } }) as never
  },
)

/** `/v1/voice-beta`, which is gone. */
export const voiceRoutes = router()

voiceRoutes.openapi(
  operation(
    {
      tags: ['voice'],
      operationId: 'create_voice_chat_completion',
      method: 'post',
      path: '/{agent_id}/chat/completions',
      deprecated: true,
      request: { params: z.object({ agent_id: idOf('agent') }) },
    },
    { 410: { description: 'Gone' } },
  ),
  async (c) => {
    await assertAgent(c.get('ctx'), c.req.valid('param').agent_id)
    throw new AppError('gone', 'The voice endpoint is gone. Use POST /v1/chat/completions with the id of the agent as `model`.')
  },
)
