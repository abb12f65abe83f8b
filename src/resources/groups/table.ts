import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, template } from '../../db/columns'
import { agents } from '../agents/table'
import { blocks } from '../blocks/table'
import { organizations } from '../organizations/table'

export const managerTypes = ['round_robin', 'supervisor', 'dynamic', 'sleeptime', 'voice_sleeptime', 'swarm'] as const
export type ManagerType = (typeof managerTypes)[number]

/** Groups of agents (seed 000). The members, in order, are in `groups_agents`. */
export const groups = sqliteTable(
  'groups',
  {
    id: id('group'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    project_id: text(),
    ...template(),
    description: text().notNull(),
    manager_type: text({ enum: managerTypes }).notNull(),
    manager_agent_id: text().references(() => agents.id, { onDelete: 'restrict' }),
    termination_token: text(),
    max_turns: integer(),
    sleeptime_agent_frequency: integer(),
    max_message_buffer_length: integer(),
    min_message_buffer_length: integer(),
    turns_counter: integer(),
    last_processed_message_id: text(),
    hidden: flag(),
    ...audit(),
  },
  (t) => [
    index('ix_groups_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_groups_manager_agent_id').on(t.manager_agent_id),
    // However many requests ask for one at once, an agent gets one sleeptime group.
    uniqueIndex('uix_groups_sleeptime_manager')
      .on(t.manager_agent_id)
      .where(sql`is_deleted = 0 and manager_type in ('sleeptime', 'voice_sleeptime')`),
    index('ix_groups_organization_id_deployment_id').on(t.organization_id, t.deployment_id),
  ],
)

export const groupsAgents = sqliteTable(
  'groups_agents',
  {
    group_id: text()
      .notNull()
      .references(() => groups.id, { onDelete: 'cascade' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    position: integer().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.group_id, t.agent_id] }), index('ix_groups_agents_agent_id').on(t.agent_id)],
)

export const groupsBlocks = sqliteTable(
  'groups_blocks',
  {
    group_id: text()
      .notNull()
      .references(() => groups.id, { onDelete: 'cascade' }),
    block_id: text()
      .notNull()
      .references(() => blocks.id, { onDelete: 'cascade' }),
  },
  (t) => [primaryKey({ columns: [t.group_id, t.block_id] }), index('ix_groups_blocks_block_id').on(t.block_id)],
)
