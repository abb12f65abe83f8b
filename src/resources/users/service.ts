import { and, eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { listPage } from '../../db/page'
import type { Row } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { organizationService } from '../organizations/service'
import type { UserCreate, UserQuery, UserUpdate } from './schema'
import { users } from './table'

type User = Row<typeof users>

const alive = eq(users.is_deleted, false)
const first = (rows: User[], id: string): User => {
  if (!rows[0]) throw notFound('User', id)
  return rows[0]
}

/** Users of any organization, as the operator sees them. */
export const userService = {
  list(ctx: Ctx, query: z.output<typeof UserQuery> & Page): Promise<User[]> {
    const { organization_id } = query
    // Ids are in order of creation, so the primary key sorts the list of all users.
    const by = organization_id === undefined ? users.id : users.created_at
    const where = and(alive, organization_id === undefined ? undefined : eq(users.organization_id, organization_id))
    return listPage(ctx.db, users, { by, id: users.id }, query, where)
  },

  async get(ctx: Ctx, id: string): Promise<User> {
    return first(
      await ctx.db
        .select()
        .from(users)
        .where(and(eq(users.id, id), alive)),
      id,
    )
  },

  async create(ctx: Ctx, input: z.output<typeof UserCreate>): Promise<User> {
    await organizationService.get(ctx, input.organization_id)
    const make = async (id: string) => {
      const [row] = await ctx.db
        .insert(users)
        .values({ ...input, id })
        .returning()
      return row as User
    }
    return createOnce(ctx, 'user', make, (id) => userService.get(ctx, id))
  },

  async update(ctx: Ctx, id: string, input: z.output<typeof UserUpdate>): Promise<User> {
    return first(
      await ctx.db
        .update(users)
        .set(input)
        .where(and(eq(users.id, id), alive))
        .returning(),
      id,
    )
  },

  /** Soft delete. The user's keys stop working at once. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    first(
      await ctx.db
        .update(users)
        .set({ is_deleted: true })
        .where(and(eq(users.id, id), alive))
        .returning(),
      id,
    )
  },
}
