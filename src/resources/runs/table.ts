import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, instant, type Json, json, jsonChecks, template } from '../../db/columns'
import { type RunStatus, runStatuses, type StopReason } from '../../runtime/types'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'

/** Runs (seed 000): one request to an agent, from its acceptance to its end. A projection of the agent's object, but for `callback_*` results. */
export const runs = sqliteTable(
  'runs',
  {
    id: id('run'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    conversation_id: text(),
    project_id: text(),
    ...template(),
    status: text({ enum: runStatuses }).notNull().default('created').$type<RunStatus>(),
    stop_reason: text().$type<StopReason>(),
    background: flag().notNull().default(false),
    metadata: json<Json>('metadata_').notNull().default({}),
    request_config: json<Json>(),
    callback_url: text(),
    callback_sent_at: instant(),
    callback_status_code: integer(),
    callback_error: text(),
    ttft_ns: integer(),
    total_duration_ns: integer(),
    completed_at: instant(),
    ...audit(),
  },
  (t) => [
    index('ix_runs_created_at').on(t.created_at, t.id),
    index('ix_runs_agent_id').on(t.agent_id),
    index('ix_runs_organization_id').on(t.organization_id),
    index('ix_runs_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_runs_organization_duration').on(t.organization_id, t.total_duration_ns, t.id),
    index('ix_runs_agent_created').on(t.agent_id, t.created_at, t.id),
    index('ix_runs_conversation_created').on(t.conversation_id, t.created_at, t.id),
    ...jsonChecks('runs', t),
  ],
)

/** One row a run, made with it. Instants are epoch milliseconds; the API shows nanoseconds. */
export const runMetrics = sqliteTable(
  'run_metrics',
  {
    id: text()
      .primaryKey()
      .references(() => runs.id, { onDelete: 'cascade' }),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    project_id: text(),
    ...template(),
    run_start_ms: integer(),
    run_ns: integer(),
    num_steps: integer().notNull().default(0),
    tools_used: json<string[]>(),
    ...audit(),
  },
  (t) => [index('ix_run_metrics_agent_id').on(t.agent_id), ...jsonChecks('run_metrics', t)],
)
