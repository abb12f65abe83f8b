import type { Ctx } from '../../../context'
import { AppError, notFound } from '../../../lib/errors'
import { sleeptimeAgentsOf, sleeptimeManagers } from '../../groups/members'
import { agentObject } from '../object'

/** Everything of an agent that is kept but no longer shown. */
const histories = ['messages', 'runs', 'run_metrics', 'steps', 'step_metrics', 'conversations', 'conversation_messages']
/** What binds an agent to things that outlive it, and what is of no use without it. */
const bonds = [
  'archives_agents',
  'blocks_agents',
  'tools_agents',
  'agents_tags',
  'agent_environment_variables',
  'groups_agents',
  'identities_agents',
  'provider_traces',
  'sources_agents',
  'files_agents',
]
/** How much of a run that was still going may arrive after the agent is marked, in milliseconds back from that instant. */
const marginMs = 60_000
/** How many objects are emptied at a time. */
const abreast = 20

/** SQL: the agents that are to go: those that were named, and the sleeptime agents that serve one of them and no other group. */
const doomed = `select value as id from json_each(?1)
  union select servant.id from (${sleeptimeAgentsOf('select value from json_each(?1)')}) servant
  where (select count(*) from groups_agents every where every.agent_id = servant.id) = 1`
/** SQL: the agents that this batch has marked. No agent was changed since. */
const gone = '(select id from agents where organization_id = ?1 and updated_at = ?2 and is_deleted = 1)'
const isolated = `(select block_id from blocks_conversations where conversation_id in (select id from conversations where agent_id in ${gone}))`

/** Statement that marks the agents that are to go, unless one of them leads a group that outlives it. */
const mark = (ctx: Ctx, ids: string[], now: number) =>
  ctx.env.DB.prepare(
    `with doomed as (${doomed})
    update agents set is_deleted = 1, updated_at = ?3, last_updated_by_id = ?4
    where id in (select id from doomed) and +organization_id = ?2 and is_deleted = 0
      and not exists (select 1 from doomed join "groups" grp on grp.manager_agent_id = doomed.id
        where grp.is_deleted = 0 and grp.organization_id = ?2 and grp.manager_type not in ${sleeptimeManagers})
    returning id`,
  ).bind(JSON.stringify(ids), ctx.actor.organization_id, now, ctx.actor.user_id)

/**
 * What becomes of groups: a sleeptime group goes with the agent it serves, and with the last of its sleeptime agents, whose absence the
 * agent that was served then shows.
 */
const groupChanges = [
  `update "groups" set is_deleted = 1, updated_at = ?2 where is_deleted = 0 and organization_id = ?1 and manager_type in ${sleeptimeManagers}
    and (manager_agent_id in ${gone} or (id in (select group_id from groups_agents where agent_id in ${gone})
      and not exists (select 1 from groups_agents other where other.group_id = "groups".id and other.agent_id not in ${gone})))`,
  `update agents set enable_sleeptime = null where organization_id = ?1 and is_deleted = 0 and id in (select grp.manager_agent_id
    from groups_agents member join "groups" grp on grp.id = member.group_id where member.agent_id in ${gone} and grp.is_deleted = 1)`,
  ...['groups_agents', 'groups_blocks'].map(
    (table) =>
      `delete from ${table} where group_id in (select id from "groups" where is_deleted = 1 and organization_id = ?1 and updated_at = ?2)`,
  ),
]

/** Everything that hangs on agents that were just marked, in the order in which it goes. */
const consequences = [
  ...groupChanges,
  `update block set is_deleted = 1, updated_at = ?2 where id in ${isolated}`,
  `delete from blocks_tags where block_id in ${isolated}`,
  `delete from blocks_conversations where conversation_id in (select id from conversations where agent_id in ${gone})`,
  ...histories.map((table) => `update ${table} set is_deleted = 1 where agent_id in ${gone} and is_deleted = 0`),
  ...bonds.map((table) => `delete from ${table} where agent_id in ${gone}`),
]

/** Throws 409 naming the group that keeps an agent from being deleted, if there is one. */
async function assertLeadsNone(ctx: Ctx, ids: string[]): Promise<void> {
  const led = await ctx.env.DB.prepare(
    `select grp.id, grp.manager_type, grp.manager_agent_id from (${doomed}) doomed join "groups" grp on grp.manager_agent_id = doomed.id
    where grp.is_deleted = 0 and grp.organization_id = ?2 and grp.manager_type not in ${sleeptimeManagers} limit 1`,
  )
    .bind(JSON.stringify(ids), ctx.actor.organization_id)
    .first<{ id: string; manager_type: string; manager_agent_id: string }>()
  if (!led) return
  const detail = `Agent '${led.manager_agent_id}' leads group '${led.id}' (${led.manager_type}). Nothing was deleted: delete the group or give it another manager first.`
  throw new AppError('conflict', detail, { code: 'leads_group' })
}

/**
 * Deletes agents and the sleeptime agents that serve them: they and their messages, runs, steps and conversations are marked in one batch,
 * their bonds and secrets are erased, their objects are emptied. Blocks and tools stay, but for the isolated blocks of their conversations.
 * Resolves with the ids of those that were there. An agent that leads a group of another kind is a conflict, and nothing is deleted.
 */
export async function removeAgents(ctx: Ctx, ids: string[]): Promise<string[]> {
  const d1 = ctx.env.DB
  const { organization_id } = ctx.actor
  const now = Date.now()
  const [marked] = await d1.batch<{ id: string }>([
    mark(ctx, ids, now),
    ...consequences.map((text) => d1.prepare(text).bind(organization_id, now)),
  ])
  const deleted = (marked?.results ?? []).map((row) => row.id)
  if (deleted.length === 0) await assertLeadsNone(ctx, ids)
  for (let at = 0; at < deleted.length; at += abreast)
    await Promise.all(deleted.slice(at, at + abreast).map((id) => agentObject(ctx, id).destroy()))
  // Their objects ended runs that were going on, and told D1 so.
  if (deleted.length > 0)
    await d1.batch(
      ['messages', 'runs', 'steps'].map((table) =>
        d1
          .prepare(
            `update ${table} set is_deleted = 1 where agent_id in (select value from json_each(?1)) and created_at >= ?2 and is_deleted = 0`,
          )
          .bind(JSON.stringify(deleted), now - marginMs),
      ),
    )
  const asked = new Set(ids)
  return deleted.filter((id) => asked.has(id))
}

/** The same for one agent. Throws 404 when it is not there. */
export async function removeAgent(ctx: Ctx, id: string): Promise<void> {
  if ((await removeAgents(ctx, [id])).length === 0) throw notFound('Agent', id)
}
