import { insertRows } from '../../src/db/rows'
import { newId } from '../../src/lib/id'
import { iso } from '../../src/lib/time'
import { providerTraces } from '../../src/resources/steps/table'
import type { Response } from '../../src/runtime/ports'
import { outbox } from './outbox'
import type { Owner } from './projection'
import type { Run } from './runs'
import type { Store } from './store'

/** What was sent to a model in a step and what it answered. The bodies are JSON text. */
export interface TracePayload {
  id: string
  step_id: string
  run_id: string
  user_id: string
  agent_tags: string[]
  llm_config: Record<string, unknown>
  request: string
  response: string
  created_at: number
}

/** Characters of a body that are kept. Two bodies, quoted, must fit one parameter of the database. */
const bodyMax = 250_000

function textOf(body: unknown): string {
  const text = JSON.stringify(body)
  if (text.length <= bodyMax) return text
  const head = text.slice(0, bodyMax).replace(/[\ud800-\udbff]$/, '')
  return JSON.stringify({ cut: `The first ${head.length} of ${text.length} characters are kept, as text.`, text: head })
}

/** Owes D1 the trace of a model's response. Inside the caller's transaction. */
export function recordTrace(store: Store, run: Pick<Run, 'id' | 'user_id'>, step: { id: string; body: string }, response: Response): void {
  if (!response.sent) return
  const { tags, provider_name, model, model_handle, model_endpoint, context_window_limit } = JSON.parse(step.body)
  const { message_id, content, calls, usage } = response
  outbox.add(store, 'trace', {
    id: newId('providerTrace'),
    step_id: step.id,
    run_id: run.id,
    user_id: run.user_id,
    agent_tags: tags,
    llm_config: { handle: model_handle, model, provider_name, model_endpoint, context_window: context_window_limit },
    request: textOf(response.sent),
    response: textOf({ id: message_id, model, content, tool_calls: calls, usage }),
    created_at: store.now(),
  })
}

/** One statement a trace, since each may be large. A step that is gone takes none. */
export const traceStatement = (d1: D1Database, owner: Owner, trace: TracePayload): D1PreparedStatement => {
  const { request, response, created_at, user_id, ...rest } = trace
  const row = {
    ...rest,
    ...owner,
    user_id,
    request_json: JSON.parse(request),
    response_json: JSON.parse(response),
    call_type: 'agent_step',
    source: 'loci',
    created_at: iso(created_at),
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }
  return insertRows(d1, providerTraces, [row], 'on conflict do nothing')
}
