import type { Ctx } from '../../../context'
import { AppError } from '../../../lib/errors'
import { iso } from '../../../lib/time'
import { resolveConversation } from '../../conversations/service'
import { writeMessage } from '../message'
import type { AgentFile, FileAgent } from '../schema'
import { type AgentRow, type Gathered, gather } from './gather'
import { FileNames } from './names'
import { contentOf, contextIds, storedMessages } from './stored'

/** What the format's own server compares: the revision of the database that wrote the file. */
const revision = 'loci-1'

export interface ExportOptions {
  conversation_id?: string | null | undefined
  scrub_messages?: boolean | null | undefined
  use_legacy_format?: boolean | undefined
  skills?: AgentFile['skills'] | null | undefined
}

type Head = Omit<FileAgent, 'messages' | 'in_context_message_ids'>
type Tool = Gathered['tools'] extends Map<string, (infer T)[]> ? T : never

/** An agent but for its messages. */
function headOf(names: FileNames, all: Gathered, row: AgentRow): Head {
  const { id, metadata, model_settings, compaction_settings, response_format, llm_config, embedding_config } = row
  const agent = names.of('agent', id)
  const named = (kind: string, ids: string[]) => ids.map((each) => names.of(kind, each))
  return {
    id: agent,
    name: row.name,
    description: row.description,
    agent_type: row.agent_type,
    system: row.system,
    memory_blocks: [],
    tools: [],
    tool_ids: named(
      'tool',
      (all.tools.get(id) ?? []).map((tool) => tool.id),
    ),
    block_ids: named(
      'block',
      (all.blocks.get(id) ?? []).map((block) => block.id),
    ),
    source_ids: named('source', all.folderIds.get(id) ?? []),
    folder_ids: null,
    group_ids: named(
      'group',
      all.groups.filter((group) => group.manager_agent_id === id).map((group) => group.id),
    ),
    tool_rules: row.tool_rules as FileAgent['tool_rules'],
    tags: (all.tags.get(id) ?? []).sort(),
    include_base_tools: false,
    include_multi_agent_tools: false,
    include_base_tool_rules: false,
    include_default_source: false,
    initial_message_sequence: null,
    metadata,
    llm_config,
    model: row.model,
    model_settings,
    embedding_config: Object.keys(embedding_config).length > 0 ? embedding_config : null,
    embedding: row.embedding,
    compaction_settings,
    response_format,
    tool_exec_environment_variables: Object.fromEntries((all.secrets.get(id) ?? []).sort().map((key) => [key, ''] as const)),
    secrets: null,
    identity_ids: null,
    message_buffer_autoclear: row.message_buffer_autoclear,
    enable_sleeptime: false,
    timezone: row.timezone,
    max_files_open: row.max_files_open,
    per_file_view_window_char_limit: row.per_file_view_window_char_limit,
    hidden: row.hidden,
    project_id: null,
    template_id: null,
    base_template_id: null,
    files_agents: (all.attachments.get(id) ?? []).map((each) => ({
      id: names.next('file_agent'),
      agent_id: agent,
      file_id: names.of('file', each.file_id),
      source_id: names.of('source', each.source_id),
      file_name: each.file_name,
      is_open: each.is_open,
      visible_content: each.visible_content,
      last_accessed_at: each.last_accessed_at,
      start_line: each.start_line,
      end_line: each.end_line,
    })),
  }
}

const unowned = { project_id: null, template_id: null, base_template_id: null, deployment_id: null, entity_id: null }

function blocksOf(names: FileNames, all: Gathered): AgentFile['blocks'] {
  const rows = [...[...all.blocks.values()].flat(), ...all.sharedBlocks]
  return [...new Map(rows.map((row) => [row.id, row])).values()].map(({ id, label, value, limit, description, ...row }) => ({
    ...unowned,
    id: names.of('block', id),
    label,
    value,
    limit,
    description,
    read_only: row.read_only,
    metadata: row.metadata,
    tags: row.tags,
    hidden: row.hidden,
    is_template: row.is_template,
    template_name: row.template_name,
    preserve_on_migration: row.preserve_on_migration,
  }))
}

/** A tool's metadata with the server that it came from as the file calls it. */
function metadataOf(names: FileNames, all: Gathered, tool: Tool): Record<string, unknown> {
  const server = all.servers.find((each) => each.id === all.serverOfTool.get(tool.id))
  if (!server) return tool.metadata_
  const mcp = {
    ...(tool.metadata_.mcp as object | undefined),
    server_id: names.of('mcp_server', server.id),
    server_name: server.server_name,
  }
  return { ...tool.metadata_, mcp }
}

function toolsOf(names: FileNames, all: Gathered): AgentFile['tools'] {
  const rows = new Map([...all.tools.values()].flat().map((tool) => [tool.id, tool]))
  return [...rows.values()].map((tool) => ({
    id: names.of('tool', tool.id),
    name: tool.name,
    tool_type: tool.tool_type,
    description: tool.description,
    tags: tool.tags,
    source_type: tool.source_type,
    source_code: tool.source_code,
    json_schema: tool.json_schema,
    args_json_schema: tool.args_json_schema,
    return_char_limit: tool.return_char_limit,
    pip_requirements: tool.pip_requirements,
    npm_requirements: tool.npm_requirements,
    default_requires_approval: tool.default_requires_approval,
    enable_parallel_execution: tool.enable_parallel_execution,
    metadata_: metadataOf(names, all, tool),
    project_id: null,
    created_by_id: null,
    last_updated_by_id: null,
  }))
}

/** Sealed columns are not among these, and what a command gets in its environment is left out. */
const serversOf = (names: FileNames, all: Gathered): AgentFile['mcp_servers'] =>
  all.servers.map(({ id, server_type, server_name, server_url, stdio_config, metadata }) => {
    const { env: _, ...stdio } = stdio_config ?? {}
    return {
      id: names.of('mcp_server', id),
      server_type,
      server_name,
      server_url,
      stdio_config: stdio_config && stdio,
      metadata_: metadata,
    }
  })

const sourcesOf = (names: FileNames, all: Gathered): AgentFile['sources'] =>
  all.folders.map(({ id, name, description, instructions, metadata, embedding, embedding_config }) => ({
    id: names.of('source', id),
    name,
    description,
    instructions,
    metadata,
    embedding,
    embedding_chunk_size: null,
    embedding_config: Object.keys(embedding_config).length > 0 ? embedding_config : null,
  }))

const groupsOf = (names: FileNames, all: Gathered): AgentFile['groups'] =>
  all.groups.map((group) => {
    const { manager_type, max_turns, termination_token, sleeptime_agent_frequency } = group
    const manager_agent_id = names.of('agent', group.manager_agent_id ?? '')
    const { max_message_buffer_length, min_message_buffer_length } = group
    const specific = {
      round_robin: { max_turns },
      supervisor: { manager_agent_id },
      dynamic: { manager_agent_id, termination_token, max_turns },
      sleeptime: { manager_agent_id, sleeptime_agent_frequency },
      voice_sleeptime: { manager_agent_id, max_message_buffer_length, min_message_buffer_length },
      swarm: { manager_agent_id },
    }[manager_type]
    return {
      id: names.of('group', group.id),
      agent_ids: group.agent_ids.map((id) => names.of('agent', id)),
      description: group.description,
      manager_config: { manager_type, ...specific },
      project_id: null,
      shared_block_ids: group.block_ids.map((id) => names.of('block', id)),
      hidden: group.hidden,
    }
  })

function fileOf(names: FileNames, row: Gathered['files'][number], content: string | null): AgentFile['files'][number] {
  const { file_name, original_file_name, file_path, file_type, file_size, file_creation_date, file_last_modified_date } = row
  const { processing_status, error_message, total_chunks, chunks_embedded } = row
  return {
    id: names.of('file', row.id),
    source_id: names.of('source', row.source_id),
    ...{ file_name, original_file_name, file_path, file_type, file_size, file_creation_date, file_last_modified_date },
    ...{ processing_status, error_message, total_chunks, chunks_embedded, content },
  }
}

/** The messages of an agent as JSON, page by page, and the names of those in context at the end. */
async function* messagesOf(ctx: Ctx, names: FileNames, row: AgentRow, conversation: string | null): AsyncGenerator<string> {
  const inContext = await contextIds(ctx, row.message_ids, conversation)
  const wanted = new Set(inContext)
  const agent = names.of('agent', row.id)
  const context = new Map<string, string>()
  let request: string | null = null
  let comma = ''
  yield ',"messages":['
  for await (const page of storedMessages(ctx, row.id, conversation)) {
    const written = page.map((message) => {
      const name = names.next('message')
      if (wanted.has(message.id)) context.set(message.id, name)
      const [group = null] = message.group_id ? names.known([message.group_id]) : []
      const text = JSON.stringify(writeMessage(message, { agent, message: name, group, request }, row.timezone))
      if (message.tool_calls.length > 0) request = name
      return text
    })
    yield comma + written.join(',')
    comma = ','
  }
  yield `],"in_context_message_ids":${JSON.stringify(inContext.flatMap((id) => context.get(id) ?? []))}}`
}

/** The file as JSON, piece by piece: only one page of messages or one file is held at a time. */
async function* pieces(ctx: Ctx, all: Gathered, conversation: string | null, options: ExportOptions): AsyncGenerator<string> {
  const names = new FileNames()
  // Names are given in the order of the file, so agents and groups come first.
  for (const { id } of all.agents) names.of('agent', id)
  for (const { id } of all.groups) names.of('group', id)
  yield '{"agents":['
  for (const [i, row] of all.agents.entries()) {
    yield (i > 0 ? ',' : '') + JSON.stringify(headOf(names, all, row)).slice(0, -1)
    if (options.scrub_messages) yield ',"messages":[],"in_context_message_ids":[]}'
    else yield* messagesOf(ctx, names, row, i === 0 ? conversation : null)
  }
  const rest = {
    groups: groupsOf(names, all),
    blocks: blocksOf(names, all),
    sources: sourcesOf(names, all),
    tools: toolsOf(names, all),
    mcp_servers: serversOf(names, all),
    skills: options.skills ?? [],
    metadata: { revision_id: revision },
    created_at: iso(Date.now()),
  }
  yield `],${JSON.stringify(rest).slice(1, -1)},"files":[`
  for (const [i, row] of all.files.entries()) yield (i > 0 ? ',' : '') + JSON.stringify(fileOf(names, row, await contentOf(ctx, row.id)))
  yield ']}'
}

/**
 * An agent as a file: with the agents of the groups that it manages, their blocks, tools, folders, and messages; without secrets. What can
 * fail is read before the first byte. Throws 404 for an agent or conversation that is not there.
 */
export async function exportAgent(ctx: Ctx, agentId: string, options: ExportOptions): Promise<ReadableStream<Uint8Array>> {
  if (options.use_legacy_format)
    throw new AppError(
      'bad_request',
      'use_legacy_format: the format for one agent is no longer written. Leave it out: the current format is read wherever the older one is.',
    )
  const all = await gather(ctx, agentId)
  const { conversation_id } = options.conversation_id
    ? await resolveConversation(ctx, options.conversation_id, agentId)
    : { conversation_id: null }
  const text = pieces(ctx, all, conversation_id, options)
  const utf8 = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await text.next()
      if (done) controller.close()
      else controller.enqueue(utf8.encode(value))
    },
    async cancel() {
      await text.return(undefined)
    },
  })
}
