import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, type Json, json, jsonChecks } from '../../db/columns'

export const organizations = sqliteTable(
  'organizations',
  {
    id: id('organization'),
    name: text().notNull(),
    description: text(),
    metadata: json<Json>('metadata_').notNull().default({}),
    privileged_tools: flag().notNull().default(false),
    ...audit(),
  },
  (t) => [index('ix_organizations_created_at').on(t.created_at, t.id), ...jsonChecks('organizations', t)],
)
