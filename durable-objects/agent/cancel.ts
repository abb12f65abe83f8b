import { responseMessages } from '../../src/runtime/approvals'
import { stepEvents } from '../../src/runtime/emit'
import type { TurnPorts } from '../../src/runtime/ports'
import type { ToolReturn } from '../../src/runtime/types'
import { approvals } from './approvals'
import { events } from './events'
import { messages } from './messages'
import { type Run, runs } from './runs'
import { steps } from './steps'
import type { Store } from './store'

const cancelled = (call: { id: string; name: string }): ToolReturn => ({
  tool_call_id: call.id,
  name: call.name,
  status: 'error',
  content: 'The call was cancelled by the user before it returned.',
})

/**
 * Ends a run as cancelled, in one transaction: what was said is kept, every tool call gets a result, the conversation is free.
 * `partial` is the response in the making, when this object was making it.
 */
export function cancelRun(
  store: Store,
  agent_id: string,
  id: string,
  partial: TurnPorts['partial']['current'],
  payload: (run: Run) => string,
): void {
  store.transaction(() => {
    if (!runs.isInProgress(store, id)) return
    const run = runs.get(store, agent_id, id)
    if (run.status === 'created') approvals.begin(store, run)
    const step = approvals.openStep(store, id)
    const draft = { run_id: id, step_id: step?.id ?? null }
    const said = step && !step.response && partial?.step.id === step.id ? partial : null
    const heard = said && (said.content.length > 0 || said.calls.length > 0)
    if (heard) {
      const response = responseMessages(said).map((message) => ({ ...draft, ...message }))
      const stored = messages.append(store, { id: agent_id }, run.conversation_id, response)
      if (!run.request.stream_tokens) events.append(store, id, stored.flatMap(stepEvents))
    }
    const calls = step?.response
      ? step.calls
      : heard
        ? said.calls.map((call, n) => ({ n, call, state: 'intended' as const, result: null }))
        : []
    if (calls.length > 0) {
      const returns = calls.map(({ call, result }) => result ?? cancelled(call))
      const [message] = messages.append(store, { id: agent_id }, run.conversation_id, [
        { ...draft, role: 'tool', content: [], tool_returns: returns },
      ])
      if (message) events.append(store, id, stepEvents(message))
    }
    if (step?.resumed) approvals.settle(store, run, step.id)
    else if (step) steps.end(store, step.id, 'cancelled', 'cancelled')
    if (step && !step.response && step.message_id && !heard && run.request.stream_tokens)
      events.append(store, id, [{ type: 'abandoned', message_id: step.message_id }])
    runs.end(store, agent_id, id, 'cancelled', null, payload)
  })
}

/**
 * Ends the waiting of a run whose calls nobody will answer, in one transaction: each call is refused for `reason`, the conversation is free,
 * and the run counts as cancelled. A run without waiting calls stays as it is.
 */
export function withdrawRun(store: Store, agent_id: string, id: string, reason: string): void {
  store.transaction(() => {
    if (approvals.pendingOf(store, id).length === 0) return
    const run = runs.get(store, agent_id, id)
    approvals.giveUp(store, run, reason)
    runs.withdraw(store, run)
  })
}

/** Ends the waiting of all runs, or those of one context. */
export function withdrawRuns(store: Store, agent_id: string, conversation: string | undefined, reason: string): void {
  for (const id of approvals.waitingRuns(store, conversation)) withdrawRun(store, agent_id, id, reason)
}
