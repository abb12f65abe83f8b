import { sql } from 'drizzle-orm'
import {
  type AnySQLiteColumn,
  check,
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import { audit, flag, id, type Json, json, jsonChecks, template } from '../../db/columns'
import { agents } from '../agents/table'
import { conversations } from '../conversations/table'
import { organizations } from '../organizations/table'

/** What made a version of a block. */
export const blockCauses = ['create', 'write', 'undo', 'redo', 'restore'] as const
export type BlockCause = (typeof blockCauses)[number]
export const actorTypes = ['letta_user', 'letta_agent', 'letta_system'] as const
export type ActorType = (typeof actorTypes)[number]

/** Memory blocks (seeds 000 and 001). `version` is the optimistic lock: +1 for every stored change. */
export const blocks = sqliteTable(
  'block',
  {
    id: id('block'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    project_id: text(),
    entity_id: text(),
    ...template(),
    template_name: text(),
    description: text(),
    label: text().notNull(),
    is_template: flag().notNull().default(false),
    preserve_on_migration: flag().notNull().default(false),
    value: text().notNull().default(''),
    limit: integer().notNull().default(100_000),
    metadata: json<Json>('metadata_').notNull().default({}),
    read_only: flag().notNull().default(false),
    hidden: flag(),
    // Seed 000's pointer into the history; set once the entry is there, since the entry points back.
    current_history_entry_id: text().references((): AnySQLiteColumn => blockHistory.id),
    version: integer().notNull().default(1),
    ...audit(),
  },
  (t) => [
    unique('unique_block_id_label').on(t.id, t.label),
    index('created_at_label_idx').on(t.created_at, t.label),
    index('ix_block_is_template').on(t.is_template),
    index('ix_block_hidden').on(t.hidden),
    index('ix_block_current_history_entry_id').on(t.current_history_entry_id),
    index('ix_block_org_project_template').on(t.organization_id, t.project_id, t.is_template),
    index('ix_block_organization_id_deployment_id').on(t.organization_id, t.deployment_id),
    index('ix_block_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_block_organization_label').on(t.organization_id, t.label, t.created_at, t.id),
    check('block_value_within_limit', sql`length(${t.value}) <= ${t.limit}`),
    check('block_version_positive', sql`${t.version} >= 1`),
    ...jsonChecks('block', t),
  ],
)

/**
 * Every value that a block ever held: append-only, one row a version, dense from 1.
 *
 * `state_of` is the version whose content this row shows (itself, but for undo, redo and restore), `prev_state` the version
 * that an undo of this row goes back to. `operation_key` makes a tool's edit happen once however often it is retried.
 */
export const blockHistory = sqliteTable(
  'block_history',
  {
    id: id('blockVersion'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    block_id: text()
      .notNull()
      .references(() => blocks.id, { onDelete: 'cascade' }),
    sequence_number: integer().notNull(),
    label: text().notNull(),
    description: text(),
    value: text().notNull(),
    limit: integer().notNull(),
    metadata: json<Json>('metadata_').notNull().default({}),
    read_only: flag().notNull().default(false),
    cause: text({ enum: blockCauses }).notNull(),
    state_of: integer().notNull(),
    prev_state: integer(),
    actor_type: text({ enum: actorTypes }),
    actor_id: text(),
    run_id: text(),
    operation_key: text(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('ix_block_history_block_id_sequence').on(t.block_id, t.sequence_number),
    uniqueIndex('uix_block_history_operation').on(t.block_id, t.operation_key).where(sql`operation_key is not null`),
    ...jsonChecks('block_history', t),
  ],
)

/** Which agents use which block. The label is copied so that the database keeps it unique per agent, and follows a rename. */
export const blocksAgents = sqliteTable(
  'blocks_agents',
  {
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    block_id: text().notNull(),
    block_label: text().notNull(),
    position: integer().notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.agent_id, t.block_id, t.block_label] }),
    unique('unique_label_per_agent').on(t.agent_id, t.block_label),
    unique('unique_agent_block').on(t.agent_id, t.block_id),
    foreignKey({ name: 'fk_block_id_label', columns: [t.block_id, t.block_label], foreignColumns: [blocks.id, blocks.label] })
      .onUpdate('cascade')
      .onDelete('cascade'),
    index('ix_blocks_agents_block_id').on(t.block_id, t.block_label),
    index('ix_blocks_agents_block_label_agent_id').on(t.block_label, t.agent_id),
  ],
)

/** Isolated copies (seed 002): inside the conversation each replaces the agent's block of the same label. */
export const blocksConversations = sqliteTable(
  'blocks_conversations',
  {
    conversation_id: text()
      .notNull()
      .references(() => conversations.id, { onDelete: 'cascade' }),
    block_id: text().notNull(),
    block_label: text().notNull(),
    source_block_id: text(),
    source_version: integer(),
  },
  (t) => [
    primaryKey({ columns: [t.conversation_id, t.block_id, t.block_label] }),
    unique('unique_label_per_conversation').on(t.conversation_id, t.block_label),
    unique('unique_conversation_block').on(t.conversation_id, t.block_id),
    foreignKey({ name: 'fk_conversation_block_id_label', columns: [t.block_id, t.block_label], foreignColumns: [blocks.id, blocks.label] })
      .onUpdate('cascade')
      .onDelete('cascade'),
    index('ix_blocks_conversations_block_id').on(t.block_id, t.block_label),
  ],
)

export const blocksTags = sqliteTable(
  'blocks_tags',
  {
    block_id: text()
      .notNull()
      .references(() => blocks.id, { onDelete: 'cascade' }),
    tag: text().notNull(),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
  },
  (t) => [
    primaryKey({ columns: [t.block_id, t.tag] }),
    index('ix_blocks_tags_tag_block_id').on(t.tag, t.block_id),
    index('ix_blocks_tags_organization_tag').on(t.organization_id, t.tag),
  ],
)
