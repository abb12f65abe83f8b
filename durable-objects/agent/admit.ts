import type { Submission } from '../../src/runtime/rpc'
import { approvals } from './approvals'
import { contextKey } from './messages'
import { type Run, runs } from './runs'
import type { Store } from './store'

/**
 * Takes a request in, in one transaction: the run that answers it already, or a new one. An answer to calls that wait claims them here, so
 * that of two answers only one counts. Throws what keeps the request from being taken.
 */
export function admit(store: Store, agent_id: string, user_id: string, submission: Submission, limit: number): Run {
  return store.transaction(() => {
    const known = runs.duplicate(store, agent_id, submission)
    if (known) return known
    const key = contextKey(submission.conversation_id)
    const ruling = approvals.rule(store, key, submission.request, (id) => runs.isInProgress(store, id))
    if ('same' in ruling) return runs.get(store, agent_id, ruling.same)
    const run = runs.accept(store, agent_id, user_id, { ...submission, request: ruling.request }, limit)
    if (ruling.request.approval) approvals.claim(store, key, run.id)
    return run
  })
}
