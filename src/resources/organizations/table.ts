import { sql } from 'drizzle-orm'
import { check, index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, type Json, json } from '../../db/columns'

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
  (t) => [
    index('ix_organizations_created_at').on(t.created_at, t.id),
    check('organizations_metadata_json', sql`json_valid(${t.metadata})`),
  ],
)
