import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, instant, type Json, json, jsonChecks, template } from '../../db/columns'
import type { ToolRule } from '../../runtime/tool-rules-schema'
import type { StopReason } from '../../runtime/types'
import { organizations } from '../organizations/table'

/** Agents (seed 000). `llm_config` and `model_settings` are kept as the client sent them; `message_ids` is a projection of the agent's object. */
export const agents = sqliteTable(
  'agents',
  {
    id: id('agent'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    project_id: text(),
    entity_id: text(),
    ...template(),
    agent_type: text().notNull().default('letta_v1_agent'),
    name: text().notNull(),
    description: text(),
    system: text().notNull(),
    message_ids: json<string[]>().notNull().default([]),
    response_format: json<Json>(),
    metadata: json<Json>('metadata_').notNull().default({}),
    model: text().notNull(),
    embedding: text(),
    model_settings: json<Json>(),
    llm_config: json<Json>().notNull(),
    embedding_config: json<Json>().notNull().default({}),
    compaction_settings: json<Json>(),
    tool_rules: json<ToolRule[]>().notNull().default([]),
    message_buffer_autoclear: flag().notNull().default(false),
    enable_sleeptime: flag(),
    last_run_completion: instant(),
    last_run_duration_ms: integer(),
    last_stop_reason: text().$type<StopReason>(),
    timezone: text().notNull().default('UTC'),
    max_files_open: integer(),
    per_file_view_window_char_limit: integer(),
    hidden: flag(),
    _vector_db_namespace: text(),
    ...audit(),
  },
  (t) => [
    index('ix_agents_created_at').on(t.created_at, t.id),
    index('ix_agents_organization_id_deployment_id').on(t.organization_id, t.deployment_id),
    index('ix_agents_project_id').on(t.project_id),
    index('ix_agents_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_agents_organization_updated').on(t.organization_id, t.updated_at, t.id),
    index('ix_agents_organization_last_run').on(t.organization_id, t.last_run_completion, t.id),
    index('ix_agents_organization_name').on(t.organization_id, t.name),
    ...jsonChecks('agents', t),
  ],
)

export const agentsTags = sqliteTable(
  'agents_tags',
  {
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    tag: text().notNull(),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
  },
  (t) => [
    primaryKey({ columns: [t.agent_id, t.tag] }),
    index('ix_agents_tags_tag_agent_id').on(t.tag, t.agent_id),
    index('ix_agents_tags_organization_tag').on(t.organization_id, t.tag),
  ],
)

/** Secrets of an agent. `value_enc` is sealed with `ENCRYPTION_KEY`; the plain value is never stored and never returned. */
export const agentSecrets = sqliteTable(
  'agent_environment_variables',
  {
    id: id('agentSecret'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    key: text().notNull(),
    value_enc: text().notNull(),
    description: text(),
    ...audit(),
  },
  (t) => [uniqueIndex('uix_key_agent').on(t.key, t.agent_id), index('idx_agent_environment_variables_agent_id').on(t.agent_id)],
)
