import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { among, anyOf, repository } from '../../db/repository'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import type { GroupRow } from './manager'
import type { AgentGroupQuery, Group, GroupFilters } from './schema'
import { groups, groupsAgents, groupsBlocks } from './table'

export const rows = repository(groups, 'Group')
export const agentRows = repository(agents, 'Agent')

/** Groups as the API shows them: with their members, in order, and the blocks they share. */
export async function shown(ctx: Ctx, found: GroupRow[]): Promise<Group[]> {
  if (found.length === 0) return []
  const ids = found.map((row) => row.id)
  const [members, shared] = await Promise.all([
    ctx.db.select().from(groupsAgents).where(anyOf(groupsAgents.group_id, ids)),
    ctx.db.select().from(groupsBlocks).where(anyOf(groupsBlocks.group_id, ids)),
  ])
  const agentsOf = Map.groupBy(
    members.sort((a, b) => a.position - b.position),
    (member) => member.group_id,
  )
  const blocksOf = Map.groupBy(shared, (link) => link.group_id)
  return found.map(({ organization_id: _, is_deleted: _d, ...row }) => ({
    ...row,
    agent_ids: (agentsOf.get(row.id) ?? []).map((member) => member.agent_id),
    shared_block_ids: (blocksOf.get(row.id) ?? []).map((link) => link.block_id).sort(),
  }))
}

export async function getGroup(ctx: Ctx, id: string): Promise<Group> {
  const [group] = await shown(ctx, [await rows.get(ctx, id)])
  return group as Group
}

const matching = (filters: GroupFilters): SQL | undefined =>
  and(
    filters.ids && anyOf(groups.id, filters.ids),
    filters.manager_type === undefined ? undefined : eq(groups.manager_type, filters.manager_type),
    // A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
    filters.manager_agent_id === undefined ? undefined : sql`+${groups.manager_agent_id} = ${filters.manager_agent_id}`,
    filters.project_id === undefined ? undefined : eq(groups.project_id, filters.project_id),
    filters.show_hidden_groups || filters.ids ? undefined : sql`${groups.hidden} is not 1`,
  )

export async function listGroups(ctx: Ctx, query: GroupFilters & Page): Promise<Group[]> {
  const { ids, manager_agent_id } = query
  const led = sql`select id from "groups" where manager_agent_id = ${manager_agent_id}`
  return shown(ctx, await rows.listAmong(ctx, query, matching(query), [...among(ids), ...(manager_agent_id === undefined ? [] : [led])]))
}

export const countGroups = (ctx: Ctx, filters: GroupFilters): Promise<number> => rows.count(ctx, matching(filters))

/** The groups that an agent is a member of or leads, hidden ones too. */
export async function groupsOfAgent(ctx: Ctx, agentId: string, query: AgentGroupQuery): Promise<Group[]> {
  await agentRows.assertAll(ctx, [agentId])
  const memberships = ctx.db.select({ id: groupsAgents.group_id }).from(groupsAgents).where(eq(groupsAgents.agent_id, agentId))
  const mine = (where: SQL) =>
    ctx.db
      .select()
      .from(groups)
      .where(
        and(
          where,
          sql`+${groups.organization_id} = ${ctx.actor.organization_id}`,
          eq(groups.is_deleted, false),
          query.manager_type === undefined ? undefined : eq(groups.manager_type, query.manager_type),
        ),
      )
  const found = await Promise.all([mine(sql`${groups.id} in ${memberships}`), mine(eq(groups.manager_agent_id, agentId))])
  const each = [...new Map(found.flat().map((row) => [row.id, row])).values()]
  return shown(ctx, pageRows(each.sort(byAge), query))
}

/** The group that each agent leads: its sleeptime group, else its oldest. */
export async function groupsManagedBy(ctx: Ctx, agentIds: string[]): Promise<Map<string, Group>> {
  const led = await ctx.db
    .select()
    .from(groups)
    .where(
      and(
        anyOf(groups.manager_agent_id, agentIds),
        sql`+${groups.organization_id} = ${ctx.actor.organization_id}`,
        eq(groups.is_deleted, false),
      ),
    )
  const isSleeptime = (row: GroupRow) => Number(row.manager_type.endsWith('sleeptime'))
  const first = new Map<string, GroupRow>()
  // The last one that is set stays.
  for (const row of led.sort((a, b) => isSleeptime(a) - isSleeptime(b) || byAge(b, a))) first.set(row.manager_agent_id ?? '', row)
  return new Map((await shown(ctx, [...first.values()])).map((group) => [group.manager_agent_id ?? '', group]))
}
