import type { Ctx } from '../../../context'
import { createOnce } from '../../../db/once'
import { insertRows } from '../../../db/rows'
import { AppError } from '../../../lib/errors'
import { defaultSystemPrompts } from '../../../runtime/stock-prompts'
import type { InputMessage } from '../../../runtime/types'
import { attachBlocks, newBlocks, writerOf } from '../../blocks/service'
import { inputMessage } from '../../messages/service/request'
import { attachTools, defaultToolNames, resolveTools } from '../../tools/service'
import type { AgentCreate } from '../input'
import { agentObject } from '../object'
import type { AgentState } from '../schema'
import { agents } from '../table'
import { newModel } from './model'
import { randomName } from './name'
import { assertLabelsDiffer, baseToolRules, rulesWith, secretStatements, secretsIn, tagStatements } from './parts'
import { blocksByIds, getAgent } from './read'
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
export function newRow(ctx: Ctx, id: string, input: AgentCreate): Partial<AgentRow> & { id: string; agent_type: string } {
  const { organization_id, user_id } = ctx.actor
  const agent_type = input.agent_type ?? 'letta_v1_agent'
  const model = newModel(ctx.config, input)
  const limits = fileLimits(model.llm_config.context_window as number)
  return {
    ...model,
    id,
    organization_id,
    agent_type,
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

/** Takes back an agent that its object could not open: nothing of it stays. */
async function discard(ctx: Ctx, id: string, blockIds: string[]): Promise<void> {
  const d1 = ctx.env.DB
  await d1.batch([
    d1.prepare('delete from block where id in (select value from json_each(?1))').bind(JSON.stringify(blockIds)),
    d1.prepare('delete from agents where id = ?1').bind(id),
  ])
}

/**
 * Creates an agent with its blocks, tools, tags and secrets in one batch, then lets its object compile the system message. Either all of
 * it is there afterwards, or nothing.
 */
export function createAgent(ctx: Ctx, input: AgentCreate): Promise<AgentState> {
  const initial = (input.initial_message_sequence ?? []).map(inputMessage)
  const finish = async (id: string) => {
    await getAgent(ctx, id)
    await agentObject(ctx, id).open(null, initial)
    return getAgent(ctx, id)
  }
  return createOnce(ctx, 'agent', (id) => make(ctx, id, input, initial), finish)
}

async function make(ctx: Ctx, id: string, input: AgentCreate, initial: InputMessage[]): Promise<AgentState> {
  assertBlocksDiffer(input)
  const row = newRow(ctx, id, input)
  const [attached, known] = await Promise.all([toolsFor(ctx, input, row.agent_type), blocksByIds(ctx, [...new Set(input.block_ids ?? [])])])
  const d1 = ctx.env.DB
  const blocks = newBlocks(d1, writerOf(ctx), input.memory_blocks ?? [])
  assertLabelsDiffer([...blocks.rows, ...known].map((block) => block.label))
  const withBaseRules = input.include_base_tool_rules ?? isLegacy(row.agent_type)
  row.tool_rules = rulesWith([...(input.tool_rules ?? []), ...(withBaseRules ? baseToolRules(attached) : [])], attached)
  const { organization_id } = ctx.actor
  const attach = [...blocks.rows, ...known].map((block) => block.id)
  await d1.batch([
    insertRows(d1, agents, [row]),
    ...blocks.statements,
    ...attachBlocks(d1, organization_id, row.id, attach),
    ...attachTools(
      d1,
      organization_id,
      row.id,
      attached.map((tool) => tool.id),
    ),
    ...tagStatements(ctx, row.id, input.tags ?? []),
    ...(await secretStatements(ctx, row.id, secretsIn(input) ?? {})),
  ])
  try {
    await agentObject(ctx, row.id).open(null, initial)
  } catch (error) {
    await discard(
      ctx,
      row.id,
      blocks.rows.map((block) => block.id),
    )
    throw error
  }
  return getAgent(ctx, row.id)
}
