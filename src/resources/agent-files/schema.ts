import { z } from 'zod'
import { queryFlag, queryText } from '../../lib/query'
import { ToolRule } from '../../runtime/tool-rules-schema'

/** The agent file as it is written: the `.af` format of the Letta API. Ids in it are names within the file, such as `agent-0`. */

const text = () => z.string().nullable()
const flag = () => z.boolean().nullable()
const count = () => z.int().nullable()
const object = () => z.record(z.string(), z.unknown())
const instant = () => z.string().meta({ format: 'date-time' })

const FileToolCall = z
  .object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) })
  .loose()
  .meta({ id: 'AgentFileToolCall' })

const FileToolReturn = z
  .object({
    tool_call_id: z.string(),
    status: z.enum(['success', 'error']),
    func_response: z.string().describe('What the model reads: JSON text of status, message and time.'),
    stdout: z.array(z.string()).nullable(),
    stderr: z.array(z.string()).nullable(),
  })
  .loose()
  .meta({ id: 'AgentFileToolReturn' })

export const FileMessage = z
  .object({
    type: z.literal('message'),
    id: z.string(),
    role: z.enum(['system', 'user', 'assistant', 'tool', 'approval', 'summary']),
    content: z.array(object()),
    name: text(),
    otid: z.null(),
    sender_id: z.null(),
    batch_item_id: z.null(),
    group_id: text(),
    model: text(),
    agent_id: z.string(),
    tool_calls: z.array(FileToolCall).nullable(),
    tool_call_id: text(),
    tool_returns: z.array(FileToolReturn),
    created_at: instant(),
    approve: flag(),
    approval_request_id: text(),
    denial_reason: text(),
    approvals: z.array(object()),
  })
  .meta({ id: 'AgentFileMessage' })
export type FileMessage = z.output<typeof FileMessage>

const FileAttachment = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    file_id: z.string(),
    source_id: z.string(),
    file_name: z.string(),
    is_open: z.boolean(),
    visible_content: text(),
    last_accessed_at: instant(),
    start_line: count(),
    end_line: count(),
  })
  .meta({ id: 'AgentFileFileAgent' })

const FileAgent = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text(),
    agent_type: z.string(),
    system: z.string(),
    memory_blocks: z.array(object()),
    tools: z.array(z.string()),
    tool_ids: z.array(z.string()),
    block_ids: z.array(z.string()),
    source_ids: z.array(z.string()),
    folder_ids: z.null(),
    group_ids: z.array(z.string()).describe('Groups that the agent manages.'),
    tool_rules: z.array(ToolRule),
    tags: z.array(z.string()),
    include_base_tools: z.literal(false),
    include_multi_agent_tools: z.literal(false),
    include_base_tool_rules: z.literal(false),
    include_default_source: z.literal(false),
    initial_message_sequence: z.null(),
    metadata: object(),
    llm_config: object(),
    model: text(),
    model_settings: object().nullable(),
    embedding_config: object().nullable(),
    embedding: text(),
    compaction_settings: object().nullable(),
    response_format: object().nullable(),
    tool_exec_environment_variables: z.record(z.string(), z.literal('')).describe('Names of the secrets. Values are never exported.'),
    secrets: z.null(),
    identity_ids: z.null(),
    message_buffer_autoclear: z.boolean(),
    enable_sleeptime: z.literal(false).describe('Told by the groups.'),
    timezone: z.string(),
    max_files_open: count(),
    per_file_view_window_char_limit: count(),
    hidden: flag(),
    project_id: z.null(),
    template_id: z.null(),
    base_template_id: z.null(),
    messages: z.array(FileMessage),
    in_context_message_ids: z.array(z.string()),
    files_agents: z.array(FileAttachment),
  })
  .meta({ id: 'AgentFileAgent' })
export type FileAgent = z.output<typeof FileAgent>

const FileBlock = z
  .object({
    id: z.string(),
    label: z.string(),
    value: z.string(),
    limit: z.int(),
    description: text(),
    read_only: z.boolean(),
    metadata: object(),
    tags: z.array(z.string()),
    hidden: flag(),
    is_template: z.boolean(),
    template_name: text(),
    preserve_on_migration: z.boolean(),
    project_id: z.null(),
    template_id: z.null(),
    base_template_id: z.null(),
    deployment_id: z.null(),
    entity_id: z.null(),
  })
  .meta({ id: 'AgentFileBlock' })

const FileTool = z
  .object({
    id: z.string(),
    name: z.string(),
    tool_type: z.string(),
    description: text(),
    tags: z.array(z.string()),
    source_type: z.string(),
    source_code: text(),
    json_schema: object(),
    args_json_schema: object(),
    return_char_limit: z.int(),
    pip_requirements: z.array(object()).nullable(),
    npm_requirements: z.array(object()).nullable(),
    default_requires_approval: flag(),
    enable_parallel_execution: z.boolean(),
    metadata_: object(),
    project_id: z.null(),
    created_by_id: z.null(),
    last_updated_by_id: z.null(),
  })
  .meta({ id: 'AgentFileTool' })

const FileSource = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text(),
    instructions: text(),
    metadata: object(),
    embedding: text(),
    embedding_chunk_size: count(),
    embedding_config: object().nullable(),
  })
  .meta({ id: 'AgentFileSource' })

const FileFile = z
  .object({
    id: z.string(),
    source_id: z.string(),
    file_name: text(),
    original_file_name: text(),
    file_path: text(),
    file_type: text(),
    file_size: count(),
    file_creation_date: text(),
    file_last_modified_date: text(),
    processing_status: z.string(),
    error_message: text(),
    total_chunks: count(),
    chunks_embedded: count(),
    content: text().describe('The text of the file.'),
  })
  .meta({ id: 'AgentFileFile' })

const FileGroup = z
  .object({
    id: z.string(),
    agent_ids: z.array(z.string()),
    description: z.string(),
    manager_config: z.looseObject({ manager_type: z.string() }),
    project_id: z.null(),
    shared_block_ids: z.array(z.string()),
    hidden: flag(),
  })
  .meta({ id: 'AgentFileGroup' })

const FileMcpServer = z
  .object({
    id: z.string(),
    server_type: z.string(),
    server_name: z.string(),
    server_url: text(),
    stdio_config: object().nullable(),
    metadata_: object(),
  })
  .meta({ id: 'AgentFileMcpServer', description: 'An MCP server without its secrets.' })

const FileSkill = z
  .object({ name: z.string().min(1), files: z.record(z.string(), z.string()).nullish(), source_url: z.string().nullish() })
  .meta({ id: 'AgentFileSkill' })

export const AgentFile = z
  .object({
    agents: z.array(FileAgent),
    groups: z.array(FileGroup),
    blocks: z.array(FileBlock),
    files: z.array(FileFile),
    sources: z.array(FileSource),
    tools: z.array(FileTool),
    mcp_servers: z.array(FileMcpServer),
    skills: z.array(FileSkill),
    metadata: z.record(z.string(), z.string()),
    created_at: instant(),
  })
  .meta({ id: 'AgentFileSchema', description: 'Agents with all that belongs to them, as one JSON document (`.af`).' })
export type AgentFile = z.output<typeof AgentFile>

const conversation = 'A conversation whose messages are exported in place of the agent’s own; `default` is the agent’s own.'

export const ExportQuery = z.object({
  conversation_id: queryText(conversation),
  scrub_messages: queryFlag('Leave out all messages.'),
  use_legacy_format: queryFlag('Deprecated: the format for one agent is read but no longer written, so `true` is refused.'),
  max_steps: queryText('Deprecated and ignored: the whole history is exported.'),
})

export const ExportRequest = z
  .object({
    skills: z.array(FileSkill).nullish().describe('Skills to put into the file as they are.'),
    conversation_id: z.string().nullish().describe(conversation),
    scrub_messages: z.boolean().nullish().describe('Leave out all messages.'),
  })
  .meta({ id: 'ExportAgentRequest' })

const word = (description: string) => z.preprocess((v) => (v === '' ? undefined : v), z.string().optional()).describe(description)

/** Secrets of a form: JSON text of names and values. */
const secretsText = (description: string) =>
  z
    .preprocess((v, ctx) => {
      if (v === undefined || v === '') return undefined
      try {
        return JSON.parse(String(v))
      } catch {
        ctx.addIssue({ code: 'custom', message: 'must be JSON: an object of names and values' })
        return z.NEVER
      }
    }, z.record(z.string().min(1).max(255), z.string().max(100_000)).optional())
    .meta({ type: 'string' })
    .describe(description)

export const ImportForm = z
  .object({
    file: z.any().optional().meta({ type: 'string', format: 'binary', description: 'The agent file.' }),
    append_copy_suffix: queryFlag('Append `_copy` to the names of the agents. On unless false, and unless `name` is given.'),
    override_existing_tools: queryFlag(
      'A tool of the same name and other code is replaced by that of the file. On unless false: then it is kept.',
    ),
    strip_messages: queryFlag('Import the agents without their messages.'),
    name: word('Name of the first agent of the file.'),
    override_name: word('Deprecated: see `name`.'),
    model: word('Handle of the model for all agents of the file.'),
    override_model_handle: word('Deprecated: see `model`.'),
    embedding: word('Handle of the embedding model for all agents and folders of the file.'),
    override_embedding_handle: word('Deprecated: see `embedding`.'),
    secrets: secretsText('Values of the secrets, as JSON text: an object of names and values.'),
    env_vars_json: secretsText('Deprecated: see `secrets`.'),
    project_id: word('Project of the agents.'),
    keep_ids: queryFlag('Ids in the file that are full ids, such as `agent-<uuid>`, become the ids of what is created.'),
  })
  .meta({ id: 'ImportAgentRequest', required: ['file'] })
export type ImportForm = z.output<typeof ImportForm>

export const ImportHeaders = z.object({
  'x-override-embedding-model': z.string().optional().describe('The same as the field `embedding`.'),
})

export const Imported = z
  .object({
    agent_ids: z.array(z.string()).describe('The new agents, in the order of the file.'),
    ids: z.record(z.string(), z.string()).describe('What each id of the file became: agents, blocks, folders, files, groups and tools.'),
    warnings: z.array(z.string()).describe('What of the file could not be taken over as it is.'),
  })
  .meta({ id: 'ImportedAgents' })
export type Imported = z.output<typeof Imported>

/** What any message of an import has; the rest is checked against `MessageInput`. */
const AnyMessage = z
  .looseObject({ id: z.string().min(1), role: z.string() })
  .meta({ id: 'AgentFileMessageInput', description: 'A message as in an agent file; what it lacks is empty.' })

export const ImportMessages = z
  .object({
    messages: z
      .array(AnyMessage)
      .max(5000)
      .describe(
        'Messages in the form of the agent file, oldest first. Their ids are names: a message of a name that was imported before is left out.',
      )
      .meta({ example: [{ id: 'message-1', role: 'user', content: 'Hello', created_at: '2025-06-01T12:00:00Z' }] }),
    conversation_id: z.string().nullish().describe("The conversation that they belong to; the agent's own context unless given."),
    in_context_message_ids: z
      .array(z.string())
      .nullish()
      .describe('The context afterwards, by the names of imported messages. The messages go to its end unless given.'),
    more: z.boolean().nullish().describe('More messages follow in another request, so calls without a return may get it there.'),
  })
  .meta({ id: 'ImportMessagesRequest' })
export type ImportMessages = z.output<typeof ImportMessages>

export const ImportedMessages = z.object({ message_ids: z.array(z.string()) }).meta({ id: 'ImportedMessages' })
