import type { Ctx } from '../../../context'
import { insertRows } from '../../../db/rows'
import { AppError } from '../../../lib/errors'
import { defaultSystemPrompts } from '../../../runtime/stock-prompts'
import { attachBlocks, newBlocks, writerOf } from '../../blocks/service'
import { attachTools, defaultToolNames, resolveTools } from '../../tools/service'
import type { AgentCreate } from '../input'
import { agents } from '../table'
import { folderStatements, linkStatements } from './links'
import { newModel } from './model'
import { randomName } from './name'
import { assertLabelsDiffer, baseToolRules, rulesWith, secretStatements, secretsIn, tagStatements } from './parts'
import { blocksByIds } from './read'
import type { AgentRow } from './state'

/** How many files an agent may have open, and how much of each it sees, by the size of its context window in tokens. */
function fileLimits(window: number): Pick<AgentRow, 'max_files_open' | 'per_file_view_window_char_limit'> {
  const [max_files_open, per_file_view_window_char_limit] =
    window <= 8_000
      ? [3, 5_000]
      : window <= 32_000
        ? [5, 15_000]
        : window <= 128_000
          ? [10, 25_000]
          : window <= 200_000
            ? [10, 40_000]
            : [15, 40_000]
  return { max_files_open, per_file_view_window_char_limit }
}

export const isLegacy = (agentType: string) => agentType !== 'letta_v1_agent'

/** The columns of a new agent. What the input leaves out has the default of its type. */
export async function newRow(ctx: Ctx, id: string, input: AgentCreate) {
  const { organization_id, user_id } = ctx.actor
  const agent_type = input.agent_type ?? 'letta_v1_agent'
  const model = await newModel(ctx, input)
  const limits = fileLimits(model.llm_config.context_window as number)
  return {
    ...model,
    id,
    organization_id,
    agent_type: agent_type as string,
    name: input.name ?? randomName(),
    description: input.description ?? null,
    system: input.system ?? defaultSystemPrompts[agent_type] ?? '',
    embedding: input.embedding ?? null,
    embedding_config: input.embedding_config ?? {},
    compaction_settings: input.compaction_settings ?? null,
    metadata: input.metadata ?? {},
    timezone: input.timezone ?? 'UTC',
    message_buffer_autoclear: input.message_buffer_autoclear ?? agent_type === 'workflow_agent',
    enable_sleeptime: input.enable_sleeptime ?? null,
    max_files_open: input.max_files_open ?? limits.max_files_open,
    per_file_view_window_char_limit: input.per_file_view_window_char_limit ?? limits.per_file_view_window_char_limit,
    // Agents that serve other agents stay out of sight.
    hidden: input.tags?.includes('role:subagent') ? true : (input.hidden ?? null),
    project_id: input.project_id ?? null,
    template_id: input.template_id ?? null,
    base_template_id: input.base_template_id ?? null,
    deployment_id: input.deployment_id ?? null,
    entity_id: input.entity_id ?? null,
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }
}

/** The tools that a new agent gets: those of its type, those by name, those by id. */
function toolsFor(ctx: Ctx, input: AgentCreate, agentType: string) {
  const { enable_sleeptime = null } = input
  const base = input.include_base_tools === false ? [] : defaultToolNames(agentType, { enable_sleeptime })
  return resolveTools(ctx, { names: [...base, ...(input.tools ?? [])], ids: input.tool_ids ?? [] })
}

function assertBlocksDiffer(input: AgentCreate): void {
  const labels = (input.memory_blocks ?? []).map((block) => block.label)
  const twice = labels.find((label, i) => labels.indexOf(label) < i)
  if (twice !== undefined)
    throw new AppError('invalid', `memory_blocks: two blocks are labelled '${twice}'. Labels are unique within an agent.`)
}

/** A block that an agent will have, by what matters about it before it is stored. */
export type PlannedBlock = { id: string; label: string }

/** What creating an agent writes, all of it in one batch. */
export interface AgentPlan {
  row: Awaited<ReturnType<typeof newRow>>
  /** Every block that it will have. */
  blocks: PlannedBlock[]
  /** Those of them that are created with it. */
  created: string[]
  statements: D1PreparedStatement[]
}

/**
 * Plans an agent with its blocks, tools, tags, identities, folders and secrets. Everything is checked here: the statements write what is
 * known to be there. `shared` are blocks that it has besides, which the same batch may create.
 */
export async function planAgent(ctx: Ctx, id: string, input: AgentCreate, shared: PlannedBlock[] = []): Promise<AgentPlan> {
  assertBlocksDiffer(input)
  const row = await newRow(ctx, id, input)
  const [attached, known, links, folders] = await Promise.all([
    toolsFor(ctx, input, row.agent_type),
    blocksByIds(ctx, [...new Set(input.block_ids ?? [])]),
    linkStatements(ctx, id, input),
    folderStatements(ctx, row, input),
  ])
  const d1 = ctx.env.DB
  const own = newBlocks(d1, writerOf(ctx), input.memory_blocks ?? [])
  const blocks = [...own.rows, ...known, ...shared]
  assertLabelsDiffer(blocks.map((block) => block.label))
  const withBaseRules = input.include_base_tool_rules ?? isLegacy(row.agent_type)
  const tool_rules = rulesWith([...(input.tool_rules ?? []), ...(withBaseRules ? baseToolRules(attached) : [])], attached)
  const { organization_id } = ctx.actor
  const idsOf = (rows: { id: string }[]) => rows.map((each) => each.id)
  return {
    row,
    blocks,
    created: idsOf(own.rows),
    statements: [
      insertRows(d1, agents, [{ ...row, tool_rules }]),
      ...own.statements,
      ...attachBlocks(d1, organization_id, id, idsOf(blocks)),
      ...attachTools(d1, organization_id, id, idsOf(attached)),
      ...tagStatements(ctx, id, input.tags ?? []),
      ...links,
      ...folders,
      ...(await secretStatements(ctx, id, secretsIn(input) ?? {})),
    ],
  }
}
