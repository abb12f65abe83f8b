import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf } from '../../../db/repository'
import type { Row } from '../../../db/rows'
import { defaultModelSettings } from '../../../models/describe'
import type { ToolRule } from '../../../runtime/tool-rules-schema'
import { Block } from '../../blocks/schema'
import { blocksOfAgents } from '../../blocks/service'
import { fileBlocksOfAgents } from '../../files/of-agents'
import type { FileBlock } from '../../files/schema'
import { foldersOfAgents } from '../../folders/attach'
import { Source } from '../../folders/schema'
import { groupService } from '../../groups/service'
import { identityService } from '../../identities/service'
import { Tool } from '../../tools/schema'
import { toolsOfAgents } from '../../tools/service'
import type { AgentInclude, AgentSecret, AgentState, IncludeQuery } from '../schema'
import { agentSecrets, type agents, agentsTags } from '../table'
import { pendingApprovals } from './pending'

export type AgentRow = Row<typeof agents>
export type Included = ReadonlySet<AgentInclude>

/** What the deprecated `include_relationships` calls things. */
const oldNames: Record<string, AgentInclude> = {
  memory: 'agent.blocks',
  blocks: 'agent.blocks',
  tools: 'agent.tools',
  tags: 'agent.tags',
  sources: 'agent.sources',
  identities: 'agent.identities',
  secrets: 'agent.secrets',
  tool_exec_environment_variables: 'agent.secrets',
  managed_group: 'agent.managed_group',
  multi_agent_group: 'agent.managed_group',
  pending_approval: 'agent.pending_approval',
}

export const everything: Included = new Set<AgentInclude>(Object.values(oldNames))

/** The relations that a query asks for, in either of its two ways. */
export const includedBy = (query: IncludeQuery): Included =>
  new Set([...(query.include ?? []), ...(query.include_relationships ?? []).flatMap((name) => oldNames[name] ?? [])])

const grouped = <T extends { agent_id: string }>(rows: T[]): Map<string, T[]> => Map.groupBy(rows, (row) => row.agent_id)

async function tagsOf(ctx: Ctx, ids: string[]): Promise<Map<string, string[]>> {
  const rows = await ctx.db.select().from(agentsTags).where(anyOf(agentsTags.agent_id, ids))
  return new Map([...grouped(rows)].map(([id, own]) => [id, own.map((row) => row.tag).sort()]))
}

async function secretsOf(ctx: Ctx, ids: string[]): Promise<Map<string, AgentSecret[]>> {
  const rows = await ctx.db
    .select()
    .from(agentSecrets)
    .where(and(anyOf(agentSecrets.agent_id, ids), eq(agentSecrets.is_deleted, false)))
  const shown = rows
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ value_enc: _, is_deleted: _d, ...row }): AgentSecret => ({ ...row, value: '', value_enc: null }))
  return grouped(shown)
}

/** What an agent shows of one relation. */
type Part = Partial<AgentState> & { file_blocks?: FileBlock[] }

/** Reads one relation of all the agents at once, and tells what each agent shows of it. */
type Loader = (ctx: Ctx, ids: string[], rows: AgentRow[]) => Promise<(id: string) => Part>

const loaders: Partial<Record<AgentInclude, Loader>> = {
  'agent.blocks': async (ctx, ids, rows) => {
    const [found, files] = await Promise.all([blocksOfAgents(ctx, ids), fileBlocksOfAgents(ctx, rows)])
    return (id) => ({ blocks: (found.get(id) ?? []).map((block) => Block.parse(block)), file_blocks: files.get(id) ?? [] })
  },
  'agent.identities': async (ctx, ids) => {
    const found = await identityService.ofAgents(ctx, ids)
    return (id) => ({ identities: found.get(id) ?? [], identity_ids: (found.get(id) ?? []).map((identity) => identity.id) })
  },
  'agent.managed_group': async (ctx, ids) => {
    const found = await groupService.managedBy(ctx, ids)
    return (id) => ({ managed_group: found.get(id) ?? null, multi_agent_group: found.get(id) ?? null })
  },
  'agent.pending_approval': async (ctx, _, rows) => {
    const found = await pendingApprovals(ctx, rows)
    return (id) => ({ pending_approval: found.get(id) ?? null })
  },
  'agent.secrets': async (ctx, ids) => {
    const found = await secretsOf(ctx, ids)
    return (id) => ({ secrets: found.get(id) ?? [], tool_exec_environment_variables: found.get(id) ?? [] })
  },
  'agent.sources': async (ctx, ids) => {
    const found = await foldersOfAgents(ctx, ids)
    return (id) => ({ sources: (found.get(id) ?? []).map((folder) => Source.parse(folder)) })
  },
  'agent.tags': async (ctx, ids) => {
    const found = await tagsOf(ctx, ids)
    return (id) => ({ tags: found.get(id) ?? [] })
  },
  'agent.tools': async (ctx, ids) => {
    const found = await toolsOfAgents(ctx, ids)
    return (id) => ({ tools: (found.get(id) ?? []).map((tool) => Tool.parse(tool)) })
  },
}

/** Agents as the API shows them. Each relation is read once for all of them, and only when it was asked for. */
export async function statesOf(ctx: Ctx, rows: AgentRow[], included: Included): Promise<AgentState[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const parts = await Promise.all([...included].map((name) => loaders[name]?.(ctx, ids, rows)))
  return rows.map((row) => stateOf(row, Object.assign({}, ...parts.map((part) => part?.(row.id)))))
}

/** An agent with the relations that were read; the others are empty. */
function stateOf(row: AgentRow, { file_blocks = [], ...parts }: Part): AgentState {
  const { organization_id: _, is_deleted: _d, _vector_db_namespace: _v, ...shown } = row
  const agent_type = row.agent_type as AgentState['agent_type']
  return {
    ...shown,
    agent_type,
    model_settings: { ...defaultModelSettings(row.model, row.llm_config.model_endpoint_type), ...row.model_settings },
    embedding_config: Object.keys(row.embedding_config).length > 0 ? row.embedding_config : null,
    tool_rules: row.tool_rules as ToolRule[],
    memory: { agent_type, git_enabled: false, blocks: parts.blocks ?? [], file_blocks, prompt_template: '' },
    blocks: [],
    tools: [],
    tags: [],
    secrets: [],
    tool_exec_environment_variables: [],
    sources: [],
    identity_ids: [],
    identities: [],
    pending_approval: null,
    multi_agent_group: null,
    managed_group: null,
    ...parts,
  }
}
