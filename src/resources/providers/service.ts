import { and, eq, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { createOnce } from '../../db/once'
import { repository } from '../../db/repository'
import { insertRows, type Row } from '../../db/rows'
import { statement } from '../../db/statement'
import { AppError, notFound } from '../../lib/errors'
import { opened, sealed } from '../../lib/vault'
import { endpointOf } from '../../models/own'
import { providers as baseProviders, isBaseHandle } from '../../models/providers'
import type { Provider, ProviderCheck, ProviderCreate, ProviderQuery, ProviderUpdate } from './schema'
import { modelStatements, survey } from './survey'
import { providers } from './table'

type ProviderRow = Row<typeof providers>

const rows = repository(providers, 'Provider')

const shown = (row: ProviderRow): Provider => {
  const { api_key_enc: _, access_key_enc: _a, is_deleted: _d, created_by_id: _c, last_updated_by_id: _l, ...rest } = row
  return { ...rest, api_key: null, access_key: null }
}

const keyOf = (ctx: Ctx, row: ProviderRow): Promise<string> | null =>
  row.api_key_enc === null ? null : opened(ctx.config.ENCRYPTION_KEY, row.api_key_enc, `The key of provider '${row.name}'`)

/** A secret as it is stored; null when there is none. */
const kept = (ctx: Ctx, secret: string | null | undefined): Promise<string> | null =>
  secret ? sealed(ctx.config.ENCRYPTION_KEY, secret) : null

function assertOwnName(name: string): void {
  if (!isBaseHandle(`${name}/`)) return
  const message = `'${name}' is reserved for a provider of the server (${[...baseProviders.keys()].join(', ')}). Take another name, such as 'my-${name}'`
  throw new AppError('invalid', `name: ${message}`, { errors: [{ field: 'name', message }] })
}

const taken = (name: string) =>
  new AppError('conflict', `A provider named '${name}' exists already. Change it, or choose another name.`, { code: 'name_taken' })

const originOf = (provider: Pick<ProviderRow, 'provider_type' | 'base_url'>) => {
  const url = endpointOf(provider)
  return URL.canParse(url) ? new URL(url).origin : url
}

/** A stored key is shown to the address it was stored for, and to no other: else whoever may change the address could read the key. */
function assertNotLed(row: ProviderRow, base_url: string | null, api_key: string | null | undefined): void {
  if (api_key || row.api_key_enc === null || originOf(row) === originOf({ ...row, base_url })) return
  const message = 'is required with a base_url of another server: the stored key is not sent there'
  throw new AppError('invalid', `api_key: ${message}`, { errors: [{ field: 'api_key', message }] })
}

const valid = (provider_type: string) => ({ message: `Valid api key for provider_type=${provider_type}` })

/** Stores a provider and the models that it names, in one batch, once it has taken the key. */
async function make(ctx: Ctx, id: string, input: z.output<typeof ProviderCreate>): Promise<Provider> {
  assertOwnName(input.name)
  const { name, provider_type, region, api_version } = input
  const [same] = await ctx.db
    .select({ id: providers.id })
    .from(providers)
    .where(rows.owned(ctx, eq(providers.name, name)))
    .limit(1)
  if (same) throw taken(name)
  const base_url = input.base_url || null
  const models = await survey(ctx, { provider_type, base_url }, input.api_key || null)
  const { organization_id, user_id } = ctx.actor
  const row = {
    ...{ id, organization_id, name, provider_type, base_url, region: region ?? null, api_version: api_version ?? null },
    api_key_enc: await kept(ctx, input.api_key),
    access_key_enc: await kept(ctx, input.access_key),
    last_synced: models && new Date().toISOString(),
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }
  const write = () => ctx.env.DB.batch([insertRows(ctx.env.DB, providers, [row]), ...modelStatements(ctx, row, models)])
  await explained(write, ({ kind }) => (kind === 'unique' ? taken(name) : undefined))
  return providerService.get(ctx, id)
}

/** Writes changed columns of a provider together with the models that it names now. */
async function write(ctx: Ctx, row: ProviderRow, set: Partial<ProviderRow>, models: Awaited<ReturnType<typeof survey>>): Promise<Provider> {
  const synced = models ? { last_synced: new Date().toISOString() } : {}
  const head = ctx.db
    .update(providers)
    .set({ ...set, ...synced, last_updated_by_id: ctx.actor.user_id })
    .where(rows.owned(ctx, eq(providers.id, row.id)))
  await ctx.env.DB.batch([statement(ctx.env.DB, head), ...modelStatements(ctx, row, models)])
  return providerService.get(ctx, row.id)
}

/** The organization's own model providers: what an operator configures is none of these. */
export const providerService = {
  async list(ctx: Ctx, query: z.output<typeof ProviderQuery>): Promise<Provider[]> {
    const { name, provider_type } = query
    const where = and(
      // The `+` keeps the index that has the order.
      name === undefined ? undefined : sql`+${providers.name} = ${name}`,
      provider_type === undefined ? undefined : eq(providers.provider_type, provider_type),
    )
    return (await rows.list(ctx, query, where)).map(shown)
  },

  get: async (ctx: Ctx, id: string): Promise<Provider> => shown(await rows.get(ctx, id)),

  /** Throws 401 when the provider refuses the key, 409 when the name is taken; nothing is stored then. */
  create: (ctx: Ctx, input: z.output<typeof ProviderCreate>): Promise<Provider> =>
    createOnce(
      ctx,
      'provider',
      (id) => make(ctx, id, input),
      (id) => providerService.get(ctx, id),
    ),

  /** Another key or address is tried before it is stored. */
  async update(ctx: Ctx, id: string, input: z.output<typeof ProviderUpdate>): Promise<Provider> {
    const row = await rows.get(ctx, id)
    const base_url = input.base_url || row.base_url
    const api_key_enc = (await kept(ctx, input.api_key)) ?? row.api_key_enc
    const access_key_enc = (await kept(ctx, input.access_key)) ?? row.access_key_enc
    const { region, api_version } = { region: input.region ?? row.region, api_version: input.api_version ?? row.api_version }
    const moved = Boolean(input.api_key) || base_url !== row.base_url
    assertNotLed(row, base_url, input.api_key)
    const models = moved ? await survey(ctx, { ...row, base_url }, input.api_key || (await keyOf(ctx, row))) : null
    return write(ctx, row, { base_url, api_key_enc, access_key_enc, region, api_version }, models)
  },

  /** Reads the provider's models anew: what is gone is no longer listed. */
  async refresh(ctx: Ctx, id: string): Promise<Provider> {
    const row = await rows.get(ctx, id)
    return write(ctx, row, {}, await survey(ctx, row, await keyOf(ctx, row)))
  },

  /** Throws 401 unless the provider takes the key. Nothing is stored. */
  async check(ctx: Ctx, input: z.output<typeof ProviderCheck>): Promise<{ message: string }> {
    await survey(ctx, { provider_type: input.provider_type, base_url: input.base_url || null }, input.api_key || null)
    return valid(input.provider_type)
  },

  async checkStored(ctx: Ctx, id: string): Promise<{ message: string }> {
    const row = await rows.get(ctx, id)
    await survey(ctx, row, await keyOf(ctx, row))
    return valid(row.provider_type)
  },

  /** Soft delete: its keys are wiped and its models are gone; agents keep their handle, and fail until they get another. */
  async remove(ctx: Ctx, id: string): Promise<{ message: string }> {
    const d1 = ctx.env.DB
    const { organization_id, user_id } = ctx.actor
    const [deleted] = await d1.batch([
      d1
        .prepare(
          `update providers set is_deleted = 1, api_key_enc = null, access_key_enc = null, updated_at = ?3, last_updated_by_id = ?4
          where id = ?1 and organization_id = ?2 and is_deleted = 0 returning name`,
        )
        .bind(id, organization_id, Date.now(), user_id),
      d1.prepare('delete from provider_models where provider_id = ?1 and organization_id = ?2').bind(id, organization_id),
    ])
    const [row] = (deleted?.results ?? []) as { name: string }[]
    if (!row) throw notFound('Provider', id)
    return { message: `Provider '${row.name}' was deleted.` }
  },
}
