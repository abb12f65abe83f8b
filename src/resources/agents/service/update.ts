import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { explained } from '../../../db/errors'
import { statement } from '../../../db/statement'
import { AppError } from '../../../lib/errors'
import { instantOf } from '../../../lib/query'
import { iso } from '../../../lib/time'
import type { ToolRule } from '../../../runtime/tool-rules-schema'
import { attachBlocks, blocksOfAgents, keepOnlyBlocks } from '../../blocks/service'
import { attachTools, resolveTools } from '../../tools/service'
import type { AgentUpdate } from '../input'
import { agentObject } from '../object'
import type { AgentState } from '../schema'
import { agents } from '../table'
import { discard } from './create'
import { folderStatements, linkStatements, withoutOthers } from './links'
import { changedModel } from './model'
import { assertLabelsDiffer, rulesWith, secretStatements, secretsIn, tagStatements } from './parts'
import type { AgentPlan, PlannedBlock } from './plan'
import { blocksByIds, getAgent, rows } from './read'
import { isServed, planSleeptime } from './sleeptime'
import type { AgentRow } from './state'

/** Fields that are stored as they are sent. */
const plain = [
  'name',
  'description',
  'system',
  'embedding',
  'embedding_config',
  'metadata',
  'timezone',
  'message_buffer_autoclear',
  'enable_sleeptime',
  'max_files_open',
  'per_file_view_window_char_limit',
  'hidden',
  'project_id',
  'template_id',
  'base_template_id',
  'last_run_duration_ms',
  'last_stop_reason',
] as const satisfies (keyof AgentUpdate & keyof AgentRow)[]

const modelFields = [
  'model',
  'model_settings',
  'llm_config',
  'context_window_limit',
  'max_tokens',
  'parallel_tool_calls',
  'response_format',
] as const satisfies (keyof AgentUpdate)[]

/** The columns that a change sets. Null and absent both mean "as it is". */
async function changesOf(ctx: Ctx, before: AgentRow, input: AgentUpdate): Promise<Partial<AgentRow>> {
  const { compaction_settings, last_run_completion } = input
  return {
    ...Object.fromEntries(plain.flatMap((key) => (input[key] == null ? [] : [[key, input[key]]]))),
    ...(modelFields.some((key) => input[key] != null) ? await changedModel(ctx, before, input) : {}),
    ...(compaction_settings ? { compaction_settings: { ...before.compaction_settings, ...compaction_settings } } : {}),
    ...(last_run_completion ? { last_run_completion: iso(instantOf(last_run_completion)) } : {}),
  }
}

/** Statements that make sets of an agent exactly what was sent: first what goes, then what comes. */
async function replacements(ctx: Ctx, agent: AgentRow, input: AgentUpdate, toolIds: string[] | null): Promise<D1PreparedStatement[]> {
  const d1 = ctx.env.DB
  const { id } = agent
  const { organization_id } = ctx.actor
  const { block_ids, tags } = input
  const secrets = secretsIn(input)
  return [
    ...(block_ids ? [...keepOnlyBlocks(d1, organization_id, id, block_ids), ...attachBlocks(d1, organization_id, id, block_ids)] : []),
    ...(toolIds ? [withoutOthers(d1, 'tools_agents', 'tool_id', id, toolIds), ...attachTools(d1, organization_id, id, toolIds)] : []),
    ...(tags ? [withoutOthers(d1, 'agents_tags', 'tag', id, []), ...tagStatements(ctx, id, tags)] : []),
    ...(await linkStatements(ctx, id, input)),
    ...(await folderStatements(ctx, agent, input)),
    ...(secrets ? [withoutOthers(d1, 'agent_environment_variables', 'key', id, []), ...(await secretStatements(ctx, id, secrets))] : []),
  ]
}

/** The sleeptime agent that a change gives an agent: null when it asks for none, or the agent has one. */
async function sleeptimeFor(ctx: Ctx, agent: AgentRow, input: AgentUpdate, blocks: PlannedBlock[] | null): Promise<AgentPlan | null> {
  if (!input.enable_sleeptime || (await isServed(ctx, agent.id))) return null
  return planSleeptime(ctx, agent, blocks ?? (await blocksOfAgents(ctx, [agent.id])).get(agent.id) ?? [])
}

/** What a broken constraint of a change means. */
const taken = ({ kind, text }: { kind: string; text: string }) => {
  if (kind !== 'unique') return undefined
  if (text.includes('groups')) {
    const detail = 'Another request is giving the agent a sleeptime agent. Nothing was changed; try again.'
    return new AppError('conflict', detail, { code: 'busy', headers: { 'x-should-retry': 'true', 'retry-after': '1' } })
  }
  const detail = 'Two blocks of the agent would share a label. Labels are unique within an agent: read its blocks and try again.'
  return new AppError('conflict', detail, { code: 'label_taken' })
}

/**
 * Changes an agent in one batch: fields that are absent or null stay, `tool_ids`, `block_ids`, `identity_ids`, `folder_ids`, `tags` and secrets
 * replace what was there, `message_ids` replace its own context, `enable_sleeptime` gives it a sleeptime agent. Everything is checked before anything is written.
 */
export async function updateAgent(ctx: Ctx, id: string, input: AgentUpdate): Promise<AgentState> {
  const before = await rows.get(ctx, id)
  const changes = await changesOf(ctx, before, input)
  const [attached, blocks] = await Promise.all([
    input.tool_ids ? resolveTools(ctx, { ids: input.tool_ids }) : null,
    input.block_ids ? blocksByIds(ctx, [...new Set(input.block_ids)]) : null,
  ])
  if (blocks) assertLabelsDiffer(blocks.map((block) => block.label))
  if (input.tool_rules || attached) changes.tool_rules = rulesWith(input.tool_rules ?? (before.tool_rules as ToolRule[]), attached ?? [])
  const after = { ...before, ...changes }
  const servant = await sleeptimeFor(ctx, after, input, blocks)
  const replaced = await replacements(ctx, after, input, attached?.map((tool) => tool.id) ?? null)
  if (input.message_ids) await agentObject(ctx, id).setContext(input.message_ids)
  const d1 = ctx.env.DB
  const set = { ...changes, last_updated_by_id: ctx.actor.user_id }
  const head = ctx.db
    .update(agents)
    .set(set)
    .where(and(rows.owned(ctx), eq(agents.id, id)))
  await explained(() => d1.batch([statement(d1, head), ...replaced, ...(servant?.statements ?? [])]), taken)
  if (servant) await openServant(ctx, before, servant)
  return getAgent(ctx, id)
}

/** Opens a new sleeptime agent; when its object refuses, it is taken back. */
async function openServant(ctx: Ctx, { id, enable_sleeptime }: AgentRow, servant: AgentPlan): Promise<void> {
  try {
    await agentObject(ctx, servant.row.id).open(null)
  } catch (error) {
    await discard(ctx, [servant])
    await rows.update(ctx, id, { enable_sleeptime })
    throw error
  }
}
