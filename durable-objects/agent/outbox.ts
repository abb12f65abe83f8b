import type { Message, RunStatus, StepStatus, StopReason, Usage } from '../../src/runtime/types'
import { schedule } from './schedule'
import { one, type Store } from './store'
import type { TracePayload } from './traces'

/** What an agent's object owes to the outside, by kind. Every row is idempotent at its receiver. */
export interface OutboxPayloads {
  /** Upsert: a system message may be rewritten, anything else is written once. */
  messages: { rows: Message[] }
  /** `ids` come at `first` and after in the context; applied only when the context there ends just before. */
  context_append: { conversation_id: string | null; first: number; ids: string[]; at: number }
  context_set: { conversation_id: string | null; ids: string[] }
  run: RunProjection
  step: StepProjection
  trace: TracePayload
  /** The agent's `last_run_*`, and the conversation's. */
  run_ended: { conversation_id: string | null; completed_at: number; duration_ms: number; stop_reason: StopReason }
  delivery: { id: string; run_id: string; url: string; event: string; body: string; created_at: number }
}
export type OutboxKind = keyof OutboxPayloads
export type OutboxRow = { [K in OutboxKind]: { id: number; kind: K; payload: OutboxPayloads[K] } }[OutboxKind]

/** A run as D1 keeps it. Instants are epoch milliseconds. */
export interface RunProjection {
  id: string
  conversation_id: string | null
  user_id: string
  status: RunStatus
  stop_reason: StopReason | null
  background: boolean
  metadata: Record<string, unknown>
  request_config: Record<string, unknown>
  callback_url: string | null
  ttft_ns: number | null
  total_duration_ns: number | null
  created_at: number
  completed_at: number | null
  num_steps: number
  tools_used: string[]
}

export interface StepProjection {
  id: string
  run_id: string
  /** On whose behalf the run is. */
  user_id: string | null
  sequence_id: number
  status: StepStatus
  stop_reason: StopReason | null
  provider_name: string | null
  provider_category?: string
  provider_id?: string | null
  model: string | null
  model_handle: string | null
  model_endpoint: string | null
  context_window_limit: number | null
  usage: Usage
  tags: string[]
  error_type: string | null
  error_data: Record<string, unknown> | null
  started_at: number
  llm_started_at: number | null
  llm_request_ns: number | null
  tool_execution_ns: number | null
  step_ns: number | null
}

/** Bytes after which a batch ends: its messages are one parameter of D1 (2 MB), in which their text is twice. */
const takeBytes = 400_000

/** When the alarm looks after rows that a crash kept from being sent at once. */
const backstopMs = 5_000

/** Rows that leave the object, written in the transaction that made them true and struck off when their receiver has them. */
export const outbox = {
  add<K extends OutboxKind>(store: Store, kind: K, payload: OutboxPayloads[K]): void {
    store.all('insert into outbox (kind, payload) values (?1, ?2)', kind, JSON.stringify(payload))
    schedule.ensure(store, 'flush', '', store.now() + backstopMs)
  },
  /** The next rows: at most `limit`, and no more than D1 takes in one statement, but one in any case. */
  take(store: Store, after: number, limit: number): OutboxRow[] {
    return store
      .all(
        `select id, kind, payload from (
          select *, sum(length(cast(payload as blob))) over (order by id) - length(cast(payload as blob)) as before
          from (select * from outbox where id > ?1 order by id limit ?2)) where before < ?3 order by id`,
        after,
        limit,
        takeBytes,
      )
      .map((row) => ({ ...row, payload: JSON.parse(row.payload as string) }) as unknown as OutboxRow)
  },
  strike(store: Store, upTo: number): void {
    store.all('delete from outbox where id <= ?1', upTo)
  },
  /** Keeps a row that its receiver refuses for good, with the reason, out of the way of the others. */
  setAside(store: Store, row: OutboxRow, reason: string): void {
    store.transaction(() => {
      store.all('insert into outbox_refused select id, kind, payload, ?2 from outbox where id = ?1', row.id, reason)
      store.all('delete from outbox where id = ?1', row.id)
    })
  },
  isEmpty: (store: Store): boolean => one(store, 'select 1 as owed from outbox limit 1') === null,
  /** The id of the newest row owed; 0 when nothing is. */
  newest(store: Store): number {
    return Number(one(store, 'select coalesce(max(id), 0) as id from outbox')?.id ?? 0)
  },
}
