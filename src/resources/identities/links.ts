import { eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { anyOf } from '../../db/repository'
import { identities, identitiesAgents, identitiesBlocks } from './table'

/** What identities have. */
export type Linked = 'agent' | 'block'

const tables = {
  agent: { table: 'agents', links: 'identities_agents', key: 'agent_id' },
  block: { table: 'block', links: 'identities_blocks', key: 'block_id' },
} as const

const setOf = (ids: readonly string[]) => JSON.stringify([...new Set(ids)])
const organizationOf = (ctx: Ctx) => ctx.actor.organization_id

/**
 * Statements that link each of the identities with each of the agents or blocks; for use inside a bigger batch. Links that are there,
 * and rows of another organization, are left out.
 */
export function linkIdentities(ctx: Ctx, kind: Linked, identityIds: readonly string[], ids: readonly string[]): D1PreparedStatement[] {
  if (identityIds.length === 0 || ids.length === 0) return []
  const { table, links, key } = tables[kind]
  return [
    ctx.env.DB.prepare(
      `insert into ${links} (identity_id, ${key})
      select identities.id, linked.id
      from json_each(?2) a join identities on identities.id = a.value and +identities.organization_id = ?1 and identities.is_deleted = 0
        join json_each(?3) b join ${table} linked on linked.id = b.value and +linked.organization_id = ?1 and linked.is_deleted = 0
      where true on conflict do nothing`,
    ).bind(organizationOf(ctx), setOf(identityIds), setOf(ids)),
  ]
}

/** Statement that takes an identity off an agent or a block, returning a row when it was there. */
export function unlinkIdentity(ctx: Ctx, kind: Linked, identityId: string, id: string): D1PreparedStatement {
  const { links, key } = tables[kind]
  return ctx.env.DB.prepare(
    `delete from ${links} where identity_id = (select id from identities where id = ?2 and +organization_id = ?1 and is_deleted = 0)
      and ${key} = ?3 returning identity_id`,
  ).bind(organizationOf(ctx), identityId, id)
}

/** Statement that takes everything but the given ids off an identity. */
export function keepOnlyLinks(ctx: Ctx, kind: Linked, identityId: string, keep: readonly string[]): D1PreparedStatement {
  const { links, key } = tables[kind]
  return ctx.env.DB.prepare(
    `delete from ${links} where identity_id = (select id from identities where id = ?2 and +organization_id = ?1)
      and ${key} not in (select value from json_each(?3))`,
  ).bind(organizationOf(ctx), identityId, setOf(keep))
}

/** The condition that an agent or a block of a list is of one of the identities that its filters name. */
export function ofIdentity(
  ctx: Ctx,
  kind: Linked,
  filters: { identity_id?: string | undefined; identifier_keys?: string[] | undefined },
): SQL | undefined {
  const { identity_id, identifier_keys } = filters
  if (identity_id === undefined && identifier_keys === undefined) return undefined
  const { table, links, key } = tables[kind]
  const link = kind === 'agent' ? identitiesAgents : identitiesBlocks
  const listed = sql.raw(`${links}.${key} = "${table}"."id"`)
  const conditions = [
    identity_id === undefined ? sql`1` : eq(link.identity_id, identity_id),
    identifier_keys === undefined
      ? sql`1`
      : sql`exists (select 1 from ${identities} where ${identities.id} = ${link.identity_id} and ${anyOf(identities.identifier_key, identifier_keys)}
          and +${identities.organization_id} = ${organizationOf(ctx)})`,
  ]
  return sql`exists (select 1 from ${link} where ${listed} and ${sql.join(conditions, sql` and `)})`
}

/** Queries for the ids of all agents or blocks that such filters let pass, one for each filter. */
export function identified(
  ctx: Ctx,
  kind: Linked,
  { identity_id, identifier_keys }: { identity_id?: string | undefined; identifier_keys?: string[] | undefined },
): SQL[] {
  const { links, key } = tables[kind]
  const linked = sql.raw(`select ${key} as id from ${links} where identity_id in`)
  return [
    ...(identity_id === undefined ? [] : [sql`${linked} (${identity_id})`]),
    ...(identifier_keys === undefined
      ? []
      : [
          sql`${linked} (select id from identities where organization_id = ${organizationOf(ctx)}
            and identifier_key in (select value from json_each(${JSON.stringify(identifier_keys)})))`,
        ]),
  ]
}
