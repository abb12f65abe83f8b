import { z } from 'zod'
import { idPattern } from '../../lib/id'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { isoText, queryFlag, queryText } from '../../lib/query'

const text = () => z.string().nullable()

/** A conversation with an agent: messages of its own, and isolated copies of some of the agent's blocks. */
export const Conversation = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    summary: text(),
    description: text(),
    in_context_message_ids: z
      .array(z.string())
      .nullable()
      .describe('The messages that the model sees, the system message first. Null in lists.'),
    isolated_block_ids: z.array(z.string()),
    model: text(),
    model_settings: z.record(z.string(), z.unknown()).nullable(),
    context_window_limit: z.int().nullable(),
    archived: z.boolean(),
    archived_at: text(),
    hidden: z.boolean().nullable(),
    last_message_at: text(),
    last_run_completion: text(),
    created_at: text(),
    updated_at: text(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'Conversation' })
export type Conversation = z.output<typeof Conversation>

const shared = {
  summary: z.string().max(10_000).nullish(),
  description: z.string().max(10_000).nullish(),
  model: z.string().nullish().describe("Handle of a model to use instead of the agent's."),
  model_settings: z.record(z.string(), z.unknown()).nullish(),
  context_window_limit: z.int().min(1).nullish().describe("Most tokens that the model is sent, instead of the agent's limit."),
  hidden: z.boolean().nullish().describe('Left out of lists.'),
}

export const ConversationCreate = z
  .object({
    ...shared,
    isolated_block_labels: z
      .array(z.string())
      .nullish()
      .describe("Labels of the agent's blocks that the conversation gets copies of: edits in it stay in it."),
  })
  .meta({ id: 'CreateConversation' })
export type ConversationCreate = z.output<typeof ConversationCreate>

/** A change: fields that are absent or null stay. */
export const ConversationUpdate = z
  .object({
    ...shared,
    archived: z.boolean().nullish(),
    last_message_at: isoText('When the last message was sent.').nullish(),
  })
  .meta({ id: 'UpdateConversation' })
export type ConversationUpdate = z.output<typeof ConversationUpdate>

export const agentIdQuery = (description: string) =>
  z.object({ agent_id: blankAsAbsent(z.string().regex(idPattern('agent'), 'must be an id of an agent').optional()).describe(description) })
export const CreateConversationQuery = z.object({
  agent_id: z.string().regex(idPattern('agent'), 'must be the id of the agent, such as agent-123e4567-e89b-42d3-8456-426614174000'),
})
export const ofDefault = 'With the conversation `default`: the agent whose own context it is.'

export const ConversationQuery = pageQuery().extend({
  agent_id: queryText('Only conversations of this agent.'),
  summary_search: queryText('Only conversations whose summary contains this text, letter for letter.'),
  archive_status: blankAsAbsent(z.enum(['unarchived', 'archived', 'all']).default('unarchived')).describe('Which of them to list.'),
  show_hidden_conversations: queryFlag('Also list hidden conversations.'),
  order_by: blankAsAbsent(z.enum(['created_at', 'last_run_completion', 'last_message_at']).default('created_at')).describe(
    'Column to sort by; conversations without a value come last.',
  ),
})
export type ConversationQuery = z.output<typeof ConversationQuery>

export const ForkQuery = agentIdQuery(ofDefault).extend({
  hidden: queryFlag('The fork is left out of lists.'),
  message_id: queryText('The last message to take over; all of the context unless given.'),
})
export type ForkQuery = z.output<typeof ForkQuery>

export const RecompileConversationQuery = z.object({ dry_run: queryFlag('Answer with the text and store nothing.') })
export const RecompileConversationRequest = z
  .object({ agent_id: z.string().nullish().describe(ofDefault), compaction_settings: z.unknown().optional().describe('Ignored.') })
  .meta({ id: 'RecompileConversationRequest' })
