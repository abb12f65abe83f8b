import type { Ctx } from '../../context'
import { AppError, isAppError, messageOf } from '../../lib/errors'
import { idPattern } from '../../lib/id'
import { log } from '../../lib/log'
import type { RunResult } from '../../runtime/rpc'
import { beating, customary, type Patience, within } from '../messages/patience'
import type { SendRequest } from '../messages/schema'
import { failureOf, type Sending, send, streamRun, submit } from '../messages/service'
import { asChunks, betweenMessages, chunker, finishReason, openaiError, textOf } from './chunks'
import type { ChatCompletion, ChatCompletionRequest } from './schema'

/** The last message of the user as the agent takes it. */
function inputOf({ messages }: ChatCompletionRequest): NonNullable<SendRequest['input']> {
  const content = messages.findLast((message) => message.role === 'user')?.content
  if (content == null || content.length === 0)
    throw new AppError('invalid', 'messages: one must be a message of the user with some content.')
  if (typeof content === 'string') return content
  return content.map((part) => {
    if (part.type === 'text' && part.text !== undefined) return { type: 'text', text: part.text }
    if (part.type === 'image_url' && part.image_url) return { type: 'image', source: { type: 'url', url: part.image_url.url } }
    throw new AppError('invalid', `messages: parts of type '${part.type}' are not understood. Send text and image_url.`)
  })
}

function sendingOf(request: ChatCompletionRequest): Sending {
  if (!idPattern('agent').test(request.model))
    throw new AppError('not_found', `Model '${request.model}' not found. Name an agent by its id.`)
  const streaming = request.stream === true
  return {
    agent_id: request.model,
    conversation_id: null,
    request: { input: inputOf(request), stream_tokens: streaming },
    mode: { streaming, background: false, run_type: 'openai_chat_completions' },
    idempotency_key: null,
  }
}

const completionOf = ({ id, agent_id, created_at }: RunResult['run']) => ({
  id: `chatcmpl-${id}`,
  created: Math.floor(Date.parse(created_at) / 1000),
  model: agent_id,
})

function answerOf({ run, messages, usage, stop_reason }: RunResult): ChatCompletion {
  const said = messages.flatMap((message) => (message.message_type === 'assistant_message' ? textOf(message.content) : []))
  const { prompt_tokens, completion_tokens, total_tokens } = usage
  return {
    ...completionOf(run),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: said.join(betweenMessages), refusal: null },
        logprobs: null,
        finish_reason: finishReason(stop_reason),
      },
    ],
    usage: { prompt_tokens, completion_tokens, total_tokens },
  }
}

/** The end of a turn whose headers were sent already: a failure can only be told in the body. */
const late = (result: RunResult): string =>
  JSON.stringify(result.error ? { error: openaiError(result.error.message, result.error.type) } : answerOf(result))

/** What a reader is told when waiting failed after the headers were sent. The run, if there is one, goes on. */
function lost(error: unknown): string {
  log('error', { msg: 'chat completion', error: messageOf(error), ...(error instanceof Error ? { stack: error.stack } : {}) })
  const message = isAppError(error) ? error.message : 'The connection to the agent was lost; its run goes on.'
  return JSON.stringify({ error: openaiError(message, 'internal') })
}

/** A turn as one chat completion; or, when it takes long, the body that will hold it. */
export async function chatCompletion(
  ctx: Ctx,
  request: ChatCompletionRequest,
  patience: Patience = customary,
): Promise<{ completion: ChatCompletion } | { body: ReadableStream<Uint8Array> }> {
  const work = send(ctx, sendingOf(request))
  const done = await within(work, patience.headersAfter)
  if (!done) return { body: beating(work.then(late, lost), patience.beatEvery) }
  const failure = failureOf(done.value)
  if (failure) throw failure
  return { completion: answerOf(done.value) }
}

/** A turn as a stream of chat completion chunks. The run is stored before the first byte. */
export async function chatCompletionStream(ctx: Ctx, request: ChatCompletionRequest): Promise<ReadableStream<Uint8Array>> {
  const sending = sendingOf(request)
  const run = await submit(ctx, sending)
  const events = await streamRun(ctx, run.agent_id, run.id, { include_pings: false })
  return asChunks(events, chunker(completionOf(run), request.stream_options?.include_usage ?? false))
}
