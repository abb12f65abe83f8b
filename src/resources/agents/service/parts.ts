import type { Ctx } from '../../../context'
import { insertRows, type Row } from '../../../db/rows'
import { seal } from '../../../lib/crypto'
import { AppError } from '../../../lib/errors'
import { newId } from '../../../lib/id'
import { uniqueRules } from '../../../runtime/tool-rules'
import { type ToolRule, ToolRule as ToolRuleSchema } from '../../../runtime/tool-rules-schema'
import { isBuiltinName } from '../../tools/service'
import type { tools } from '../../tools/table'
import type { AgentUpdate } from '../input'
import { agentSecrets, agentsTags } from '../table'

type ToolRow = Pick<Row<typeof tools>, 'name' | 'default_requires_approval'>

const ruleOf = (type: 'exit_loop' | 'continue_loop' | 'requires_approval', tool_name: string): ToolRule =>
  ToolRuleSchema.parse({ type, tool_name })

/** The customary rules of the base tools among the given ones: the one that speaks ends the turn, the ones that remember go on. */
export const baseToolRules = (attached: ToolRow[]): ToolRule[] =>
  attached
    .filter((tool) => isBuiltinName(tool.name))
    .map((tool) => ruleOf(tool.name === 'send_message' ? 'exit_loop' : 'continue_loop', tool.name))

/** Rules of an agent, each once: those that were asked for, and an approval for every tool that wants one by default. */
export function rulesWith(rules: ToolRule[], attached: ToolRow[]): ToolRule[] {
  const asked = new Set(rules.filter((rule) => rule.type === 'requires_approval').map((rule) => rule.tool_name))
  const approvals = attached.filter((tool) => tool.default_requires_approval && !asked.has(tool.name))
  return uniqueRules([...rules, ...approvals.map((tool) => ruleOf('requires_approval', tool.name))])
}

/** The secrets of a request under both its names, or null when it brings none. */
export const secretsIn = (input: Pick<AgentUpdate, 'secrets' | 'tool_exec_environment_variables'>): Record<string, string> | null =>
  input.secrets || input.tool_exec_environment_variables ? { ...input.tool_exec_environment_variables, ...input.secrets } : null

/** Statements that store an agent's secrets, sealed. */
export async function secretStatements(ctx: Ctx, agentId: string, secrets: Record<string, string>): Promise<D1PreparedStatement[]> {
  const entries = Object.entries(secrets)
  if (entries.length === 0) return []
  const { ENCRYPTION_KEY } = ctx.config
  if (!ENCRYPTION_KEY) throw new AppError('unavailable', 'Secrets cannot be stored: set ENCRYPTION_KEY, with which they are encrypted.')
  const { organization_id, user_id } = ctx.actor
  const owned = { organization_id, agent_id: agentId, created_by_id: user_id, last_updated_by_id: user_id }
  const rows = await Promise.all(
    entries.map(async ([key, value]) => ({ ...owned, id: newId('agentSecret'), key, value_enc: await seal(ENCRYPTION_KEY, value) })),
  )
  return [insertRows(ctx.env.DB, agentSecrets, rows)]
}

/** Statements that store an agent's tags. */
export function tagStatements(ctx: Ctx, agentId: string, tags: readonly string[]): D1PreparedStatement[] {
  const rows = [...new Set(tags)].map((tag) => ({ agent_id: agentId, tag, organization_id: ctx.actor.organization_id }))
  return rows.length > 0 ? [insertRows(ctx.env.DB, agentsTags, rows)] : []
}

/** Throws 409 naming the label when two of the blocks that an agent would have share one. */
export function assertLabelsDiffer(labels: readonly string[]): void {
  const twice = labels.find((label, i) => labels.indexOf(label) < i)
  if (twice !== undefined)
    throw new AppError(
      'conflict',
      `Two blocks of the agent would be labelled '${twice}'. Labels are unique within an agent: leave one of them out.`,
      {
        code: 'label_taken',
      },
    )
}
