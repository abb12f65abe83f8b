import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, id } from '../../db/columns'
import { organizations } from '../organizations/table'

export const users = sqliteTable(
  'users',
  {
    id: id('user'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    name: text().notNull(),
    email: text(),
    ...audit(),
  },
  (t) => [index('ix_users_organization_created').on(t.organization_id, t.created_at, t.id)],
)
