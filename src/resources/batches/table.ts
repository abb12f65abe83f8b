import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { jobs } from '../jobs/table'
import { organizations } from '../organizations/table'

/** What a batch job was given to do (seed 001). */
export const batches = sqliteTable(
  'llm_batch_job',
  {
    id: id('batch'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    status: text().notNull().default('created'),
    llm_provider: text().notNull(),
    create_batch_response: json<Json>().notNull().default({}),
    latest_polling_response: json<Json>(),
    last_polled_at: instant(),
    letta_batch_job_id: text()
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    ...audit(),
  },
  (t) => [
    index('ix_llm_batch_job_created_at').on(t.created_at),
    index('ix_llm_batch_job_status').on(t.status),
    index('ix_llm_batch_job_job').on(t.letta_batch_job_id),
    ...jsonChecks('llm_batch_job', t),
  ],
)

/** One request of a batch, in the order of the request: `position` counts from 0. Its answer is that of its run. */
export const batchItems = sqliteTable(
  'llm_batch_items',
  {
    id: id('batchItem'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    llm_batch_id: text()
      .notNull()
      .references(() => batches.id, { onDelete: 'cascade' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    position: integer().notNull().default(0),
    run_id: text(),
    llm_config: json<Json>().notNull().default({}),
    request_status: text().notNull().default('created'),
    step_status: text().notNull().default('paused'),
    step_state: json<Json>().notNull().default({}),
    batch_request_result: json<Json>(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_llm_batch_items_position').on(t.llm_batch_id, t.position),
    index('ix_llm_batch_items_agent_id').on(t.agent_id),
    index('ix_llm_batch_items_run_id').on(t.run_id),
    index('ix_llm_batch_items_status').on(t.request_status),
    ...jsonChecks('llm_batch_items', t),
  ],
)
