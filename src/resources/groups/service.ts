import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { createOnce } from '../../db/once'
import { anyOf, repository } from '../../db/repository'
import { statement } from '../../db/statement'
import { AppError, notFound } from '../../lib/errors'
import { agents } from '../agents/table'
import { attachBlocks, detachBlocks } from '../blocks/service'
import { blocks } from '../blocks/table'
import { type GroupRow, managerColumns } from './manager'
import { managerLives, sleeptimeManagers } from './members'
import { agentRows, countGroups, getGroup, groupsManagedBy, groupsOfAgent, listGroups, rows, shown } from './read'
import type { Group, GroupCreate, GroupUpdate } from './schema'
import { groups } from './table'

const blockRows = repository(blocks, 'Block')

const wrong = (field: string, message: string) => new AppError('invalid', `${field}: ${message}`, { errors: [{ field, message }] })

/** Throws 404 for agents that are not there, 422 for members that do not go together. */
async function assertMembers(ctx: Ctx, group: Pick<GroupRow, 'manager_type' | 'manager_agent_id'>, members: string[]): Promise<void> {
  const { manager_type, manager_agent_id } = group
  const twice = members.find((id, i) => members.indexOf(id) < i)
  if (twice !== undefined) throw wrong('agent_ids', `'${twice}' is named twice`)
  await agentRows.assertAll(ctx, [...members, ...(manager_agent_id ? [manager_agent_id] : [])])
  const named = await ctx.db
    .select({ id: agents.id, name: agents.name, agent_type: agents.agent_type })
    .from(agents)
    .where(anyOf(agents.id, [...members, manager_agent_id ?? '']))
  if (manager_type === 'dynamic') {
    const names = named.filter(({ id }) => members.includes(id)).map(({ name }) => name)
    const shared = names.find((name, i) => names.indexOf(name) < i)
    if (shared !== undefined) throw wrong('agent_ids', `two agents are named '${shared}', and a dynamic manager tells members by name`)
  }
  if (!manager_type.endsWith('sleeptime')) return
  if (manager_agent_id && members.includes(manager_agent_id)) throw wrong('agent_ids', 'an agent cannot be its own sleeptime agent')
  if (named.some(({ id, agent_type }) => id === manager_agent_id && agent_type.endsWith('sleeptime_agent')))
    throw wrong('manager_config.manager_agent_id', 'a sleeptime agent cannot have a sleeptime agent of its own')
}

/** Statements that make the members exactly these, in this order. */
function setMembers(ctx: Ctx, id: string, members: string[]): D1PreparedStatement[] {
  const bindings = [id, ctx.actor.organization_id, JSON.stringify(members)]
  return [
    `delete from groups_agents where group_id = (select id from "groups" where id = ?1 and organization_id = ?2)
      and agent_id not in (select value from json_each(?3))`,
    `insert into groups_agents (group_id, agent_id, position)
    select grp.id, agent.id, member.key
    from "groups" grp join json_each(?3) member join agents agent on agent.id = member.value and +agent.organization_id = ?2 and agent.is_deleted = 0
    where grp.id = ?1 and +grp.organization_id = ?2 and grp.is_deleted = 0
    on conflict (group_id, agent_id) do update set position = excluded.position`,
  ].map((text) => ctx.env.DB.prepare(text).bind(...bindings))
}

/** Statement that makes blocks shared by a group; `attachBlocks` is what gives them to its agents. */
const shareBlocks = (ctx: Ctx, id: string, blockIds: string[]): D1PreparedStatement =>
  ctx.env.DB.prepare(
    `insert into groups_blocks (group_id, block_id)
    select grp.id, block.id from "groups" grp join json_each(?3) given join block on block.id = given.value and +block.organization_id = ?2 and block.is_deleted = 0
    where grp.id = ?1 and +grp.organization_id = ?2 and grp.is_deleted = 0 on conflict do nothing`,
  ).bind(id, ctx.actor.organization_id, JSON.stringify(blockIds))

const unshareBlocks = (ctx: Ctx, id: string, blockIds: string[]): D1PreparedStatement =>
  ctx.env.DB.prepare(
    `delete from groups_blocks where group_id = (select id from "groups" where id = ?1 and organization_id = ?2)
      and block_id in (select value from json_each(?3)) returning block_id`,
  ).bind(id, ctx.actor.organization_id, JSON.stringify(blockIds))

const agentsOf = (group: { agent_ids: string[]; manager_agent_id: string | null }) => [
  ...group.agent_ids,
  ...(group.manager_agent_id ? [group.manager_agent_id] : []),
]

/** Runs a batch; a broken constraint is told in words. */
const inWords = <T>(work: () => Promise<T>, manager: string | null): Promise<T> =>
  explained(work, ({ kind, text }) => {
    if (kind !== 'unique') return undefined
    return /groups/.test(text)
      ? new AppError('conflict', `Agent '${manager}' has a sleeptime group already. Change or delete that one.`, {
          code: 'sleeptime_taken',
        })
      : new AppError('conflict', 'An agent of the group has another block with the label of a shared block. Nothing was changed.', {
          code: 'label_taken',
        })
  })

async function create(ctx: Ctx, input: GroupCreate): Promise<Group> {
  const d1 = ctx.env.DB
  const settings = managerColumns(input.manager_config, null)
  const shared = input.shared_block_ids ?? []
  await Promise.all([assertMembers(ctx, settings, input.agent_ids), blockRows.assertAll(ctx, shared)])
  const { description, project_id = null, hidden = null, template_id = null, base_template_id = null, deployment_id = null } = input
  const fields = { ...settings, description, project_id, hidden, template_id, base_template_id, deployment_id }
  const make = async (id: string) => {
    const [made] = await inWords(
      () =>
        d1.batch([
          rows.createMany(ctx, [{ ...fields, id }], managerLives),
          ...setMembers(ctx, id, input.agent_ids),
          shareBlocks(ctx, id, shared),
          ...attachBlocks(d1, ctx.actor.organization_id, agentsOf({ ...input, ...settings }), shared),
        ]),
      settings.manager_agent_id,
    )
    if (!made?.results.length) throw notFound('Agent', settings.manager_agent_id ?? '')
    return getGroup(ctx, id)
  }
  return createOnce(ctx, 'group', make, (id) => getGroup(ctx, id))
}

/** Changes a group in one batch. New members get the shared blocks; members that leave keep them; blocks that are no longer shared are detached. */
async function update(ctx: Ctx, id: string, input: GroupUpdate): Promise<Group> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const row = await rows.get(ctx, id)
  const [before] = (await shown(ctx, [row])) as [Group]
  const settings = managerColumns(input.manager_config, row)
  const after = {
    agent_ids: input.agent_ids ?? before.agent_ids,
    manager_agent_id: settings.manager_agent_id,
    shared: input.shared_block_ids ?? before.shared_block_ids,
  }
  if (input.agent_ids || input.manager_config) await assertMembers(ctx, settings, after.agent_ids)
  await blockRows.assertAll(ctx, input.shared_block_ids ?? [])
  const known = new Set(agentsOf(before))
  const dropped = before.shared_block_ids.filter((block) => !after.shared.includes(block))
  const added = after.shared.filter((block) => !before.shared_block_ids.includes(block))
  const given = Object.fromEntries(
    (['description', 'project_id', 'hidden'] as const).flatMap((key) => (input[key] == null ? [] : [[key, input[key]]])),
  )
  const head = ctx.db
    .update(groups)
    .set({ ...given, ...settings, last_updated_by_id: user_id })
    .where(and(rows.owned(ctx), eq(groups.id, id)))
  await inWords(
    () =>
      d1.batch([
        statement(d1, head),
        ...(input.agent_ids ? setMembers(ctx, id, input.agent_ids) : []),
        ...(dropped.length > 0 ? [unshareBlocks(ctx, id, dropped), ...detachBlocks(d1, organization_id, [...known], dropped)] : []),
        shareBlocks(ctx, id, added),
        ...attachBlocks(
          d1,
          organization_id,
          agentsOf(after).filter((agent) => !known.has(agent)),
          after.shared,
        ),
        ...attachBlocks(d1, organization_id, agentsOf(after), added),
      ]),
    settings.manager_agent_id,
  )
  return getGroup(ctx, id)
}

/** Groups: agents that belong together. A group is a record; its agents are sent messages one by one. */
export const groupService = {
  list: listGroups,
  count: countGroups,
  get: getGroup,
  ofAgent: groupsOfAgent,
  managedBy: groupsManagedBy,
  create,
  update,

  /** Throws 404 when the group is not there. */
  exists: (ctx: Ctx, id: string): Promise<void> => rows.assertAll(ctx, [id]),

  /** Soft delete. Its agents stay, with the blocks they have; whom a sleeptime group served has no sleeptime agent any more. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const d1 = ctx.env.DB
    const gone = '(select id from "groups" where id = ?1 and organization_id = ?2 and is_deleted = 1)'
    const owned = (text: string) => d1.prepare(text).bind(id, ctx.actor.organization_id)
    const [deleted] = await d1.batch([
      rows.removeMany(ctx, [id]),
      owned(`delete from groups_agents where group_id in ${gone}`),
      owned(`delete from groups_blocks where group_id in ${gone}`),
      owned(
        `update agents set enable_sleeptime = null where is_deleted = 0 and id in (select manager_agent_id from "groups"
        where id = ?1 and organization_id = ?2 and is_deleted = 1 and manager_type in ${sleeptimeManagers})`,
      ),
    ])
    if (!deleted?.results.length) throw notFound('Group', id)
  },

  /** Shares a block: the group, its members and its manager have it. */
  async attachBlock(ctx: Ctx, id: string, blockId: string): Promise<void> {
    const [group] = await Promise.all([getGroup(ctx, id), blockRows.assertAll(ctx, [blockId])])
    const attach = attachBlocks(ctx.env.DB, ctx.actor.organization_id, agentsOf(group), [blockId])
    await inWords(() => ctx.env.DB.batch([shareBlocks(ctx, id, [blockId]), ...attach]), null)
  },

  /** Takes a shared block off the group, its members and its manager. */
  async detachBlock(ctx: Ctx, id: string, blockId: string): Promise<void> {
    const group = await getGroup(ctx, id)
    if (!group.shared_block_ids.includes(blockId)) throw notFound(`Attached to group '${id}', block`, blockId)
    const detach = detachBlocks(ctx.env.DB, ctx.actor.organization_id, agentsOf(group), [blockId])
    await ctx.env.DB.batch([unshareBlocks(ctx, id, [blockId]), ...detach])
  },
}
