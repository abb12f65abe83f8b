import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, unique } from 'drizzle-orm/sqlite-core'
import { audit, flag, id, instant, type Json, json, jsonChecks } from '../../db/columns'
import { agents } from '../agents/table'
import { messages } from '../messages/table'
import { organizations } from '../organizations/table'

/** Conversations of an agent (seed 002). The agent's own context, called `default`, has no row here. */
export const conversations = sqliteTable(
  'conversations',
  {
    id: id('conversation'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    summary: text(),
    description: text(),
    model: text(),
    model_settings: json<Json>(),
    context_window_limit: integer(),
    last_message_at: instant(),
    last_run_completion: instant(),
    hidden: flag(),
    archived_at: instant(),
    ...audit(),
  },
  (t) => [
    index('ix_conversations_agent_id').on(t.agent_id),
    index('ix_conversations_org_agent').on(t.organization_id, t.agent_id),
    index('ix_conversations_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_conversations_agent_created').on(t.agent_id, t.created_at, t.id),
    index('ix_conversations_org_agent_last_message_at').on(t.organization_id, t.agent_id, t.last_message_at, t.id),
    index('ix_conversations_org_agent_last_run').on(t.organization_id, t.agent_id, t.last_run_completion, t.id),
    index('ix_conversations_organization_last_message_at').on(t.organization_id, t.last_message_at, t.id),
    index('ix_conversations_organization_last_run').on(t.organization_id, t.last_run_completion, t.id),
    ...jsonChecks('conversations', t),
  ],
)

/** Which messages a conversation shows, in order. A fork links the rows of the conversation it came from. */
export const conversationMessages = sqliteTable(
  'conversation_messages',
  {
    id: id('conversationMessage'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    conversation_id: text()
      .notNull()
      .references(() => conversations.id, { onDelete: 'cascade' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    message_id: text()
      .notNull()
      .references(() => messages.id, { onDelete: 'cascade' }),
    position: integer().notNull(),
    in_context: flag().notNull().default(true),
    ...audit(),
  },
  (t) => [
    unique('unique_conversation_message').on(t.conversation_id, t.message_id),
    index('ix_conv_msg_conversation_position').on(t.conversation_id, t.position),
    index('ix_conv_msg_agent_conversation').on(t.agent_id, t.conversation_id),
    index('ix_conv_msg_message_id').on(t.message_id),
    index('ix_conv_msg_in_context').on(t.conversation_id, t.position).where(sql`in_context = 1`),
  ],
)
