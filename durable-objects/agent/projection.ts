import { insertRows } from '../../src/db/rows'
import { iso } from '../../src/lib/time'
import { conversationMessages } from '../../src/resources/conversations/table'
import { oweMessages } from '../../src/resources/indexes/enqueue'
import { messages } from '../../src/resources/messages/table'
import { runMetrics, runs } from '../../src/resources/runs/table'
import { stepMetrics, steps } from '../../src/resources/steps/table'
import type { ContentPart, Message } from '../../src/runtime/types'
import type { OutboxPayloads, OutboxRow, RunProjection, StepProjection } from './outbox'
import { traceStatement } from './traces'

export interface Owner {
  agent_id: string
  organization_id: string
}

/** The plain text of a message, which is what search looks at. */
export const textOf = (content: ContentPart[]): string | null =>
  content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n') || null

const messageRow = (owner: Owner, message: Message) => {
  const { id, role, content, tool_calls, tool_returns, approvals, ...rest } = message
  const searchable = role === 'tool' ? tool_returns.map((r) => r.content).join('\n') || null : textOf(content)
  return {
    ...rest,
    ...owner,
    id,
    role,
    content,
    tool_calls,
    tool_returns,
    approvals,
    text: role === 'system' ? null : searchable,
    tool_call_id: tool_returns[0]?.tool_call_id ?? null,
    updated_at: message.created_at,
    last_updated_by_id: message.created_by_id,
  }
}

const runRow = (owner: Owner, run: RunProjection) => {
  const { user_id, created_at, completed_at, num_steps: _, tools_used: __, ...rest } = run
  return {
    ...rest,
    ...owner,
    created_at: iso(created_at),
    updated_at: iso(completed_at ?? created_at),
    completed_at: completed_at === null ? null : iso(completed_at),
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }
}

const runMetricsRow = (owner: Owner, run: RunProjection) => ({
  ...owner,
  id: run.id,
  run_start_ms: run.created_at,
  run_ns: run.total_duration_ns,
  num_steps: run.num_steps,
  tools_used: run.tools_used.length > 0 ? run.tools_used : null,
  created_at: iso(run.created_at),
  created_by_id: run.user_id,
  last_updated_by_id: run.user_id,
})

const stepRow = (owner: Owner, step: StepProjection) => {
  const { started_at, user_id, llm_started_at: _a, llm_request_ns: _b, tool_execution_ns: _c, step_ns: _d, usage, ...rest } = step
  return {
    provider_category: 'base',
    provider_id: null,
    ...rest,
    ...owner,
    ...usage,
    created_at: iso(started_at),
    created_by_id: user_id,
    last_updated_by_id: user_id,
    prompt_tokens_details: details({ cached_tokens: usage.cached_input_tokens, cache_write_tokens: usage.cache_write_tokens }),
    completion_tokens_details: details({ reasoning_tokens: usage.reasoning_tokens }),
  }
}

const details = (counts: Record<string, number | null>) => (Object.values(counts).some((n) => n !== null) ? counts : null)

const stepMetricsRow = (owner: Owner, step: StepProjection) => ({
  ...owner,
  id: step.id,
  run_id: step.run_id,
  step_start_ms: step.started_at,
  llm_request_start_ms: step.llm_started_at,
  llm_request_ns: step.llm_request_ns,
  tool_execution_ns: step.tool_execution_ns,
  step_ns: step.step_ns,
  created_at: iso(step.started_at),
  created_by_id: step.user_id,
  last_updated_by_id: step.user_id,
})

/** Statement by which rows of an agent take over its project, or more of what it belongs to. It writes only what that changes. */
function inherit(
  d1: D1Database,
  owner: Owner,
  table: string,
  rows: { id: string }[],
  columns = 'project_id, template_id, base_template_id',
) {
  const those = `(select ${columns} from agents where id = ?1)`
  return d1
    .prepare(`update ${table} set (${columns}) = ${those} where id in (select value from json_each(?2)) and (${columns}) is not ${those}`)
    .bind(owner.agent_id, JSON.stringify(rows.map((row) => row.id)))
}

/** `on conflict … do update` of the given columns: the newer projection of a row replaces the older. */
const upsert = (columns: string[]) => `on conflict (id) do update set ${columns.map((c) => `"${c}" = excluded."${c}"`).join(', ')}`

const onRun = `${upsert(['status', 'stop_reason', 'metadata_', 'ttft_ns', 'total_duration_ns', 'completed_at', 'updated_at'])}
  where runs.completed_at is null or (runs.stop_reason = 'requires_approval' and excluded.stop_reason = 'cancelled')`
const onRunMetrics = upsert(['run_ns', 'num_steps', 'tools_used', 'updated_at'])
const onStep = upsert([
  'status',
  'stop_reason',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'prompt_tokens_details',
  'completion_tokens_details',
  'error_type',
  'error_data',
  'updated_at',
])
const onStepMetrics = upsert(['llm_request_start_ms', 'llm_request_ns', 'tool_execution_ns', 'step_ns', 'updated_at'])
const onMessage = `${upsert(['content', 'text', 'updated_at'])} where messages.role = 'system'`

/** The newest payload of each id, in order of first appearance. */
const latest = <T extends { id: string }>(rows: T[]): T[] => [...new Map(rows.map((row) => [row.id, row])).values()]

const of = <K extends OutboxRow['kind']>(rows: OutboxRow[], kind: K): OutboxPayloads[K][] =>
  rows.flatMap((row) => (row.kind === kind ? [row.payload as OutboxPayloads[K]] : []))

function contextStatements(d1: D1Database, owner: Owner, rows: OutboxRow[]): D1PreparedStatement[] {
  return rows.flatMap((row) => {
    if (row.kind === 'context_append') return append(d1, owner, row.payload)
    return row.kind === 'context_set' ? replace(d1, owner, row.payload) : []
  })
}

function append(
  d1: D1Database,
  owner: Owner,
  { conversation_id, first, ids, at }: OutboxPayloads['context_append'],
): D1PreparedStatement[] {
  if (conversation_id === null) {
    // Guarded by the length, so that a repeat of the same append changes nothing.
    const query = `update agents set message_ids = (select json_group_array(value) from (
      select value from json_each(agents.message_ids) union all select value from json_each(?2))) where id = ?1 and json_array_length(message_ids) = ?3`
    return [d1.prepare(query).bind(owner.agent_id, JSON.stringify(ids), first)]
  }
  const touch = 'update conversations set last_message_at = max(coalesce(last_message_at, 0), ?2) where id = ?1'
  if (ids.length === 0) return []
  // What comes first is the system message, which nobody sent.
  return [linkMessages(d1, owner, conversation_id, first, ids), ...(first > 0 ? [d1.prepare(touch).bind(conversation_id, at)] : [])]
}

function linkMessages(d1: D1Database, owner: Owner, conversation_id: string, first: number, ids: string[]): D1PreparedStatement {
  const rows = ids.map((message_id, i) => ({ ...owner, conversation_id, message_id, position: first + i, in_context: true }))
  return insertRows(
    d1,
    conversationMessages,
    rows,
    'on conflict (conversation_id, message_id) do update set position = excluded.position, in_context = 1',
  )
}

function replace(d1: D1Database, owner: Owner, { conversation_id, ids }: OutboxPayloads['context_set']): D1PreparedStatement[] {
  if (conversation_id === null)
    return [d1.prepare('update agents set message_ids = ?2 where id = ?1').bind(owner.agent_id, JSON.stringify(ids))]
  return [
    d1.prepare('update conversation_messages set in_context = 0 where conversation_id = ?1').bind(conversation_id),
    linkMessages(d1, owner, conversation_id, 0, ids),
  ]
}

function endStatements(d1: D1Database, owner: Owner, ends: OutboxPayloads['run_ended'][]): D1PreparedStatement[] {
  const last = ends.at(-1)
  if (!last) return []
  const byConversation = new Map(ends.flatMap((end) => (end.conversation_id ? [[end.conversation_id, end.completed_at] as const] : [])))
  const agent = `update agents set last_run_completion = ?2, last_run_duration_ms = ?3, last_stop_reason = ?4
    where id = ?1 and coalesce(last_run_completion, 0) <= ?2`
  const conversation = 'update conversations set last_run_completion = ?2 where id = ?1'
  return [
    d1.prepare(agent).bind(owner.agent_id, last.completed_at, last.duration_ms, last.stop_reason),
    ...[...byConversation].map(([id, at]) => d1.prepare(conversation).bind(id, at)),
  ]
}

/**
 * The statements that bring D1 up to these outbox rows, for one atomic batch. All are idempotent, so a batch whose answer was
 * lost is simply sent again. Rows of deliveries are not D1's and are skipped. `embedding` is the model by which messages are found, if any.
 */
export function projectionStatements(
  d1: D1Database,
  owner: Owner,
  rows: OutboxRow[],
  embedding: string | null = null,
): D1PreparedStatement[] {
  const some = <T>(items: T[], statement: (items: T[]) => D1PreparedStatement[]) => (items.length > 0 ? statement(items) : [])
  return [
    ...some(latest(of(rows, 'run')), (found) => [
      insertRows(
        d1,
        runs,
        found.map((run) => runRow(owner, run)),
        onRun,
      ),
      insertRows(
        d1,
        runMetrics,
        found.map((run) => runMetricsRow(owner, run)),
        onRunMetrics,
      ),
      ...['runs', 'run_metrics'].map((table) => inherit(d1, owner, table, found)),
    ]),
    ...some(latest(of(rows, 'step')), (found) => [
      insertRows(
        d1,
        steps,
        found.map((step) => stepRow(owner, step)),
        onStep,
      ),
      insertRows(
        d1,
        stepMetrics,
        found.map((step) => stepMetricsRow(owner, step)),
        onStepMetrics,
      ),
      inherit(d1, owner, 'steps', found, 'project_id'),
      inherit(d1, owner, 'step_metrics', found),
    ]),
    ...some(latest(of(rows, 'messages').flatMap((m) => m.rows)), (found) => [
      insertRows(
        d1,
        messages,
        found.map((message) => messageRow(owner, message)),
        onMessage,
      ),
      ...(embedding === null ? [] : oweMessages(d1, found, embedding)),
    ]),
    ...of(rows, 'trace').map((trace) => traceStatement(d1, owner, trace)),
    ...contextStatements(d1, owner, rows),
    ...endStatements(d1, owner, of(rows, 'run_ended')),
  ]
}
