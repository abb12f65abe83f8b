import { AppError, notFound } from '../../src/lib/errors'
import { newId, uuidOf } from '../../src/lib/id'
import { iso, isoOrNull, type Millis } from '../../src/lib/time'
import { waitingText } from '../../src/runtime/approvals'
import type { RunError, RunUsage } from '../../src/runtime/events'
import type { RunState, Submission } from '../../src/runtime/rpc'
import { speaksByTool } from '../../src/runtime/step'
import { type AgentConfig, noUsage, type RunStatus, type StopReason, statusOf, type TurnRequest, type Usage } from '../../src/runtime/types'
import { approvals } from './approvals'
import { events } from './events'
import { storeInput } from './input'
import { contextKey, messages } from './messages'
import { outbox } from './outbox'
import { schedule } from './schedule'
import { one, type SqlRow, type Store } from './store'

export interface Run {
  id: string
  agent_id: string
  conversation_id: string | null
  user_id: string
  status: RunStatus
  stop_reason: StopReason | null
  request: TurnRequest
  created_at: Millis
  started_at: Millis | null
  first_token_at: Millis | null
  completed_at: Millis | null
  usage: Usage
  context_tokens: number | null
  step_count: number
  tools_used: string[]
  error: RunError | null
}

/** How long a run may go unattended before the alarm looks after it. */
export const watchdogMs = 15_000

/** When the alarm takes over a run that nobody waits for. */
const takeUpMs = 5_000

/** How long the deltas of a finished run can be streamed again; after that its log holds whole messages. */
export const deltasKeptMs = 3 * 24 * 60 * 60 * 1000

const inProgress = "status in ('created', 'running')"
const nanos = (ms: number) => ms * 1_000_000

/** What a stored request may lack: an ended run forgets the tools and skills of its client, which are long and serve nobody any more. */
const lacking = { approval: null, client_tools: [], client_skills: [] }

const read = (agent_id: string, row: SqlRow): Run => ({
  id: row.id as string,
  agent_id,
  conversation_id: (row.conversation as string) || null,
  user_id: row.user_id as string,
  status: row.status as RunStatus,
  stop_reason: row.stop_reason as StopReason | null,
  request: { ...lacking, ...JSON.parse(row.request as string) },
  created_at: row.created_at as number,
  started_at: row.started_at as number | null,
  first_token_at: row.first_token_at as number | null,
  completed_at: row.completed_at as number | null,
  usage: JSON.parse(row.usage as string),
  context_tokens: row.context_tokens as number | null,
  step_count: row.step_count as number,
  tools_used: JSON.parse(row.tools_used as string),
  error: row.error ? JSON.parse(row.error as string) : null,
})

const metadataOf = (run: Run) => ({ run_type: run.request.run_type, ...(run.error ? { error: run.error } : {}) })
const configOf = (request: TurnRequest) => ({
  use_assistant_message: request.assistant_tool !== null,
  assistant_message_tool_name: request.assistant_tool?.name ?? 'send_message',
  assistant_message_tool_kwarg: request.assistant_tool?.argument ?? 'message',
  include_return_message_types: request.include_return_message_types,
})
const ttft = (run: Run) => (run.first_token_at === null ? null : nanos(run.first_token_at - run.created_at))
const duration = (run: Run) => (run.completed_at === null ? null : nanos(run.completed_at - run.created_at))

/** A run as callers see it. */
export const stateOf = (run: Run): RunState => ({
  id: run.id,
  agent_id: run.agent_id,
  conversation_id: run.conversation_id,
  status: run.status,
  stop_reason: run.stop_reason,
  background: run.request.background,
  stream_tokens: run.request.stream_tokens,
  callback_url: run.request.callback_url,
  metadata: metadataOf(run),
  request_config: configOf(run.request),
  created_at: iso(run.created_at),
  completed_at: isoOrNull(run.completed_at),
  ttft_ns: ttft(run),
  total_duration_ns: duration(run),
})

export const usageOf = (run: Run): RunUsage => ({ ...run.usage, step_count: run.step_count, context_tokens: run.context_tokens })

function project(store: Store, run: Run): void {
  outbox.add(store, 'run', {
    id: run.id,
    conversation_id: run.conversation_id,
    user_id: run.user_id,
    status: run.status,
    stop_reason: run.stop_reason,
    background: run.request.background,
    metadata: metadataOf(run),
    request_config: configOf(run.request),
    callback_url: run.request.callback_url,
    ttft_ns: ttft(run),
    total_duration_ns: duration(run),
    created_at: run.created_at,
    completed_at: run.completed_at,
    num_steps: run.step_count,
    tools_used: run.tools_used,
  })
}

/** The keys under which a request is remembered for good: its `Idempotency-Key` and the otids of what it says. */
function keysOf({ request, idempotency_key }: Submission): string[] {
  const otids = [...(request.approval ? [request.approval] : []), ...request.input].flatMap(({ otid }) => (otid ? [`otid:${otid}`] : []))
  return idempotency_key === null ? otids : [`key:${idempotency_key}`, ...otids]
}

/** Runs of an agent: stored when accepted, begun in order, ended exactly once. All of it inside the caller's transaction. */
export const runs = {
  get(store: Store, agent_id: string, id: string): Run {
    const row = one(store, 'select * from runs where id = ?1', id)
    if (!row) throw notFound('Run', id)
    return read(agent_id, row)
  },

  isInProgress: (store: Store, id: string): boolean => one(store, `select 1 as yes from runs where id = ?1 and ${inProgress}`, id) !== null,

  inProgress(store: Store, agent_id: string, conversation?: string): Run[] {
    const rows =
      conversation === undefined
        ? store.all(`select * from runs where ${inProgress} order by n`)
        : store.all(`select * from runs where ${inProgress} and conversation = ?1 order by n`, conversation)
    return rows.map((row) => read(agent_id, row))
  },

  /** The run whose turn it is in a conversation. */
  head(store: Store, agent_id: string, conversation: string): Run | null {
    const row = one(store, `select * from runs where ${inProgress} and conversation = ?1 order by n limit 1`, conversation)
    return row && read(agent_id, row)
  },

  /** The run that already answers this request, or null. A request that repeats only some of another's messages is a conflict. */
  duplicate(store: Store, agent_id: string, submission: Submission): Run | null {
    const keys = keysOf(submission)
    if (keys.length === 0) return null
    const known = store.all('select key, run_id from requests where key in (select value from json_each(?1))', JSON.stringify(keys))
    const byKey = known.find((row) => (row.key as string).startsWith('key:'))
    const first = byKey ?? known[0]
    if (!first) return null
    if (!byKey && (known.length < keys.length || known.some((row) => row.run_id !== first.run_id)))
      throw new AppError(
        'conflict',
        `Some of these messages were sent before (run_id=${first.run_id}) and some were not. Send new messages under new otids.`,
        { run_id: first.run_id },
      )
    return runs.get(store, agent_id, first.run_id as string)
  },

  /** Stores a request as a run that waits for its turn. Refuses when `limit` runs wait in the conversation already. */
  accept(store: Store, agent_id: string, user_id: string, submission: Submission, limit: number): Run {
    const { request, conversation_id } = submission
    const key = contextKey(conversation_id)
    const waiting = Number(one(store, `select count(*) as n from runs where ${inProgress} and conversation = ?1`, key)?.n ?? 0)
    if (waiting > limit)
      throw new AppError('queue_full', `${waiting} requests wait in this conversation, the most it takes. Try again later.`, {
        headers: { 'retry-after': '2' },
      })
    const id = newId('run')
    const now = store.now()
    store.all(
      'insert into runs (id, conversation, user_id, status, request, created_at, usage) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)',
      id,
      key,
      user_id,
      'created',
      JSON.stringify(request),
      now,
      JSON.stringify(noUsage),
    )
    for (const requestKey of keysOf(submission)) store.all('insert into requests (key, run_id) values (?1, ?2)', requestKey, id)
    events.append(store, id, [{ type: 'ping' }])
    schedule.set(store, 'run', id, now + (request.background ? takeUpMs : watchdogMs))
    const run = runs.get(store, agent_id, id)
    project(store, run)
    return run
  },

  /** Begins a run: its messages get their place in the order. */
  begin(store: Store, run: Run, config: AgentConfig): void {
    const now = store.now()
    store.all("update runs set status = 'running', started_at = ?2 where id = ?1", run.id, now)
    if (run.request.assistant_tool && speaksByTool(config))
      // What such an agent says is known as speech only when its call is whole, so that nothing of it is streamed by tokens.
      store.all("update runs set request = json_set(request, '$.stream_tokens', json('false')) where id = ?1", run.id)
    if (config.message_buffer_autoclear && !run.request.approval) {
      const system = messages.system(store, run.conversation_id)
      messages.setContext(store, run.conversation_id, system ? [system.id] : [])
    }
    if (run.request.approval) approvals.begin(store, run)
    else storeInput(store, run)
    project(store, { ...run, status: 'running', started_at: now })
  },

  firstToken(store: Store, id: string): void {
    store.all('update runs set first_token_at = ?2 where id = ?1 and first_token_at is null', id, store.now())
  },

  countStep(store: Store, run: Run, usage: Usage, context_tokens: number | null, tools: string[]): void {
    const used = [...new Set([...run.tools_used, ...tools])]
    store.all(
      'update runs set usage = ?2, context_tokens = coalesce(?3, context_tokens), step_count = step_count + 1, tools_used = ?4 where id = ?1',
      run.id,
      JSON.stringify(usage),
      context_tokens,
      JSON.stringify(used),
    )
  },

  /** Ends a run: terminal state, last events, what D1 and a receiver are owed. Exactly one end is ever stored. */
  end(store: Store, agent_id: string, id: string, stop_reason: StopReason, error: RunError | null, payload: (run: Run) => string): Run {
    const before = runs.get(store, agent_id, id)
    if (before.completed_at !== null) return before
    const now = store.now()
    store.all(
      `update runs set status = ?2, stop_reason = ?3, completed_at = ?4, error = ?5, request = json_remove(request, '$.client_tools', '$.client_skills')
        where id = ?1`,
      id,
      statusOf(stop_reason),
      stop_reason,
      now,
      error && JSON.stringify(error),
    )
    const run = runs.get(store, agent_id, id)
    events.append(store, id, [{ type: 'stop', stop_reason }, error ? { type: 'error', error } : { type: 'usage', usage: usageOf(run) }])
    schedule.clear(store, 'run', id)
    if (run.request.stream_tokens) schedule.set(store, 'fold', id, now + deltasKeptMs)
    project(store, run)
    outbox.add(store, 'run_ended', {
      conversation_id: run.conversation_id,
      completed_at: now,
      duration_ms: now - run.created_at,
      stop_reason,
    })
    const { callback_url } = run.request
    if (callback_url)
      outbox.add(store, 'delivery', {
        id: `delivery-${uuidOf(id)}`,
        run_id: id,
        url: callback_url,
        event: `run.${run.status}`,
        body: payload(run),
        created_at: now,
      })
    return run
  },

  /** Ends a run that cannot go on because calls wait. What it was asked may be sent again under the same keys. */
  turnAway(store: Store, agent_id: string, id: string, payload: (run: Run) => string): void {
    store.all('delete from requests where run_id = ?1', id)
    runs.end(store, agent_id, id, 'error', { type: 'pending_approval', message: waitingText, detail: null }, payload)
  },

  /** Makes a run that ended with calls that wait a cancelled one. */
  withdraw(store: Store, run: Run): void {
    store.all("update runs set status = 'cancelled', stop_reason = 'cancelled' where id = ?1", run.id)
    project(store, { ...run, status: 'cancelled', stop_reason: 'cancelled' })
    const completed_at = run.completed_at ?? store.now()
    const { conversation_id, created_at } = run
    outbox.add(store, 'run_ended', { conversation_id, completed_at, duration_ms: completed_at - created_at, stop_reason: 'cancelled' })
  },

  /** Forgets a finished run and its log; its messages stay. */
  forget(store: Store, id: string): void {
    approvals.forget(store, id)
    store.all('delete from calls where step_id in (select id from steps where run_id = ?1)', id)
    for (const table of ['steps', 'events']) store.all(`delete from ${table} where run_id = ?1`, id)
    store.all('delete from runs where id = ?1', id)
    schedule.clear(store, 'fold', id)
  },
}
