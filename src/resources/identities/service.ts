import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { createOnce } from '../../db/once'
import { among, anyOf, containsText, repository } from '../../db/repository'
import { type Row, readRow } from '../../db/rows'
import { AppError, isAppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { agents } from '../agents/table'
import { blocks } from '../blocks/table'
import { keepOnlyLinks, type Linked, linkIdentities, unlinkIdentity } from './links'
import type { Identity, IdentityCreate, IdentityFilters, IdentityUpdate } from './schema'
import { identities, identitiesAgents, identitiesBlocks } from './table'

export { linkIdentities } from './links'

type IdentityRow = Row<typeof identities>

const rows = repository(identities, 'Identity')
const linked = { agent: repository(agents, 'Agent'), block: repository(blocks, 'Block') }

/** Identities as the API shows them: with the ids of what they have, oldest first. */
async function shown(ctx: Ctx, found: IdentityRow[]): Promise<Identity[]> {
  if (found.length === 0) return []
  const ids = found.map((row) => row.id)
  const [ofAgents, ofBlocks] = await Promise.all([
    ctx.db.select().from(identitiesAgents).where(anyOf(identitiesAgents.identity_id, ids)),
    ctx.db.select().from(identitiesBlocks).where(anyOf(identitiesBlocks.identity_id, ids)),
  ])
  const agentsOf = Map.groupBy(ofAgents, (link) => link.identity_id)
  const blocksOf = Map.groupBy(ofBlocks, (link) => link.identity_id)
  return found.map(({ is_deleted: _, ...row }) => ({
    ...row,
    properties: row.properties as Identity['properties'],
    agent_ids: (agentsOf.get(row.id) ?? []).map((link) => link.agent_id).sort(),
    block_ids: (blocksOf.get(row.id) ?? []).map((link) => link.block_id).sort(),
  }))
}

async function get(ctx: Ctx, id: string): Promise<Identity> {
  const [identity] = await shown(ctx, [await rows.get(ctx, id)])
  return identity as Identity
}

const keyTaken = (key: string | null | undefined, project: string | null | undefined) =>
  new AppError(
    'conflict',
    `An identity with identifier_key '${key}' already exists${project ? ` in project '${project}'` : ''}. Choose another key, or PUT /v1/identities to change that one.`,
    { code: 'identifier_key_taken' },
  )

/** Throws 404 naming the first agent or block that is not there. */
const assertLinked = (ctx: Ctx, { agent_ids, block_ids }: Pick<IdentityUpdate, 'agent_ids' | 'block_ids'>) =>
  Promise.all([linked.agent.assertAll(ctx, agent_ids ?? []), linked.block.assertAll(ctx, block_ids ?? [])])

function matching(filters: IdentityFilters) {
  return and(
    filters.ids && anyOf(identities.id, filters.ids),
    filters.name === undefined ? undefined : containsText(identities.name, filters.name),
    filters.project_id === undefined ? undefined : eq(identities.project_id, filters.project_id),
    filters.identifier_key === undefined ? undefined : eq(identities.identifier_key, filters.identifier_key),
    filters.identity_type === undefined ? undefined : eq(identities.identity_type, filters.identity_type),
  )
}

async function listIdentities(ctx: Ctx, query: IdentityFilters & Page): Promise<Identity[]> {
  const { ids, identifier_key } = query
  const keyed = sql`select id from identities where organization_id = ${ctx.actor.organization_id} and identifier_key = ${identifier_key}`
  return shown(ctx, await rows.listAmong(ctx, query, matching(query), [...among(ids), ...(identifier_key === undefined ? [] : [keyed])]))
}

async function create(ctx: Ctx, input: IdentityCreate): Promise<Identity> {
  await assertLinked(ctx, input)
  const { agent_ids, block_ids, ...fields } = input
  const project_id = fields.project_id ?? null
  const make = async (id: string) => {
    const row = { ...fields, id, project_id, properties: fields.properties ?? [] }
    const links = [...linkIdentities(ctx, 'agent', [id], agent_ids ?? []), ...linkIdentities(ctx, 'block', [id], block_ids ?? [])]
    await explained(
      () => ctx.env.DB.batch([rows.createMany(ctx, [row]), ...links]),
      ({ kind }) => (kind === 'unique' ? keyTaken(row.identifier_key, project_id) : undefined),
    )
    return get(ctx, id)
  }
  return createOnce(ctx, 'identity', make, (id) => get(ctx, id))
}

/** SQL: the properties of a row with those of `?7` instead of the ones of the same keys, and the others of `?7` after them. */
const mergedProperties = `(select json_group_array(json(property)) from (
  select coalesce((select given.value from json_each(?7) given where given.value ->> 'key' = own.value ->> 'key'), own.value) as property
  from json_each(identities.properties) own
  union all select given.value from json_each(?7) given
  where not exists (select 1 from json_each(identities.properties) own where own.value ->> 'key' = given.value ->> 'key')))`

/** Changes an identity in one batch. `replace` makes properties and links what was sent; else what was sent is added to them. */
async function change(ctx: Ctx, id: string, input: IdentityUpdate, replace: boolean): Promise<Identity> {
  await assertLinked(ctx, input)
  const { organization_id, user_id } = ctx.actor
  const properties = replace ? 'json(?7)' : mergedProperties
  const write = ctx.env.DB.prepare(
    `update identities set identifier_key = coalesce(?3, identifier_key), name = coalesce(?4, name), identity_type = coalesce(?5, identity_type),
      updated_at = ?6, properties = case when ?7 is null then properties else ${properties} end, last_updated_by_id = ?8
    where id = ?1 and organization_id = ?2 and is_deleted = 0 returning *`,
  ).bind(
    ...[id, organization_id, input.identifier_key ?? null, input.name ?? null, input.identity_type ?? null, Date.now()],
    ...[input.properties ? JSON.stringify(input.properties) : null, user_id],
  )
  const given: [Linked, string[] | null | undefined][] = [
    ['agent', input.agent_ids],
    ['block', input.block_ids],
  ]
  const links = given.flatMap(([kind, ids]) =>
    ids ? [...(replace ? [keepOnlyLinks(ctx, kind, id, ids)] : []), ...linkIdentities(ctx, kind, [id], ids)] : [],
  )
  const [written] = await explained(
    () => ctx.env.DB.batch<Record<string, unknown>>([write, ...links]),
    ({ kind }) => (kind === 'unique' ? keyTaken(input.identifier_key, null) : undefined),
  )
  const [raw] = written?.results ?? []
  if (!raw) throw notFound('Identity', id)
  const [identity] = await shown(ctx, [readRow(identities, raw)])
  return identity as Identity
}

/** The identity of this key, or undefined. */
async function keyed(ctx: Ctx, key: string, project: string | null): Promise<IdentityRow | undefined> {
  const found = await ctx.db
    .select()
    .from(identities)
    .where(rows.owned(ctx, eq(identities.identifier_key, key)))
  return found.find((row) => row.project_id === project)
}

const passing = (error: unknown) => isAppError(error) && (error.kind === 'not_found' || error.kind === 'conflict')

/** Identities: who agents and blocks are for. */
export const identityService = {
  get,
  create,
  list: listIdentities,
  count: (ctx: Ctx, filters: IdentityFilters): Promise<number> => rows.count(ctx, matching(filters)),
  update: (ctx: Ctx, id: string, input: IdentityUpdate) => change(ctx, id, input, false),
  setProperties: (ctx: Ctx, id: string, properties: IdentityUpdate['properties']) => change(ctx, id, { properties }, true),

  /** Creates the identity of this key, or makes the one that has it what was sent. */
  async upsert(ctx: Ctx, input: IdentityCreate): Promise<Identity> {
    for (let attempt = 0; ; attempt++) {
      const existing = await keyed(ctx, input.identifier_key, input.project_id ?? null)
      try {
        return await (existing ? change(ctx, existing.id, input, true) : create(ctx, input))
      } catch (error) {
        // Another request created or deleted the identity in between.
        const moved = (await keyed(ctx, input.identifier_key, input.project_id ?? null))?.id !== existing?.id
        if (attempt > 2 || !passing(error) || !moved) throw error
      }
    }
  },

  /** Soft delete; agents and blocks lose the identity in the same transaction. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const d1 = ctx.env.DB
    const gone = '(select id from identities where id = ?1 and organization_id = ?2 and is_deleted = 1)'
    const [deleted] = await d1.batch([
      rows.removeMany(ctx, [id]),
      ...['identities_agents', 'identities_blocks'].map((table) =>
        d1.prepare(`delete from ${table} where identity_id in ${gone}`).bind(id, ctx.actor.organization_id),
      ),
    ])
    if (!deleted?.results.length) throw notFound('Identity', id)
  },

  /** Attaches an identity to an agent or a block. Attached already: nothing happens. */
  async attach(ctx: Ctx, kind: Linked, id: string, identityId: string): Promise<void> {
    await Promise.all([linked[kind].assertAll(ctx, [id]), rows.assertAll(ctx, [identityId])])
    await ctx.env.DB.batch(linkIdentities(ctx, kind, [identityId], [id]))
  },

  async detach(ctx: Ctx, kind: Linked, id: string, identityId: string): Promise<void> {
    await linked[kind].assertAll(ctx, [id])
    const { results } = await unlinkIdentity(ctx, kind, identityId, id).all()
    if (results.length === 0) throw notFound(`Attached to ${kind} '${id}', identity`, identityId)
  },

  /** Throws 404 naming the first identity that is not there. */
  assertAll: rows.assertAll,

  /** The identities of each agent, oldest first. */
  async ofAgents(ctx: Ctx, agentIds: string[]): Promise<Map<string, Identity[]>> {
    const links = await ctx.db.select().from(identitiesAgents).where(anyOf(identitiesAgents.agent_id, agentIds))
    const found = await shown(ctx, await rows.getMany(ctx, [...new Set(links.map((link) => link.identity_id))].sort()))
    return new Map(
      agentIds.map((id) => {
        const own = new Set(links.filter((link) => link.agent_id === id).map((link) => link.identity_id))
        return [id, found.filter((identity) => own.has(identity.id))]
      }),
    )
  },
}
