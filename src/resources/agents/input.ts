import { z } from 'zod'
import { isoText } from '../../lib/query'
import { isTimeZone } from '../../lib/time'
import { ToolRule } from '../../runtime/tool-rules-schema'
import { stopReasons } from '../../runtime/types'
import { BlockCreate } from '../blocks/schema'
import { MessageCreate } from '../messages/schema'
import { AgentType } from './schema'

const object = () => z.record(z.string(), z.unknown())
const text = () => z.string().nullish()
const flag = () => z.boolean().nullish()
const size = () => z.int().min(1).nullish()

const name = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => !/[/\\:*?"<>|\p{Cc}]/u.test(value), { error: 'must not contain any of / \\ : * ? " < > | or control characters' })

const timezone = z.string().refine(isTimeZone, { error: 'must be an IANA time zone such as Europe/Berlin' })

/** Names and values of secrets. The last of two equal names wins, as in any JSON object. */
const secrets = () => z.record(z.string().min(1).max(255), z.string().max(100_000)).nullish()

const handle = z.string().regex(/^[^/\s]+\/\S/, "must be a handle '<provider>/<model>'")

const sleeptimeText =
  'True gives the agent a sleeptime agent, which shares its blocks and is meant to tend them in the background, and a group of the two. It does not run by itself on this server yet: it works on the messages that it is sent.'

/** Fields that creating and changing an agent share. */
const shared = {
  description: text(),
  system: text().describe('System prompt. `{CORE_MEMORY}` in it marks the place of the memory; the end unless given.'),
  model: handle.nullish().meta({ example: 'loci/scripted' }),
  model_settings: object().nullish().describe('Settings of the model; what is left out has the default of its provider.'),
  context_window_limit: size().describe('Most tokens that the model is sent.'),
  embedding: text(),
  embedding_config: object().nullish(),
  compaction_settings: object().nullish(),
  response_format: object().nullish(),
  llm_config: object().nullish().describe('Deprecated: see `model`, `model_settings` and `context_window_limit`.'),
  max_tokens: size().describe('Deprecated: `model_settings.max_output_tokens`.'),
  parallel_tool_calls: flag().describe('Deprecated: `model_settings.parallel_tool_calls`.'),
  tool_rules: z.array(ToolRule).nullish(),
  tool_ids: z.array(z.string()).nullish(),
  block_ids: z.array(z.string()).nullish().describe('Blocks to attach.'),
  tags: z.array(z.string().min(1).max(255)).nullish(),
  secrets: secrets().describe('Values for tools, stored encrypted and never sent back.'),
  tool_exec_environment_variables: secrets().describe('Deprecated: see `secrets`.'),
  metadata: object().nullish(),
  timezone: timezone.nullish().meta({ example: 'Europe/Berlin' }),
  message_buffer_autoclear: flag().describe('Every request begins with the system message alone in context.'),
  enable_sleeptime: flag().describe(sleeptimeText),
  max_files_open: size(),
  per_file_view_window_char_limit: size(),
  hidden: flag(),
  project_id: text(),
  template_id: text(),
  base_template_id: text(),
  folder_ids: z.array(z.string()).nullish().describe('Folders to attach.'),
  source_ids: z.array(z.string()).nullish().describe('Deprecated: see `folder_ids`.'),
  identity_ids: z.array(z.string()).nullish().describe('Identities that the agent is for.'),
}

/** A new agent. Unknown and deprecated fields are accepted. */
export const AgentCreate = z
  .object({
    ...shared,
    name: name.nullish().describe('Need not be unique; made up unless given.'),
    agent_type: AgentType.nullish(),
    memory_blocks: z.array(BlockCreate).nullish().describe('Blocks to create with the agent. Labels are unique within an agent.'),
    tools: z.array(z.string()).nullish().describe('Names of tools to attach.'),
    include_base_tools: flag().describe('Attach the tools that the type of agent comes with; on unless false.'),
    include_base_tool_rules: flag().describe('Add the customary rules of those tools. Off for `letta_v1_agent`, on for older types.'),
    include_multi_agent_tools: z.literal(false, { error: 'tools for several agents are not served by this server yet' }).nullish(),
    initial_message_sequence: z.array(MessageCreate).nullish().describe('Messages to begin the context with, after the system message.'),
    deployment_id: text(),
    entity_id: text(),
  })
  .meta({ id: 'CreateAgentRequest' })
export type AgentCreate = z.output<typeof AgentCreate>

/** A change of an agent: fields that are absent or null stay; lists and maps replace what was there. */
export const AgentUpdate = z
  .object({
    ...shared,
    name: name.nullish(),
    message_ids: z
      .array(z.string())
      .nullish()
      .describe("Replaces the agent's own context: messages of the agent, the system message first."),
    last_run_completion: isoText('When the last run ended.').nullish(),
    last_run_duration_ms: z.int().min(0).nullish(),
    last_stop_reason: z.enum(stopReasons).nullish(),
  })
  .meta({ id: 'UpdateAgent' })
export type AgentUpdate = z.output<typeof AgentUpdate>
