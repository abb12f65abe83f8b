import { newId } from '../../src/lib/id'
import type { Journal, OpenStep, Response } from '../../src/runtime/ports'
import { outbox } from './outbox'
import type { Owner } from './projection'
import { runs } from './runs'
import { one, type Store } from './store'

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
function record(store: Store, agent_id: string, { id: step_id, run_id }: OpenStep, response: Response): void {
  const body = one(store, 'select body from steps where id = ?1', step_id)?.body
  if (!response.sent || !body) return
  const run = runs.get(store, agent_id, run_id)
  const { tags, provider_name, model, model_handle, model_endpoint, context_window_limit } = JSON.parse(body as string)
  const { message_id, content, calls, usage } = response
  outbox.add(store, 'trace', {
    id: newId('providerTrace'),
    step_id,
    run_id: run.id,
    user_id: run.user_id,
    agent_tags: tags,
    llm_config: { handle: model_handle, model, provider_name, model_endpoint, context_window: context_window_limit },
    request: textOf(response.sent),
    response: textOf({ id: message_id, model, content, tool_calls: calls, usage }),
    created_at: store.now(),
  })
}

/** The journal, which also keeps what models were sent and answered, in the transactions that store their responses. */
export const tracing = (store: Store, agent_id: string, journal: Journal): Journal => ({
  ...journal,
  respond: (step, response) =>
    store.transaction(() => {
      record(store, agent_id, step, response)
      return journal.respond(step, response)
    }),
  finishWithResponse: (step, response, nudge, end) =>
    store.transaction(() => {
      record(store, agent_id, step, response)
      journal.finishWithResponse(step, response, nudge, end)
    }),
})

const columns = [
  'id',
  'organization_id',
  'agent_id',
  'step_id',
  'run_id',
  'user_id',
  'created_by_id',
  'last_updated_by_id',
  'agent_tags',
  'llm_config',
  'request_json',
  'response_json',
  'created_at',
  'updated_at',
]

const insert = `insert into provider_traces (${columns.join(', ')}, call_type, source)
  values (${columns.map((_, i) => `?${i + 1}`).join(', ')}, 'agent_step', 'loci') on conflict do nothing`

/** The bodies are bound as the texts that they are: read out of a JSON parameter, as rows otherwise are, they would be parsed once a column. */
export const traceStatement = (d1: D1Database, { organization_id, agent_id }: Owner, trace: TracePayload): D1PreparedStatement => {
  const { id, step_id, run_id, user_id, agent_tags, llm_config, request, response, created_at } = trace
  const tags = JSON.stringify(agent_tags)
  const config = JSON.stringify(llm_config)
  return d1
    .prepare(insert)
    .bind(
      id,
      organization_id,
      agent_id,
      step_id,
      run_id,
      user_id,
      user_id,
      user_id,
      tags,
      config,
      request,
      response,
      created_at,
      created_at,
    )
}
