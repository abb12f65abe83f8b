import { newId } from '../lib/id'
import { iso } from '../lib/time'
import { deltaEvents } from './emit'
import { type Model, type ModelDelta, ModelError, type ModelRequest } from './model'
import type { OpenStep, Response, TurnPorts, TurnRun } from './ports'
import { addDelta, type Draft, newDraft } from './response'
import { persist } from './retry'

export interface Answer extends Response {
  reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other'
}

/** Who asks which model, in which step. */
export interface Asking {
  run: TurnRun
  step: OpenStep
  model: Model
  /** Whether a response may call several tools; when not, calls after the first are as if never made. */
  several: boolean
  /** Whether a call of this tool waits for an answer from outside. */
  waits: (name: string) => boolean
  ports: TurnPorts
  signal: AbortSignal
}

/**
 * Asks the model until it answers: transient failures are tried again with growing pauses, or after the pause that the provider
 * asked for. `request` builds what is sent, with less history each time the provider says that it was too much.
 * Throws the last `ModelError`, or the signal's reason.
 */
export async function ask(asking: Asking, request: (share: number) => ModelRequest): Promise<Answer> {
  const { run, step, ports, signal } = asking
  if (step.message_id && run.request.stream_tokens) ports.journal.emit(run.id, [{ type: 'abandoned', message_id: step.message_id }])
  return persist((share) => answer(asking, request(share)), { sleep: ports.sleep, signal })
}

/** One attempt: what the model says is kept as it comes, and shown when the run streams tokens. */
async function answer({ run, step, model, several, waits, ports, signal }: Asking, request: ModelRequest): Promise<Answer> {
  const message_id = newId('message')
  const draft = newDraft(waits)
  ports.journal.startResponse(step, message_id)
  ports.partial.current = { step, message_id, content: draft.content, calls: draft.calls }
  const context = { message_id, run_id: run.id, step_id: step.id, date: iso(ports.now()) }
  const streamed = run.request.stream_tokens ? deltaEvents(context, waits) : null
  let shown = false
  let sent: Record<string, unknown> | null = null
  const told = (body: Record<string, unknown>) => {
    sent = body
  }
  try {
    for await (const delta of model.stream(request, signal, told)) {
      if (delta.type === 'finish') return { message_id, ...draft, usage: delta.usage, reason: delta.reason, sent }
      if (!several && isLaterCall(draft, delta)) continue
      addDelta(draft, delta)
      const events = streamed?.(delta) ?? []
      if (events.length === 0) continue
      shown = true
      ports.journal.emit(run.id, events)
      ports.wake(run.id)
    }
    throw new ModelError('llm_error', 'The model stopped in the middle of its response.', { transient: true })
  } catch (error) {
    if (shown && !signal.aborted) ports.journal.emit(run.id, [{ type: 'abandoned', message_id }])
    throw error
  } finally {
    ports.partial.current = null
  }
}

/** True for a part of a tool call when the draft holds another call already. */
function isLaterCall({ calls }: Draft, delta: ModelDelta): boolean {
  const [first] = calls
  if (!first) return false
  if (delta.type === 'tool_call') return delta.call.id !== first.id
  return (delta.type === 'tool_call_start' || delta.type === 'tool_call_delta') && delta.id !== first.id
}
