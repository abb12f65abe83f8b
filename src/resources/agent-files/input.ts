import { z } from 'zod'
import { codePoints } from '../../memory/operations'
import { AgentCreate } from '../agents/input'
import { BlockCreate } from '../blocks/schema'
import { managerTypes } from '../groups/table'
import { instantText, MessageInput } from './input-message'

/** An agent file as it may come: fields of later versions are ignored, whatever may be left out may be null. */

const id = z.string().min(1).max(255)
const object = z.record(z.string(), z.unknown())
const orNull = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null)
const listOf = <S extends z.ZodType>(schema: S) =>
  z
    .array(schema)
    .nullish()
    .transform((list) => list ?? [])
const text = () => orNull(z.string())

/** Names that earlier servers gave to rules. */
const oldRules: Record<string, string> = {
  InitToolRule: 'run_first',
  TerminalToolRule: 'exit_loop',
  ContinueToolRule: 'continue_loop',
  ToolRule: 'constrain_child_tools',
  ChildToolRule: 'constrain_child_tools',
  ParentToolRule: 'parent_last_tool',
  require_parent_tools: 'parent_last_tool',
  ConditionalToolRule: 'conditional',
  MaxCountPerStepToolRule: 'max_count_per_step',
}

const renamed = (rules: unknown) =>
  Array.isArray(rules) ? rules.map((rule) => ({ ...rule, type: oldRules[String(rule?.type)] ?? rule?.type })) : rules

const SecretNames = z
  .record(z.string().min(1).max(255), z.string().max(100_000).nullish())
  .nullish()
  .transform((secrets) => Object.fromEntries(Object.entries(secrets ?? {}).map(([key, value]) => [key, value ?? ''])))

const FileAttachment = z.object({
  file_id: id,
  source_id: text(),
  file_name: text(),
  is_open: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
  visible_content: text(),
  last_accessed_at: orNull(instantText()),
  start_line: orNull(z.int()),
  end_line: orNull(z.int()),
})

const AgentInput = AgentCreate.omit({
  block_ids: true,
  enable_sleeptime: true,
  folder_ids: true,
  identity_ids: true,
  include_multi_agent_tools: true,
  initial_message_sequence: true,
  secrets: true,
  source_ids: true,
  tool_exec_environment_variables: true,
  tool_ids: true,
}).extend({
  id,
  tool_rules: z.preprocess(renamed, AgentCreate.shape.tool_rules),
  tool_ids: listOf(z.string()),
  block_ids: listOf(z.string()),
  source_ids: listOf(z.string()),
  folder_ids: listOf(z.string()),
  group_ids: listOf(z.string()),
  tool_exec_environment_variables: SecretNames,
  secrets: SecretNames,
  messages: listOf(MessageInput),
  in_context_message_ids: listOf(z.string()),
  files_agents: listOf(FileAttachment),
  created_at: orNull(instantText()),
})

const BlockInput = BlockCreate.extend({ id }).superRefine((block, ctx) => {
  const [length, limit] = [codePoints(block.value ?? ''), block.limit ?? 100_000]
  if (length > limit)
    ctx.addIssue({ code: 'custom', path: ['value'], message: `has ${length} characters; the limit of the block is ${limit}` })
})

const toolName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be a function name: letters, digits, _ and -, at most 64')

const ToolInput = z.object({
  id,
  name: toolName,
  tool_type: z
    .string()
    .nullish()
    .transform((value) => value ?? 'custom'),
  description: text(),
  tags: listOf(z.string()),
  source_type: z
    .string()
    .nullish()
    .transform((value) => value ?? 'python'),
  source_code: orNull(z.string().max(1_000_000)),
  json_schema: orNull(object),
  args_json_schema: orNull(object),
  return_char_limit: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullish()
    .transform((value) => value ?? 50_000),
  pip_requirements: orNull(z.array(object)),
  npm_requirements: orNull(z.array(object)),
  default_requires_approval: orNull(z.boolean()),
  enable_parallel_execution: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  metadata_: object.nullish().transform((value) => value ?? {}),
})

const SourceInput = z.object({
  id,
  name: z.string().min(1).max(255),
  description: text(),
  instructions: text(),
  metadata: object.nullish().transform((value) => value ?? {}),
  embedding: text(),
  embedding_config: orNull(object),
})

/** Bytes of text that a file of a folder may have: one row of the database. */
export const maxContentBytes = 1_500_000
const utf8 = new TextEncoder()

const FileInput = z
  .object({
    id,
    source_id: id,
    file_name: text(),
    original_file_name: text(),
    file_path: text(),
    file_type: text(),
    file_size: orNull(z.int().min(0)),
    file_creation_date: text(),
    file_last_modified_date: text(),
    content: text(),
  })
  .superRefine(({ content }, ctx) => {
    const size = content === null || content.length * 3 <= maxContentBytes ? 0 : utf8.encode(content).length
    if (size > maxContentBytes)
      ctx.addIssue({ code: 'custom', path: ['content'], message: `is ${size} bytes; a file holds at most ${maxContentBytes}` })
  })

const ManagerConfig = z.object({
  manager_type: z.enum(managerTypes),
  manager_agent_id: text(),
  termination_token: text(),
  max_turns: orNull(z.int()),
  sleeptime_agent_frequency: orNull(z.int()),
  max_message_buffer_length: orNull(z.int()),
  min_message_buffer_length: orNull(z.int()),
})

const GroupInput = z.object({
  id,
  agent_ids: z.array(z.string()),
  description: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
  manager_config: ManagerConfig.nullish().transform((value) => value ?? ManagerConfig.parse({ manager_type: 'round_robin' })),
  project_id: text(),
  shared_block_ids: listOf(z.string()),
  hidden: orNull(z.boolean()),
})

const McpServerInput = z.object({
  id,
  server_type: z.enum(['sse', 'streamable_http', 'stdio']),
  server_name: z.string().min(1).max(255),
  server_url: text(),
  stdio_config: orNull(object),
  metadata_: object.nullish().transform((value) => value ?? {}),
})

export const AgentFileInput = z.object({
  agents: z.array(AgentInput),
  groups: listOf(GroupInput),
  blocks: listOf(BlockInput),
  files: listOf(FileInput),
  sources: listOf(SourceInput),
  tools: listOf(ToolInput),
  mcp_servers: listOf(McpServerInput),
})
export type AgentFileInput = z.output<typeof AgentFileInput>
export type AgentInput = AgentFileInput['agents'][number]
export type BlockInput = AgentFileInput['blocks'][number]
export type ToolInput = AgentFileInput['tools'][number]
