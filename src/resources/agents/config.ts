import { readRow } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { AgentConfig, Block, Folder, Tool } from '../../runtime/types'
import { conversations } from '../conversations/table'
import { defaultMaxOpen, defaultViewLimit } from '../files/open'
import { agents } from './table'

const agentQuery = `
  select *, exists (select 1 from sources_agents where agent_id = ?1) as has_folders,
    (select count(*) from archives_agents l join archival_passages p on p.archive_id = l.archive_id where l.agent_id = agents.id) as archival_memories
  from agents where id = ?1 and organization_id = ?2 and is_deleted = 0`

/** The blocks of an agent in prompt order; a conversation's isolated copy stands in for the agent's block of the same label. */
const blocksQuery = `
  select b.id, b.label, b.description, b.value, b."limit", b.read_only, b.version, ba.position, ba.block_id as home
  from blocks_agents ba
  left join blocks_conversations bc on bc.conversation_id = ?2 and bc.block_label = ba.block_label
  join block b on b.id = coalesce(bc.block_id, ba.block_id)
  where ba.agent_id = ?1 and b.is_deleted = 0
  order by ba.position, ba.block_id`

const toolsQuery = `
  select t.id, t.name, t.tool_type, t.description, t.json_schema, t.source_type, t.source_code, t.return_char_limit, t.enable_parallel_execution
  from tools_agents ta join tools t on t.id = ta.tool_id
  where ta.agent_id = ?1 and t.is_deleted = 0
  order by ta.position, t.id`

const conversationQuery = 'select * from conversations where id = ?1 and agent_id = ?2 and is_deleted = 0'
const tagsQuery = 'select tag from agents_tags where agent_id = ?1 order by tag'

const foldersQuery = `
  select s.id, s.name, s.description, s.instructions
  from sources_agents sa join sources s on s.id = sa.source_id
  where sa.agent_id = ?1 and s.is_deleted = 0 order by s.name`

/** Closed files are told by name only, a bounded number of them. */
const filesQuery = `
  select source_id, file_name, is_open, substr(visible_content, 1, ?2) as visible_content, updated_at
  from files_agents where agent_id = ?1 and is_deleted = 0
  order by is_open desc, file_name limit 1000`

type Raw = Record<string, unknown>

const readTool = (row: Raw): Tool => {
  const schema = JSON.parse(row.json_schema as string) as { parameters?: Record<string, unknown> }
  return {
    id: row.id as string,
    name: row.name as string,
    tool_type: row.tool_type as string,
    description: row.description as string | null,
    parameters: schema.parameters ?? { type: 'object', properties: {} },
    source_type: row.source_type as string,
    source_code: row.source_code as string | null,
    return_char_limit: row.return_char_limit as number,
    enable_parallel_execution: row.enable_parallel_execution === 1,
  }
}

const readBlock = (row: Raw): Block => ({
  id: row.id as string,
  label: row.label as string,
  description: row.description as string | null,
  value: row.value as string,
  limit: row.limit as number,
  read_only: row.read_only === 1,
  version: row.version as number,
})

async function loadFolders(d1: D1Database, agentId: string, view: number): Promise<Folder[]> {
  const [folders, files] = await d1.batch<Raw>([d1.prepare(foldersQuery).bind(agentId), d1.prepare(filesQuery).bind(agentId, view)])
  const ofFolder = Map.groupBy(files?.results ?? [], (file) => file.source_id)
  return (folders?.results ?? []).map((row) => ({
    name: row.name as string,
    description: row.description as string | null,
    instructions: row.instructions as string | null,
    files: (ofFolder.get(row.id) ?? []).map((file) => ({
      name: file.file_name as string,
      is_open: file.is_open === 1,
      visible_content: file.visible_content as string | null,
      version: file.updated_at as number,
    })),
  }))
}

/**
 * An agent as a turn needs it, in one batch and, if it has folders, one more: its row, blocks with versions, tools, tags, and what its
 * conversation overrides. Throws `not_found` for an agent or conversation that is deleted, missing, or of another organization.
 */
export async function loadAgentConfig(
  d1: D1Database,
  of: { organization_id: string; agent_id: string; conversation_id: string | null },
): Promise<AgentConfig> {
  const { organization_id, agent_id, conversation_id } = of
  const [agentRows, blockRows, toolRows, tagRows, conversationRows] = await d1.batch<Raw>([
    d1.prepare(agentQuery).bind(agent_id, organization_id),
    d1.prepare(blocksQuery).bind(agent_id, conversation_id ?? ''),
    d1.prepare(toolsQuery).bind(agent_id),
    d1.prepare(tagsQuery).bind(agent_id),
    ...(conversation_id ? [d1.prepare(conversationQuery).bind(conversation_id, agent_id)] : []),
  ])
  const raw = agentRows?.results[0]
  if (!raw) throw notFound('Agent', agent_id)
  const agent = readRow(agents, raw)
  const rawConversation = conversationRows?.results[0]
  if (conversation_id && !rawConversation) throw notFound('Conversation', conversation_id)
  const conversation = rawConversation && readRow(conversations, rawConversation)
  const config = agent.llm_config as { context_window?: number }
  const file_limits = {
    max_open: agent.max_files_open ?? defaultMaxOpen,
    view: agent.per_file_view_window_char_limit ?? defaultViewLimit,
  }
  return {
    id: agent.id,
    organization_id,
    agent_type: agent.agent_type,
    system: agent.system,
    timezone: agent.timezone,
    model: conversation?.model ?? agent.model,
    model_settings: conversation?.model ? conversation.model_settings : agent.model_settings,
    context_window: conversation?.context_window_limit ?? config.context_window ?? 128_000,
    response_format: agent.response_format,
    compaction_settings: agent.compaction_settings,
    tool_rules: agent.tool_rules,
    message_buffer_autoclear: agent.message_buffer_autoclear,
    archival_memories: raw.archival_memories as number,
    blocks: (blockRows?.results ?? []).map(readBlock),
    tools: (toolRows?.results ?? []).map(readTool),
    tags: (tagRows?.results ?? []).map((row) => row.tag as string),
    folders: raw.has_folders ? await loadFolders(d1, agent_id, file_limits.view) : [],
    file_limits,
  }
}
