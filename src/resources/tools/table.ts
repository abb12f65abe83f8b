import { sql } from 'drizzle-orm'
import { check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, flag, id, type Json, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'

/** Tools (seed 000). The unique index over the project, an expression, is in the hand-written migration. Built-in tools are rows too, so that agents attach them alike. */
export const tools = sqliteTable(
  'tools',
  {
    id: id('tool'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    project_id: text(),
    name: text().notNull(),
    tool_type: text().notNull().default('custom'),
    description: text(),
    tags: json<string[]>().notNull().default([]),
    source_type: text().notNull().default('json'),
    source_code: text(),
    json_schema: json<Json>().notNull().default({}),
    args_json_schema: json<Json>().notNull().default({}),
    return_char_limit: integer().notNull().default(50_000),
    pip_requirements: json<Json[]>(),
    npm_requirements: json<Json[]>(),
    default_requires_approval: flag(),
    enable_parallel_execution: flag().notNull().default(false),
    metadata_: json<Json>().notNull().default({}),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_name_organization').on(t.name, t.organization_id).where(alive),
    index('ix_tools_created_at_name').on(t.created_at, t.name),
    index('ix_tools_organization_id').on(t.organization_id),
    index('ix_tools_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_tools_organization_name').on(t.organization_id, t.name, t.id),
    check('tools_return_char_limit', sql`${t.return_char_limit} between 1 and 1000000`),
    ...jsonChecks('tools', t),
  ],
)

export const toolsAgents = sqliteTable(
  'tools_agents',
  {
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    tool_id: text()
      .notNull()
      .references(() => tools.id, { onDelete: 'cascade' }),
    position: integer().notNull().default(0),
  },
  (t) => [primaryKey({ name: 'unique_agent_tool', columns: [t.agent_id, t.tool_id] }), index('ix_tools_agents_tool_id').on(t.tool_id)],
)
