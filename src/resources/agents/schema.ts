import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'
import { ToolRule } from '../../runtime/tool-rules-schema'
import { ApprovalRequestMessage, StopReasonType } from '../../runtime/wire-schema'
import { Block, Memory } from '../blocks/schema'
import { Source } from '../folders/schema'
import { Group } from '../groups/schema'
import { Identity } from '../identities/schema'
import { Tool } from '../tools/schema'

const text = () => z.string().nullable()
const object = () => z.record(z.string(), z.unknown())

export const agentTypes = [
  'memgpt_agent',
  'memgpt_v2_agent',
  'letta_v1_agent',
  'react_agent',
  'workflow_agent',
  'split_thread_agent',
  'sleeptime_agent',
  'voice_convo_agent',
  'voice_sleeptime_agent',
] as const
export const AgentType = z.enum(agentTypes).meta({ id: 'AgentType' })

/** What a reader of agents may ask to see of their relations. */
export const agentIncludes = [
  'agent.blocks',
  'agent.identities',
  'agent.managed_group',
  'agent.pending_approval',
  'agent.secrets',
  'agent.sources',
  'agent.tags',
  'agent.tools',
] as const
export type AgentInclude = (typeof agentIncludes)[number]

/** A secret of an agent. Its value is stored encrypted and never sent. */
export const AgentSecret = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    key: z.string(),
    value: z.literal('').describe('Always empty.'),
    value_enc: z.null(),
    description: text(),
    organization_id: text(),
    created_at: text(),
    updated_at: text(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'AgentEnvironmentVariable' })
export type AgentSecret = z.output<typeof AgentSecret>

/** An agent. Relations are empty unless they were asked for with `include`; creating and updating answer with all of them. */
export const AgentState = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text(),
    agent_type: AgentType,
    system: z.string(),
    model: text(),
    model_settings: object().nullable(),
    llm_config: object().describe('Deprecated: see `model` and `model_settings`.'),
    embedding: text(),
    embedding_config: object().nullable(),
    compaction_settings: object().nullable(),
    response_format: object().nullable(),
    message_ids: z.array(z.string()).nullable().describe("The messages in the agent's own context, the system message first."),
    tool_rules: z.array(ToolRule).nullable(),
    metadata: object().nullable(),
    memory: Memory.describe('Deprecated: see `blocks`.'),
    blocks: z.array(Block),
    tools: z.array(Tool),
    sources: z.array(Source),
    tags: z.array(z.string()),
    secrets: z.array(AgentSecret),
    tool_exec_environment_variables: z.array(AgentSecret).describe('Deprecated: see `secrets`.'),
    identity_ids: z.array(z.string()).describe('Deprecated: see `identities`.'),
    identities: z.array(Identity),
    pending_approval: ApprovalRequestMessage.nullable().describe("The calls that wait in the agent's own context."),
    multi_agent_group: Group.nullable().describe('Deprecated: see `managed_group`.'),
    managed_group: Group.nullable().describe('The group that the agent leads: its sleeptime group, else its oldest.'),
    message_buffer_autoclear: z.boolean(),
    enable_sleeptime: z.boolean().nullable(),
    last_run_completion: text(),
    last_run_duration_ms: z.int().nullable(),
    last_stop_reason: StopReasonType.nullable(),
    timezone: text(),
    max_files_open: z.int().nullable(),
    per_file_view_window_char_limit: z.int().nullable(),
    hidden: z.boolean().nullable(),
    project_id: text(),
    template_id: text(),
    base_template_id: text(),
    deployment_id: text(),
    entity_id: text(),
    created_at: text(),
    updated_at: text(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'AgentState' })
export type AgentState = z.output<typeof AgentState>

export const IncludeQuery = z.object({
  include: queryList(z.enum(agentIncludes), 'Relations to fill in.'),
  include_relationships: queryList(z.string(), 'Deprecated: the same, without `agent.`.'),
})
export type IncludeQuery = z.output<typeof IncludeQuery>

const filters = {
  ids: queryList(z.string(), 'Only agents with one of these ids, hidden ones too.'),
  name: queryText('Only agents with exactly this name.'),
  tags: queryList(z.string(), 'Only agents with one of these tags.'),
  match_all_tags: queryFlag('Only agents with all of the tags.'),
  query_text: queryText('Only agents whose name contains this text, in any case.'),
  project_id: queryText('Only agents of this project.'),
  template_id: queryText('Only agents of this template.'),
  base_template_id: queryText('Only agents of this base template.'),
  identity_id: queryText('Only agents of this identity.'),
  identifier_keys: queryList(z.string(), 'Only agents of identities with one of these keys.'),
  last_stop_reason: blankAsAbsent(StopReasonType.optional()).describe('Only agents whose last run ended so.'),
  created_by_id: queryText('Only agents that this user created.'),
  show_hidden_agents: queryFlag('Also list hidden agents.'),
}
export const AgentFilters = z.object(filters)
export type AgentFilters = z.output<typeof AgentFilters>

const sortColumns = ['created_at', 'updated_at', 'last_run_completion'] as const
export const AgentQuery = pageQuery().extend({
  ...filters,
  ...IncludeQuery.shape,
  order_by: blankAsAbsent(z.enum(sortColumns).optional()).describe('Column to sort by; `created_at` unless given.'),
  sort_by: blankAsAbsent(z.enum(sortColumns).optional()).describe('Deprecated: the same as `order_by`.'),
  ascending: queryFlag('Deprecated: `true` is `order=asc`.'),
})
export type AgentQuery = z.output<typeof AgentQuery>

/** Of the agents of a block or an identity. */
export const RelatedAgentsQuery = pageQuery().extend(IncludeQuery.shape)

export const RecompileQuery = z.object({
  dry_run: queryFlag('Answer with the text and store nothing.'),
  update_timestamp: queryFlag('Accepted: the compiled text always names the time.'),
})

export const ContextQuery = z.object({ conversation_id: queryText("The conversation; the agent's own context unless given.") })

/** What the model would be sent now, and an estimate of its tokens (a quarter of the bytes). */
export const ContextWindowOverview = z
  .object({
    context_window_size_max: z.int(),
    context_window_size_current: z.int(),
    num_messages: z.int(),
    num_archival_memory: z.int(),
    num_recall_memory: z.int(),
    num_tokens_external_memory_summary: z.int(),
    external_memory_summary: z.string(),
    num_tokens_system: z.int(),
    system_prompt: z.string(),
    num_tokens_core_memory: z.int(),
    core_memory: z.string(),
    num_tokens_memory_filesystem: z.int(),
    memory_filesystem: text(),
    num_tokens_tool_usage_rules: z.int(),
    tool_usage_rules: text(),
    num_tokens_directories: z.int(),
    directories: text(),
    num_tokens_summary_memory: z.int(),
    summary_memory: text(),
    num_tokens_functions_definitions: z.int(),
    functions_definitions: z.array(z.unknown()).nullable(),
    num_tokens_messages: z.int(),
    messages: z.array(object()),
  })
  .meta({ id: 'ContextWindowOverview', description: 'Numbers of tokens are estimates: a quarter of the bytes of the text in UTF-8.' })
export type ContextWindowOverview = z.output<typeof ContextWindowOverview>
