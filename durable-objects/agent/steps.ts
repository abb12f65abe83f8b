import { newId } from '../../src/lib/id'
import type { Model } from '../../src/runtime/model'
import type { JournalledCall, OpenStep } from '../../src/runtime/ports'
import { noUsage, type StepStatus, type StopReason, type ToolCall, type ToolReturn, type Usage } from '../../src/runtime/types'
import { messages } from './messages'
import { outbox, type StepProjection } from './outbox'
import { one, type Store } from './store'

interface StepBody {
  tags: string[]
  provider_name: string
  provider_category?: string
  provider_id?: string | null
  model: string
  model_handle: string
  model_endpoint: string | null
  context_window_limit: number
  usage: Usage
}

export interface StepError {
  type: string
  data: Record<string, unknown>
}

interface StepRow {
  id: string
  run_id: string
  n: number
  status: StepStatus
  message_id: string | null
  started_at: number
  llm_started_at: number | null
  llm_ended_at: number | null
  body: string
}

const nanosBetween = (from: number | null, to: number | null) => (from === null || to === null ? null : (to - from) * 1_000_000)

const callsOf = (store: Store, step_id: string): JournalledCall[] =>
  store.all('select n, call, state, result from calls where step_id = ?1 order by n', step_id).map((row) => ({
    n: row.n as number,
    call: JSON.parse(row.call as string),
    state: row.state as JournalledCall['state'],
    result: row.result ? JSON.parse(row.result as string) : null,
  }))

function project(store: Store, row: StepRow, end: { stop: StopReason | null; error?: StepError; ended_at: number | null }): void {
  const { usage, ...body } = JSON.parse(row.body) as StepBody
  const user_id = one(store, 'select user_id from runs where id = ?1', row.run_id)?.user_id as string | undefined
  const projection: StepProjection = {
    ...body,
    usage,
    id: row.id,
    run_id: row.run_id,
    user_id: user_id ?? null,
    sequence_id: row.n,
    status: row.status,
    stop_reason: end.stop,
    error_type: end.error?.type ?? null,
    error_data: end.error?.data ?? null,
    started_at: row.started_at,
    llm_started_at: row.llm_started_at,
    llm_request_ns: nanosBetween(row.llm_started_at, row.llm_ended_at),
    tool_execution_ns: callsOf(store, row.id).length > 0 ? nanosBetween(row.llm_ended_at, end.ended_at) : null,
    step_ns: nanosBetween(row.started_at, end.ended_at),
  }
  outbox.add(store, 'step', projection)
}

const rowOf = (store: Store, id: string) => one(store, 'select * from steps where id = ?1', id) as unknown as StepRow

function read(store: Store, { id, run_id, n, message_id }: StepRow): OpenStep {
  const response = message_id ? messages.get(store, message_id) : null
  return { id, run_id, n, resumed: false, message_id, response, calls: callsOf(store, id) }
}

/** Steps of runs and the journal of their tool calls. All of it inside the caller's transaction. */
export const steps = {
  get: (store: Store, id: string): OpenStep => read(store, rowOf(store, id)),

  open(store: Store, run_id: string): OpenStep | null {
    const row = one(store, "select * from steps where run_id = ?1 and status = 'pending' order by n desc limit 1", run_id)
    return row && read(store, row as unknown as StepRow)
  },

  start(store: Store, run_id: string, model: Model, tags: string[]): OpenStep {
    const id = newId('step')
    const n = Number(one(store, 'select coalesce(max(n), 0) as n from steps where run_id = ?1', run_id)?.n ?? 0) + 1
    const body: StepBody = {
      tags,
      provider_name: model.provider_name,
      provider_category: model.provider_category ?? 'base',
      provider_id: model.provider_id ?? null,
      model: model.name,
      model_handle: model.handle,
      model_endpoint: model.endpoint,
      context_window_limit: model.context_window,
      usage: noUsage,
    }
    store.all(
      "insert into steps (id, run_id, n, status, started_at, body) values (?1, ?2, ?3, 'pending', ?4, ?5)",
      id,
      run_id,
      n,
      store.now(),
      JSON.stringify(body),
    )
    project(store, rowOf(store, id), { stop: null, ended_at: null })
    return { id, run_id, n, resumed: false, message_id: null, response: null, calls: [] }
  },

  startResponse(store: Store, id: string, message_id: string): void {
    store.all('update steps set message_id = ?2, llm_started_at = ?3 where id = ?1', id, message_id, store.now())
  },

  /** Keeps what the model answered: where it is stored, its tokens, and the intent of every call. */
  respond(store: Store, id: string, message_id: string | null, usage: Usage, calls: ToolCall[]): void {
    store.all(
      "update steps set message_id = coalesce(?4, message_id), llm_ended_at = ?2, body = json_set(body, '$.usage', json(?3)) where id = ?1",
      id,
      store.now(),
      JSON.stringify(usage),
      message_id,
    )
    const query = 'insert into calls (step_id, n, call, state) values (?1, ?2, ?3, ?4)'
    for (const [n, call] of calls.entries()) store.all(query, id, n, JSON.stringify(call), call.waits ? 'waiting' : 'intended')
  },

  /** A call that waited may be carried out. */
  intendCall(store: Store, id: string, n: number): void {
    store.all("update calls set state = 'intended' where step_id = ?1 and n = ?2 and state = 'waiting'", id, n)
  },

  startCall(store: Store, id: string, n: number): void {
    store.all("update calls set state = 'started' where step_id = ?1 and n = ?2 and state = 'intended'", id, n)
  },

  finishCall(store: Store, id: string, n: number, result: ToolReturn): void {
    store.all("update calls set state = 'done', result = ?3 where step_id = ?1 and n = ?2", id, n, JSON.stringify(result))
  },

  end(store: Store, id: string, status: StepStatus, stop: StopReason | null, error?: StepError): void {
    store.all('update steps set status = ?2 where id = ?1', id, status)
    const error_ = error ? { error } : {}
    project(store, rowOf(store, id), { stop, ...error_, ended_at: store.now() })
  },
}
