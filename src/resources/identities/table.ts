import { index, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, id, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { blocks } from '../blocks/table'
import { organizations } from '../organizations/table'

export const identityTypes = ['org', 'user', 'other'] as const
export const propertyTypes = ['string', 'number', 'boolean', 'json'] as const

export interface IdentityProperty {
  key: string
  value: unknown
  type: (typeof propertyTypes)[number]
}

/**
 * Identities (seed 000): who an agent or a block is for. The key is unique within organization and project, where no project is one
 * project too; that index, over an expression, is in a hand-written migration.
 */
export const identities = sqliteTable(
  'identities',
  {
    id: id('identity'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    project_id: text(),
    identifier_key: text().notNull(),
    name: text().notNull(),
    identity_type: text({ enum: identityTypes }).notNull(),
    properties: json<IdentityProperty[]>().notNull().default([]),
    ...audit(),
  },
  (t) => [
    index('ix_identities_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_identities_organization_key').on(t.organization_id, t.identifier_key),
    ...jsonChecks('identities', t),
  ],
)

export const identitiesAgents = sqliteTable(
  'identities_agents',
  {
    identity_id: text()
      .notNull()
      .references(() => identities.id, { onDelete: 'cascade' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
  },
  (t) => [primaryKey({ columns: [t.identity_id, t.agent_id] }), index('ix_identities_agents_agent_id').on(t.agent_id)],
)

export const identitiesBlocks = sqliteTable(
  'identities_blocks',
  {
    identity_id: text()
      .notNull()
      .references(() => identities.id, { onDelete: 'cascade' }),
    block_id: text()
      .notNull()
      .references(() => blocks.id, { onDelete: 'cascade' }),
  },
  (t) => [primaryKey({ columns: [t.identity_id, t.block_id] }), index('ix_identities_blocks_block_id').on(t.block_id)],
)
