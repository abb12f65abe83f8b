import { messages } from './messages'
import type { Run } from './runs'
import type { Store } from './store'

/** Stores the messages of a run's request: from here on they have their place in the order. */
export function storeInput(store: Store, run: Run): void {
  const input = run.request.input.map((message) => ({ ...message, run_id: run.id, created_by_id: run.user_id }))
  messages.append(store, { id: run.agent_id }, run.conversation_id, input)
}
