import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { explained } from '../../../db/errors'
import { statement } from '../../../db/statement'
import { AppError } from '../../../lib/errors'
import { instantOf } from '../../../lib/query'
import { iso } from '../../../lib/time'
import type { ToolRule } from '../../../runtime/tool-rules-schema'
import { attachBlocks } from '../../blocks/service'
import { attachTools, resolveTools } from '../../tools/service'
import type { AgentUpdate } from '../input'
import { agentObject } from '../object'
import type { AgentState } from '../schema'
import { agents } from '../table'
import { changedModel } from './model'
import { assertLabelsDiffer, rulesWith, secretStatements, secretsIn, tagStatements } from './parts'
import { blocksByIds, getAgent, rows } from './read'
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

/** `delete … where agent_id = ? and <column> not in (…)`: what a replaced set no longer has. */
const withoutOthers = (d1: D1Database, table: string, column: string, agentId: string, keep: readonly string[]) =>
  d1
    .prepare(`delete from ${table} where agent_id = ?1 and ${column} not in (select value from json_each(?2))`)
    .bind(agentId, JSON.stringify(keep))

/** Statements that make sets of an agent exactly what was sent: first what goes, then what comes. */
async function replacements(ctx: Ctx, id: string, input: AgentUpdate, toolIds: string[] | null): Promise<D1PreparedStatement[]> {
  const d1 = ctx.env.DB
  const { organization_id } = ctx.actor
  const { block_ids, tags } = input
  const secrets = secretsIn(input)
  return [
    ...(block_ids
      ? [withoutOthers(d1, 'blocks_agents', 'block_id', id, block_ids), ...attachBlocks(d1, organization_id, id, block_ids)]
      : []),
    ...(toolIds ? [withoutOthers(d1, 'tools_agents', 'tool_id', id, toolIds), ...attachTools(d1, organization_id, id, toolIds)] : []),
    ...(tags ? [withoutOthers(d1, 'agents_tags', 'tag', id, []), ...tagStatements(ctx, id, tags)] : []),
    ...(secrets ? [withoutOthers(d1, 'agent_environment_variables', 'key', id, []), ...(await secretStatements(ctx, id, secrets))] : []),
  ]
}

/**
 * Changes an agent in one batch: fields that are absent or null stay, `tool_ids`, `block_ids`, `tags` and secrets replace what was there,
 * `message_ids` replace its own context. Everything is checked before anything is written.
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
  const replaced = await replacements(ctx, id, input, attached?.map((tool) => tool.id) ?? null)
  if (input.message_ids) await agentObject(ctx, id).setContext(input.message_ids)
  const d1 = ctx.env.DB
  const set = { ...changes, last_updated_by_id: ctx.actor.user_id }
  const head = ctx.db
    .update(agents)
    .set(set)
    .where(and(rows.owned(ctx), eq(agents.id, id)))
  await explained(
    () => d1.batch([statement(d1, head), ...replaced]),
    ({ kind }) =>
      kind === 'unique'
        ? new AppError(
            'conflict',
            'Two blocks of the agent would share a label. Labels are unique within an agent: read its blocks and try again.',
            {
              code: 'label_taken',
            },
          )
        : undefined,
  )
  return getAgent(ctx, id)
}
