/** A row of the object's SQLite. */
export type SqlRow = Record<string, SqlStorageValue>

/** What the agent's state lives in: SQLite, one synchronous transaction at a time, and the clock. */
export interface Store {
  /** Runs one statement and returns its rows. */
  all<T extends SqlRow = SqlRow>(query: string, ...params: unknown[]): T[]
  /** Runs `work` atomically: all of its writes or none. Nested calls join the outer one. */
  transaction<T>(work: () => T): T
  /** Epoch milliseconds. */
  now(): number
}

/** The first row, or null. */
export const one = <T extends SqlRow = SqlRow>(store: Store, query: string, ...params: unknown[]): T | null =>
  store.all<T>(query, ...params)[0] ?? null

/** A store over an object's storage. */
export function storeOf(storage: DurableObjectStorage, now: () => number = Date.now): Store {
  let inside = false
  return {
    all: <T extends SqlRow>(query: string, ...params: unknown[]) => storage.sql.exec<T>(query, ...(params as SqlStorageValue[])).toArray(),
    transaction(work) {
      if (inside) return work()
      inside = true
      try {
        return storage.transactionSync(work)
      } finally {
        inside = false
      }
    },
    now,
  }
}

/** The schema, as an append-only list of steps. A step is never edited once released. */
export const schemaSteps: readonly string[][] = [
  [
    // '' stands for the agent's own context wherever a conversation is named.
    'create table identity (agent_id text primary key, organization_id text not null)',
    'create table messages (seq integer primary key, id text not null unique, conversation text not null, run_id text, body text not null)',
    'create index messages_of_run on messages (run_id, seq) where run_id is not null',
    'create table context (conversation text not null, position integer not null, message_id text not null, primary key (conversation, position)) without rowid',
    'create table conversations (id text primary key, fingerprint text) without rowid',
    `create table runs (
      n integer primary key autoincrement, id text not null unique, conversation text not null, user_id text not null, status text not null,
      stop_reason text, request text not null, created_at integer not null, started_at integer, first_token_at integer, completed_at integer,
      next_seq integer not null default 1, usage text not null, context_tokens integer, step_count integer not null default 0, tools_used text not null default '[]',
      error text)`,
    "create index runs_in_progress on runs (conversation, n) where status in ('created', 'running')",
    'create table requests (key text primary key, run_id text not null) without rowid',
    `create table steps (
      id text primary key, run_id text not null, n integer not null, status text not null, message_id text, started_at integer not null,
      llm_started_at integer, llm_ended_at integer, body text not null) without rowid`,
    'create unique index steps_of_run on steps (run_id, n)',
    'create table calls (step_id text not null, n integer not null, call text not null, state text not null, result text, primary key (step_id, n)) without rowid',
    'create table events (run_id text not null, seq integer not null, event text not null, primary key (run_id, seq)) without rowid',
    'create table outbox (id integer primary key autoincrement, kind text not null, payload text not null)',
    'create table outbox_refused (id integer primary key, kind text not null, payload text not null, reason text not null)',
    'create table schedule (kind text not null, ref text not null, due_at integer not null, attempts integer not null default 0, primary key (kind, ref)) without rowid',
    'create index schedule_due on schedule (due_at)',
  ],
  [
    // A call that waits for an answer from outside: `pending` until a run brings the answer, `answered` until its result is stored, then `settled`.
    `create table approvals (
      id integer primary key autoincrement, step_id text not null, n integer not null, conversation text not null, run_id text not null,
      message_id text not null, state text not null, answered_by text, requested_at integer not null, unique (step_id, n))`,
    "create index approvals_pending on approvals (conversation, id) where state = 'pending'",
    'create index approvals_of_conversation on approvals (conversation, id)',
    'create index approvals_of_run on approvals (run_id)',
    'create index approvals_answered_by on approvals (answered_by) where answered_by is not null',
  ],
]

/** Brings the schema up to date, in one transaction. The version is kept in the object's key-value storage (`user_version` is refused there). */
export function migrate(storage: DurableObjectStorage): void {
  const done = storage.kv.get<number>('schema') ?? 0
  if (done === schemaSteps.length) return
  storage.transactionSync(() => {
    for (const statement of schemaSteps.slice(done).flat()) storage.sql.exec(statement)
    storage.kv.put('schema', schemaSteps.length)
  })
}

/** True when the object has ever stored something: an object that was only asked about an unknown agent stays empty. */
export const isBorn = (storage: DurableObjectStorage): boolean => storage.kv.get<number>('schema') !== undefined
