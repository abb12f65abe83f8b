import { z } from 'zod'
import { CompactionSettings } from '../../runtime/compaction-schema'
import { ofDefault } from '../conversations/schema'

export const CompactRequest = z
  .object({
    agent_id: z.string().nullish().describe(ofDefault),
    compaction_settings: CompactionSettings.nullish().describe('What is left out is as in the settings of the agent.'),
  })
  .meta({ id: 'CompactionRequest' })
export type CompactRequest = z.output<typeof CompactRequest>

export const CompactionResponse = z
  .object({
    summary: z.string(),
    num_messages_before: z.int().describe('Messages in context before, the system message included.'),
    num_messages_after: z.int().describe('Messages in context after: the system message, the summary, and those that were kept.'),
  })
  .meta({ id: 'CompactionResponse' })
