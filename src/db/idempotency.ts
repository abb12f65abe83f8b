import { lt } from 'drizzle-orm'
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Database } from './client'
import { index, instant } from './columns'

/** First answers of POSTs that carried an `Idempotency-Key`. `status` is null while the first request is being served. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    organization_id: text().notNull(),
    key: text().notNull(),
    request_hash: text().notNull(),
    status: integer(),
    content_type: text(),
    body: text(),
    /** The body is sealed, because the answer held a secret. */
    sealed: integer({ mode: 'boolean' }).notNull().default(false),
    created_at: instant().notNull(),
    locked_until: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.organization_id, t.key] }), index('ix_idempotency_keys_created_at').on(t.created_at)],
)

/** Deletes the answers that were stored before an instant. */
export const forgetAnswers = (db: Database, before: string) =>
  db.delete(idempotencyKeys).where(lt(idempotencyKeys.created_at, before)).run()
