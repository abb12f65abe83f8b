import { and, eq, gt, isNull, or } from 'drizzle-orm'
import type { z } from 'zod'
import type { Actor, Ctx } from '../../context'
import { database } from '../../db/client'
import { createOnce } from '../../db/once'
import { repository } from '../../db/repository'
import { insertRows, type Row } from '../../db/rows'
import { randomToken, sha256 } from '../../lib/crypto'
import { AppError, notFound } from '../../lib/errors'
import { newId } from '../../lib/id'
import type { Page } from '../../lib/page'
import { organizationService } from '../organizations/service'
import { organizations } from '../organizations/table'
import { userService } from '../users/service'
import { users } from '../users/table'
import type { AdminApiKeyCreate, ApiKeyCreate } from './schema'
import { apiKeyScopes, apiKeys } from './table'

type ApiKey = Row<typeof apiKeys>
type CreatedApiKey = ApiKey & { key: string }

const touchEveryMs = 60_000
const shownCharacters = 12

const rows = repository(apiKeys, 'API key')

/** A new key and its row. The key itself is in no row. */
async function mint(fields: Pick<ApiKey, 'id' | 'organization_id' | 'user_id' | 'name' | 'scopes' | 'expires_at' | 'created_by_id'>) {
  const key = `loci_${randomToken(32)}`
  const now = new Date().toISOString()
  const row: ApiKey = {
    ...fields,
    prefix: key.slice(0, shownCharacters),
    key_hash: await sha256(key),
    last_used_at: null,
    revoked_at: null,
    created_at: now,
    updated_at: now,
    is_deleted: false,
    last_updated_by_id: fields.created_by_id,
  }
  return { key, row }
}

/** A key whose first answer was lost, and with it the secret: it gets a new one. Throws `not_found` when there is no such key. */
async function renewed(ctx: Ctx, organization_id: string, id: string): Promise<CreatedApiKey> {
  const key = `loci_${randomToken(32)}`
  const [row] = await ctx.db
    .update(apiKeys)
    .set({ key_hash: await sha256(key), prefix: key.slice(0, shownCharacters) })
    .where(and(eq(apiKeys.id, id), eq(apiKeys.organization_id, organization_id)))
    .returning()
  if (!row) throw notFound('API key', id)
  return { ...row, key }
}

/** Throws 404 unless the user belongs to the organization. */
async function memberOf(ctx: Ctx, organization_id: string, user_id: string): Promise<void> {
  const user = await userService.get(ctx, user_id)
  if (user.organization_id !== organization_id) throw notFound('User', user_id)
}

export const apiKeyService = {
  list: (ctx: Ctx, page: Page): Promise<ApiKey[]> => rows.list(ctx, page),
  get: rows.get,

  /** A key of the caller's organization, with the caller's scopes unless fewer are asked for. */
  async create(ctx: Ctx, input: z.output<typeof ApiKeyCreate>): Promise<CreatedApiKey> {
    const { organization_id, user_id: caller, scopes: held } = ctx.actor
    const scopes = input.scopes ?? apiKeyScopes.filter((scope) => held.includes(scope))
    const lacking = scopes.filter((scope) => !held.includes(scope))
    if (lacking.length > 0) throw new AppError('forbidden', `A key cannot grant what its creator lacks: ${lacking.join(', ')}.`)
    const user_id = input.user_id ?? caller
    await memberOf(ctx, organization_id, user_id)
    const expires_at = input.expires_at ?? null
    const make = async (id: string) => {
      const made = await mint({ id, organization_id, user_id, name: input.name, scopes, expires_at, created_by_id: caller })
      await insertRows(ctx.env.DB, apiKeys, [made.row]).run()
      return { ...made.row, key: made.key }
    }
    return createOnce(ctx, 'apiKey', make, (id) => renewed(ctx, organization_id, id))
  },

  /** A key of any organization, made by the operator; with a user of its own unless one is named. */
  async createFor(ctx: Ctx, input: z.output<typeof AdminApiKeyCreate>): Promise<CreatedApiKey> {
    const { organization_id, name } = input
    await organizationService.get(ctx, organization_id)
    if (input.user_id) await memberOf(ctx, organization_id, input.user_id)
    const user_id = input.user_id ?? newId('user')
    const scopes = input.scopes ?? [...apiKeyScopes]
    const d1 = ctx.env.DB
    const make = async (id: string) => {
      const made = await mint({ id, organization_id, user_id, name, scopes, expires_at: input.expires_at ?? null, created_by_id: null })
      await d1.batch([
        ...(input.user_id ? [] : [insertRows(d1, users, [{ id: user_id, organization_id, name }])]),
        insertRows(d1, apiKeys, [made.row]),
      ])
      return { ...made.row, key: made.key }
    }
    return createOnce(ctx, 'apiKey', make, (id) => renewed(ctx, organization_id, id))
  },

  /** Ends a key for good. The row stays, so that it can be seen who held it; revoking twice keeps the first time. */
  async revoke(ctx: Ctx, id: string): Promise<ApiKey> {
    const key = await rows.get(ctx, id)
    return key.revoked_at === null ? rows.update(ctx, id, { revoked_at: new Date().toISOString() }) : key
  },
}

/**
 * Whom a key speaks for, in one query: null when the key is unknown, expired or revoked, or its user or organization is gone.
 * The time of last use is written at most once a minute, after the response.
 */
export async function actorOfKey(d1: D1Database, key: string, defer: (work: Promise<unknown>) => void): Promise<Actor | null> {
  const now = Date.now()
  const [found] = await database(d1)
    .select({
      id: apiKeys.id,
      organization_id: apiKeys.organization_id,
      user_id: apiKeys.user_id,
      scopes: apiKeys.scopes,
      last_used_at: apiKeys.last_used_at,
    })
    .from(apiKeys)
    .innerJoin(organizations, and(eq(organizations.id, apiKeys.organization_id), eq(organizations.is_deleted, false)))
    .innerJoin(users, and(eq(users.id, apiKeys.user_id), eq(users.is_deleted, false)))
    .where(
      and(
        eq(apiKeys.key_hash, await sha256(key)),
        eq(apiKeys.is_deleted, false),
        isNull(apiKeys.revoked_at),
        or(isNull(apiKeys.expires_at), gt(apiKeys.expires_at, new Date(now).toISOString())),
      ),
    )
    .limit(1)
  if (!found) return null
  if (found.last_used_at === null || now - Date.parse(found.last_used_at) >= touchEveryMs) {
    // Written past the ORM: being used is not a change, so `updated_at` stays.
    defer(d1.prepare('update api_keys set last_used_at = ?1 where id = ?2').bind(now, found.id).run())
  }
  return { organization_id: found.organization_id, user_id: found.user_id, scopes: found.scopes }
}
