import type { Ctx } from '../../../context'
import { insertRows } from '../../../db/rows'
import { AppError } from '../../../lib/errors'
import { newId } from '../../../lib/id'
import { sleeptimeBlocks } from '../../../runtime/stock-prompts'
import { managerLives, sleeptimeAgentsOf, sleeptimeManagers } from '../../groups/members'
import { groups, groupsAgents } from '../../groups/table'
import type { AgentCreate } from '../input'
import { type AgentPlan, type PlannedBlock, planAgent } from './plan'
import type { AgentRow } from './state'

/** What the group of an agent and its sleeptime agent is like: for agents that are talked to by voice, and for all others. */
const kinds = {
  voice: {
    agent_type: 'voice_sleeptime_agent',
    group: { manager_type: 'voice_sleeptime', max_message_buffer_length: 30, min_message_buffer_length: 15 },
  },
  text: { agent_type: 'sleeptime_agent', group: { manager_type: 'sleeptime', sleeptime_agent_frequency: 5, turns_counter: -1 } },
} as const

type Served = Pick<
  AgentRow,
  | 'id'
  | 'name'
  | 'agent_type'
  | 'model'
  | 'llm_config'
  | 'model_settings'
  | 'embedding'
  | 'embedding_config'
  | 'timezone'
  | 'hidden'
  | 'project_id'
>

/** Throws 422 for an agent that keeps another's memory itself. */
export function assertServable(agent_type: string): void {
  if (!agent_type.endsWith('sleeptime_agent')) return
  const message = 'a sleeptime agent cannot have a sleeptime agent of its own'
  throw new AppError('invalid', `enable_sleeptime: ${message}`, { errors: [{ field: 'enable_sleeptime', message }] })
}

/**
 * Plans the sleeptime agent of an agent: of the same model, with all its blocks and one of its own, and the group of the two. Its statements
 * follow those that store the agent.
 */
export async function planSleeptime(ctx: Ctx, served: Served, blocks: PlannedBlock[]): Promise<AgentPlan> {
  assertServable(served.agent_type)
  const kind = served.agent_type === 'voice_convo_agent' ? kinds.voice : kinds.text
  const { response_format: _, ...model_settings } = served.model_settings ?? {}
  const input: AgentCreate = {
    name: `${served.name}-sleeptime`,
    agent_type: kind.agent_type,
    model: served.model,
    llm_config: served.llm_config,
    model_settings,
    embedding: served.embedding,
    embedding_config: served.embedding_config,
    timezone: served.timezone,
    hidden: served.hidden,
    project_id: served.project_id,
    memory_blocks: sleeptimeBlocks.filter(({ label }) => !blocks.some((block) => block.label === label)),
  }
  const plan = await planAgent(ctx, newId('agent'), input, blocks)
  const { organization_id, user_id } = ctx.actor
  const owner = { organization_id, created_by_id: user_id, last_updated_by_id: user_id, project_id: served.project_id }
  const group = { ...kind.group, ...owner, id: newId('group'), description: '', manager_agent_id: served.id }
  const d1 = ctx.env.DB
  const statements = [
    ...plan.statements,
    insertRows(d1, groups, [group], managerLives),
    // Without the group, since the agent was deleted meanwhile, this breaks a foreign key, and nothing is written.
    insertRows(d1, groupsAgents, [{ group_id: group.id, agent_id: plan.row.id, position: 0 }]),
  ]
  return { ...plan, statements }
}

/** Whether an agent has a sleeptime group. */
export async function isServed(ctx: Ctx, agentId: string): Promise<boolean> {
  const query = `select 1 as yes from "groups" where manager_agent_id = ?1 and +organization_id = ?2 and is_deleted = 0 and manager_type in ${sleeptimeManagers}`
  return (await ctx.env.DB.prepare(query).bind(agentId, ctx.actor.organization_id).first()) !== null
}

/** The ids of the sleeptime agents of an agent. */
export async function sleeptimeAgents(ctx: Ctx, agentId: string): Promise<string[]> {
  const { results } = await ctx.env.DB.prepare(sleeptimeAgentsOf('?1')).bind(agentId).all<{ id: string }>()
  return results.map((row) => row.id)
}
