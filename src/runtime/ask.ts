import { newId } from '../lib/id'
import { backoff, iso } from '../lib/time'
import { deltaEvents } from './emit'
import { type Model, ModelError, type ModelRequest } from './model'
import type { OpenStep, Response, TurnPorts, TurnRun } from './ports'
import { addDelta, newDraft } from './response'
import { noUsage } from './types'

const attemptsMax = 4
const retryBaseMs = 500
const retryMaxMs = 20_000
const retryAfterMaxMs = 60_000

export interface Answer extends Response {
  reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other'
}

/**
 * Asks the model until it answers: transient failures are tried again with growing pauses, or after the pause that the provider
 * asked for. `request` builds what is sent, with less history each time the provider says that it was too much.
 * Throws the last `ModelError`, or the signal's reason.
 */
export async function ask(
  run: TurnRun,
  step: OpenStep,
  model: Model,
  request: (share: number) => ModelRequest,
  ports: TurnPorts,
  signal: AbortSignal,
): Promise<Answer> {
  let share = 1
  if (step.message_id && run.request.stream_tokens) ports.journal.emit(run.id, [{ type: 'abandoned', message_id: step.message_id }])
  for (let attempt = 0; ; attempt++) {
    try {
      return await answer(run, step, model, request(share), ports, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ModelError) || attempt + 1 >= attemptsMax) throw error
      if (error.type === 'context_window_exceeded') share /= 2
      else if (error.options.transient) {
        const asked = error.options.retryAfterMs
        await ports.sleep(asked == null ? backoff(attempt, retryBaseMs, retryMaxMs) : Math.min(asked, retryAfterMaxMs), signal)
      } else throw error
    }
  }
}

async function answer(
  run: TurnRun,
  step: OpenStep,
  model: Model,
  request: ModelRequest,
  ports: TurnPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const message_id = newId('message')
  const draft = newDraft()
  ports.journal.startResponse(step, message_id)
  ports.partial.current = { step, message_id, ...draft }
  const streamed = run.request.stream_tokens ? deltaEvents({ message_id, run_id: run.id, step_id: step.id, date: iso(ports.now()) }) : null
  let shown = false
  try {
    for await (const delta of model.stream(request, signal)) {
      if (delta.type === 'finish') {
        const text = draft.content.some((part) => part.type === 'text')
        if (!text && draft.calls.length === 0 && delta.usage.completion_tokens === 0 && draft.content.length > 0) {
          throw new ModelError('llm_empty_response', 'The model answered with nothing.', { transient: true })
        }
        return { message_id, content: draft.content, calls: draft.calls, usage: delta.usage ?? noUsage, reason: delta.reason }
      }
      addDelta(draft, delta)
      const events = streamed?.(delta) ?? []
      if (events.length > 0) {
        shown = true
        ports.journal.emit(run.id, events)
        ports.wake(run.id)
      }
    }
    throw new ModelError('llm_error', 'The model stopped in the middle of its response.', { transient: true })
  } catch (error) {
    if (shown && !signal.aborted) ports.journal.emit(run.id, [{ type: 'abandoned', message_id }])
    throw error
  } finally {
    ports.partial.current = null
  }
}
