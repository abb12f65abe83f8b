import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { organizations } from '../organizations/table'
import { users } from '../users/table'

export const jobStates = ['created', 'running', 'completed', 'failed', 'pending', 'cancelled', 'expired'] as const
export const jobTypes = ['job', 'run', 'batch'] as const

/** Jobs (seed 001): long work that is not a run, such as a batch. */
export const jobs = sqliteTable(
  'jobs',
  {
    id: id('job'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    user_id: text()
      .notNull()
      .references(() => users.id),
    status: text({ enum: jobStates }).notNull().default('created'),
    completed_at: instant(),
    stop_reason: text(),
    background: flag(),
    metadata: json<Json>('metadata_').notNull().default({}),
    job_type: text({ enum: jobTypes }).notNull().default('job'),
    request_config: json<Json>(),
    callback_url: text(),
    callback_sent_at: instant(),
    callback_status_code: integer(),
    callback_error: text(),
    ttft_ns: integer(),
    total_duration_ns: integer(),
    ...audit(),
  },
  (t) => [
    index('ix_jobs_user_id').on(t.user_id),
    index('ix_jobs_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_jobs_organization_type_created').on(t.organization_id, t.job_type, t.created_at, t.id),
    ...jsonChecks('jobs', t),
  ],
)
