import { index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, id, type Json, json, jsonChecks } from '../../db/columns'
import { organizations } from '../organizations/table'

export const sandboxTypes = ['local', 'e2b', 'modal'] as const

/** Where custom tools run, one configuration a kind of sandbox. */
export const sandboxConfigs = sqliteTable(
  'sandbox_configs',
  {
    id: id('sandbox'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    type: text({ enum: sandboxTypes }).notNull(),
    config: json<Json>().notNull().default({}),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_type_organization').on(t.type, t.organization_id).where(alive),
    index('ix_sandbox_configs_organization_created').on(t.organization_id, t.created_at, t.id),
    ...jsonChecks('sandbox_configs', t),
  ],
)

/** Environment variables of every tool that runs in a sandbox. Values are sealed with `ENCRYPTION_KEY`. */
export const sandboxEnvironmentVariables = sqliteTable(
  'sandbox_environment_variables',
  {
    id: id('sandboxVariable'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    sandbox_config_id: text()
      .notNull()
      .references(() => sandboxConfigs.id, { onDelete: 'cascade' }),
    key: text().notNull(),
    value_enc: text().notNull(),
    description: text(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_key_sandbox_config').on(t.key, t.sandbox_config_id).where(alive),
    index('ix_sandbox_env_config_created').on(t.sandbox_config_id, t.created_at, t.id),
  ],
)
