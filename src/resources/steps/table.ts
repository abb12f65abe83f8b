import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, id, type Json, json, jsonChecks, template } from '../../db/columns'
import { type StepStatus, type StopReason, stepStatuses } from '../../runtime/types'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'
import { runs } from '../runs/table'

/** Steps (seed 000): one model call and the tool calls it asked for. `sequence_id` numbers the steps of a run from 1. */
export const steps = sqliteTable(
  'steps',
  {
    id: id('step'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id, { onDelete: 'restrict' }),
    run_id: text().references(() => runs.id, { onDelete: 'set null' }),
    agent_id: text().references(() => agents.id, { onDelete: 'cascade' }),
    project_id: text(),
    sequence_id: integer().notNull(),
    origin: text(),
    provider_id: text(),
    provider_name: text(),
    provider_category: text(),
    model: text(),
    model_handle: text(),
    model_endpoint: text(),
    context_window_limit: integer(),
    completion_tokens: integer().notNull().default(0),
    prompt_tokens: integer().notNull().default(0),
    total_tokens: integer().notNull().default(0),
    cached_input_tokens: integer(),
    cache_write_tokens: integer(),
    reasoning_tokens: integer(),
    completion_tokens_details: json<Json>(),
    prompt_tokens_details: json<Json>(),
    stop_reason: text().$type<StopReason>(),
    tags: json<string[]>().notNull().default([]),
    tid: text(),
    trace_id: text(),
    request_id: text(),
    feedback: text({ enum: ['positive', 'negative'] }),
    error_type: text(),
    error_data: json<Json>(),
    status: text({ enum: stepStatuses }).notNull().default('pending').$type<StepStatus>(),
    ...audit(),
  },
  (t) => [
    index('ix_steps_run_id').on(t.run_id),
    index('ix_steps_run_created').on(t.run_id, t.created_at, t.id),
    index('ix_steps_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_steps_agent_created').on(t.agent_id, t.created_at, t.id),
    ...jsonChecks('steps', t),
  ],
)

/** One row a step. Durations are nanoseconds, instants epoch milliseconds (the API shows nanoseconds). */
export const stepMetrics = sqliteTable(
  'step_metrics',
  {
    id: text()
      .primaryKey()
      .references(() => steps.id, { onDelete: 'cascade' }),
    organization_id: text()
      .notNull()
      .references(() => organizations.id, { onDelete: 'restrict' }),
    provider_id: text(),
    run_id: text().references(() => runs.id, { onDelete: 'set null' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    project_id: text(),
    ...template(),
    step_start_ms: integer(),
    llm_request_start_ms: integer(),
    llm_request_ns: integer(),
    tool_execution_ns: integer(),
    step_ns: integer(),
    ...audit(),
  },
  (t) => [index('ix_step_metrics_run_id').on(t.run_id), index('ix_step_metrics_agent_id').on(t.agent_id)],
)

/** What was sent to the model in one step and what came back. Bodies that a row would not hold are cut, and say so. */
export const providerTraces = sqliteTable(
  'provider_traces',
  {
    id: id('providerTrace'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    request_json: json<Json>().notNull(),
    response_json: json<Json>().notNull(),
    step_id: text().references(() => steps.id, { onDelete: 'cascade' }),
    agent_id: text().references(() => agents.id, { onDelete: 'cascade' }),
    run_id: text(),
    user_id: text(),
    agent_tags: json<string[]>(),
    call_type: text(),
    source: text(),
    compaction_settings: json<Json>(),
    llm_config: json<Json>(),
    ...audit(),
  },
  (t) => [
    index('ix_step_id').on(t.step_id),
    index('ix_provider_traces_agent_created').on(t.agent_id, t.created_at),
    ...jsonChecks('provider_traces', t),
  ],
)
