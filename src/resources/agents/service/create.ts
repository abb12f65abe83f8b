import type { Ctx } from '../../../context'
import { createOnce } from '../../../db/once'
import type { InputMessage } from '../../../runtime/types'
import { inputMessage } from '../../messages/service/request'
import type { AgentCreate } from '../input'
import { agentObject } from '../object'
import type { AgentState } from '../schema'
import { type AgentPlan, planAgent } from './plan'
import { getAgent } from './read'
import { planSleeptime, sleeptimeAgents } from './sleeptime'

/** Takes back agents that their objects could not open: nothing of them stays. */
export async function discard(ctx: Ctx, plans: AgentPlan[]): Promise<void> {
  const d1 = ctx.env.DB
  const among = (ids: string[]) => JSON.stringify(ids)
  const agentIds = among(plans.map(({ row }) => row.id))
  await d1.batch([
    d1.prepare('delete from block where id in (select value from json_each(?1))').bind(among(plans.flatMap(({ created }) => created))),
    d1
      .prepare('delete from "groups" where id in (select group_id from groups_agents where agent_id in (select value from json_each(?1)))')
      .bind(agentIds),
    d1.prepare('delete from agents where id in (select value from json_each(?1))').bind(agentIds),
  ])
}

/**
 * Creates an agent with its blocks, tools, tags, identities and secrets, and with its sleeptime agent when it wants one, in one batch, then
 * lets the objects compile the system messages. Either all of it is there afterwards, or nothing.
 */
export function createAgent(ctx: Ctx, input: AgentCreate): Promise<AgentState> {
  const initial = (input.initial_message_sequence ?? []).map(inputMessage)
  const finish = async (id: string) => {
    await getAgent(ctx, id)
    await agentObject(ctx, id).open(null, initial)
    for (const servant of await sleeptimeAgents(ctx, id)) await agentObject(ctx, servant).open(null)
    return getAgent(ctx, id)
  }
  return createOnce(ctx, 'agent', (id) => make(ctx, id, input, initial), finish)
}

async function make(ctx: Ctx, id: string, input: AgentCreate, initial: InputMessage[]): Promise<AgentState> {
  const plan = await planAgent(ctx, id, input)
  const plans = input.enable_sleeptime ? [plan, await planSleeptime(ctx, plan.row, plan.blocks)] : [plan]
  await ctx.env.DB.batch(plans.flatMap(({ statements }) => statements))
  try {
    await Promise.all(plans.map(({ row }) => agentObject(ctx, row.id).open(null, row.id === id ? initial : [])))
  } catch (error) {
    await discard(ctx, plans)
    throw error
  }
  return getAgent(ctx, id)
}
