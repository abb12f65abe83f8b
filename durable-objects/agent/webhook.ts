import { iso } from '../../src/lib/time'
import { foldLog } from '../../src/runtime/emit'
import type { RunResult } from '../../src/runtime/rpc'
import { events } from './events'
import { type Run, stateOf, usageOf } from './runs'
import type { Store } from './store'

const messagesMax = 100

/** How a run ended, read from its event log. */
export function resultOf(store: Store, run: Run): RunResult {
  const log = events.after(store, run.id, 0, Number.MAX_SAFE_INTEGER).map(({ event }) => event)
  return { run: stateOf(run), messages: foldLog(log), stop_reason: run.stop_reason ?? 'error', usage: usageOf(run), error: run.error }
}

/** What a webhook says about an ended run: the Letta callback (`run_id`, `status`, `completed_at`, `metadata.result`) and more. */
export function webhookBody(store: Store, run: Run): string {
  const { messages, stop_reason, usage, error } = resultOf(store, run)
  const completed_at = run.completed_at === null ? null : iso(run.completed_at)
  return JSON.stringify({
    type: `run.${run.status}`,
    timestamp: completed_at,
    run_id: run.id,
    agent_id: run.agent_id,
    conversation_id: run.conversation_id,
    status: run.status,
    stop_reason,
    completed_at,
    metadata: {
      run_type: run.request.run_type,
      result: {
        messages: messages.slice(0, messagesMax),
        stop_reason: { message_type: 'stop_reason', stop_reason },
        usage: { message_type: 'usage_statistics', ...usage, run_ids: null },
        logprobs: null,
        turns: null,
      },
      ...(error ? { error } : {}),
    },
  })
}
