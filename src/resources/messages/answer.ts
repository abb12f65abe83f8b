import type { Context as HonoContext } from 'hono'
import type { AppEnv } from '../../http/router'
import { isAppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { sseHeaders } from '../../lib/sse'
import type { RunResult } from '../../runtime/rpc'
import { beating, customary, type Patience, within } from './patience'
import { failureOf, responseOf, type Sending, send, streamRun, submit } from './service'

type Request = HonoContext<AppEnv>

const sse = (body: ReadableStream<Uint8Array>) => new Response(body, { headers: sseHeaders })

/** A result whose response has begun already: a failure can only be told in the body. */
const late = (result: RunResult, types: string[] | null | undefined) =>
  JSON.stringify({ ...responseOf(result, types), ...(result.error ? { error: result.error, run_id: result.run.id } : {}) })

/** What a reader is told when waiting itself failed, after the response has begun. The run, if there is one, goes on. */
function lost(error: unknown): string {
  log('error', { msg: 'send', error: messageOf(error), ...(error instanceof Error ? { stack: error.stack } : {}) })
  const message = isAppError(error)
    ? error.message
    : 'The connection to the agent was lost; its run goes on. Look for it in the list of runs.'
  const usage = { message_type: 'usage_statistics', completion_tokens: 0, prompt_tokens: 0, total_tokens: 0, step_count: 0, run_ids: null }
  return JSON.stringify({
    messages: [],
    stop_reason: { message_type: 'stop_reason', stop_reason: 'error' },
    usage: { ...usage, cached_input_tokens: null, cache_write_tokens: null, reasoning_tokens: null, context_tokens: null },
    logprobs: null,
    turns: null,
    error: { type: 'internal_error', message, detail: null },
  })
}

/**
 * Answers a blocking request. A turn that takes long gets its headers early, so that clients do not give up and send it again; its
 * failure, which otherwise is an HTTP error, is then told in the body, as `error` beside the stop reason.
 */
async function blocking(c: Request, sending: Sending, patience: Patience): Promise<Response> {
  const types = sending.request.include_return_message_types
  const work = send(c.get('ctx'), sending)
  const done = await within(work, patience.headersAfter)
  if (!done) {
    const body = beating(
      work.then((result) => late(result, types), lost),
      patience.beatEvery,
    )
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  }
  const failure = failureOf(done.value)
  if (failure) throw failure
  return c.json(responseOf(done.value, types))
}

/** Answers a request for a turn: JSON at its end, or a stream of its events. The run is stored before the first byte in both cases. */
export async function answer(c: Request, sending: Sending, patience: Patience = customary): Promise<Response> {
  if (!sending.mode.streaming) return blocking(c, sending, patience)
  const ctx = c.get('ctx')
  const { id } = await submit(ctx, sending)
  return sse(await streamRun(ctx, sending.agent_id, id, sending.request))
}

/** Answers with the events of a run that was stored before. */
export const resumed = async (c: Request, run: { id: string; agent_id: string }, reading: Parameters<typeof streamRun>[3]) =>
  sse(await streamRun(c.get('ctx'), run.agent_id, run.id, reading))
