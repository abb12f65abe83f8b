import { approvalRequestId } from '../../src/runtime/approvals'
import type { OpenStep } from '../../src/runtime/ports'
import { approvals } from './approvals'
import { contextKey } from './messages'
import { type Run, runs } from './runs'
import { steps } from './steps'
import type { Store } from './store'

/**
 * Ends a step and its run with calls that wait, in the caller's transaction. The runs queued behind it are turned away, so that nothing comes
 * between a call and its result. Returns their ids.
 */
export function pauseRun(store: Store, agent_id: string, step: OpenStep, payload: (run: Run) => string): string[] {
  const run = runs.get(store, agent_id, step.run_id)
  const { response, message_id } = step
  approvals.ask(store, run, step, response?.role === 'approval' ? response.id : approvalRequestId(message_id ?? ''))
  steps.end(store, step.id, 'success', 'requires_approval')
  runs.end(store, agent_id, run.id, 'requires_approval', null, payload)
  const behind = runs.inProgress(store, agent_id, contextKey(run.conversation_id)).map(({ id }) => id)
  for (const id of behind) runs.turnAway(store, agent_id, id, payload)
  return behind
}
