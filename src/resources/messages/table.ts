import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, json, jsonChecks } from '../../db/columns'
import type { Approval, ContentPart, Role, ToolCall, ToolReturn } from '../../runtime/types'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'
import { runs } from '../runs/table'
import { steps } from '../steps/table'

/**
 * Messages (seed 000). A projection: the agent's object owns the order, and `sequence_id` is dense per agent from 1.
 * `text` holds the plain text of `content`, for search.
 */
export const messages = sqliteTable(
  'messages',
  {
    id: id('message'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    conversation_id: text(),
    sequence_id: integer().notNull(),
    role: text().notNull().$type<Role>(),
    text: text(),
    content: json<ContentPart[]>().notNull().default([]),
    model: text(),
    name: text(),
    tool_calls: json<ToolCall[]>().notNull().default([]),
    tool_call_id: text(),
    tool_returns: json<ToolReturn[]>().notNull().default([]),
    step_id: text().references(() => steps.id, { onDelete: 'set null' }),
    run_id: text().references(() => runs.id, { onDelete: 'set null' }),
    otid: text(),
    group_id: text(),
    sender_id: text(),
    batch_item_id: text(),
    is_err: flag(),
    approval_request_id: text(),
    approve: flag(),
    denial_reason: text(),
    approvals: json<Approval[]>().notNull().default([]),
    ...audit(),
  },
  (t) => [
    uniqueIndex('ix_messages_agent_sequence').on(t.agent_id, t.sequence_id),
    uniqueIndex('uix_messages_agent_otid').on(t.agent_id, t.otid).where(sql`otid is not null and role = 'user'`),
    index('ix_messages_agent_created_at').on(t.agent_id, t.created_at),
    index('ix_messages_created_at').on(t.created_at, t.id),
    index('ix_messages_org_agent').on(t.organization_id, t.agent_id),
    index('ix_messages_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_messages_run_sequence').on(t.run_id, t.sequence_id),
    index('ix_messages_agent_conversation_sequence').on(t.agent_id, t.conversation_id, t.sequence_id),
    index('idx_messages_step_id').on(t.step_id, t.sequence_id),
    index('ix_messages_group_created').on(t.group_id, t.created_at, t.id).where(sql`group_id is not null`),
    index('ix_messages_batch_item_id').on(t.batch_item_id).where(sql`batch_item_id is not null`),
    ...jsonChecks('messages', t),
  ],
)
