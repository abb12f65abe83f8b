import { index, primaryKey, sqliteTable, text, unique } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'

/** Archives (seed 001): named collections of passages. An archive without an embedding configuration is searched by text alone. */
export const archives = sqliteTable(
  'archives',
  {
    id: id('archive'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    name: text().notNull(),
    description: text(),
    vector_db_provider: text().notNull().default('native'),
    embedding: text(),
    embedding_config: json<Json>(),
    metadata: json<Json>('metadata_').notNull().default({}),
    _vector_db_namespace: text(),
    ...audit(),
  },
  (t) => [
    index('ix_archives_created_at').on(t.created_at, t.id),
    index('ix_archives_organization_id').on(t.organization_id),
    index('ix_archives_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_archives_organization_name').on(t.organization_id, t.name, t.created_at, t.id),
    ...jsonChecks('archives', t),
  ],
)

/** The archive of an agent: at most one. `is_owner` marks the archive that was made for the agent on its first passage. */
export const archivesAgents = sqliteTable(
  'archives_agents',
  {
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    archive_id: text()
      .notNull()
      .references(() => archives.id, { onDelete: 'cascade' }),
    created_at: instant()
      .notNull()
      .$defaultFn(() => new Date().toISOString()),
    is_owner: flag().notNull().default(false),
  },
  (t) => [
    primaryKey({ columns: [t.agent_id, t.archive_id] }),
    unique('unique_agent_archive').on(t.agent_id),
    index('ix_archives_agents_archive_id').on(t.archive_id),
  ],
)
