import { index, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'

/** Folders, which the API calls sources too (seed 000): named collections of files. Their ids begin with `source-`. */
export const folders = sqliteTable(
  'sources',
  {
    id: id('source'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    name: text().notNull(),
    description: text(),
    instructions: text(),
    embedding: text(),
    embedding_config: json<Json>().notNull().default({}),
    metadata: json<Json>('metadata_').notNull().default({}),
    vector_db_provider: text().notNull().default('native'),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uq_source_name_organization').on(t.name, t.organization_id).where(alive),
    index('source_created_at_id_idx').on(t.created_at, t.id),
    index('ix_sources_organization_created').on(t.organization_id, t.created_at, t.id),
    ...jsonChecks('sources', t),
  ],
)

export const foldersAgents = sqliteTable(
  'sources_agents',
  {
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    source_id: text()
      .notNull()
      .references(() => folders.id, { onDelete: 'cascade' }),
    created_at: instant()
      .notNull()
      .$defaultFn(() => new Date().toISOString()),
  },
  (t) => [primaryKey({ columns: [t.agent_id, t.source_id] }), index('ix_sources_agents_source_id').on(t.source_id, t.agent_id)],
)
