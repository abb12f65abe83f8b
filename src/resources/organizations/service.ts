import { and, eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { listPage } from '../../db/page'
import type { Row } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import type { OrganizationCreate, OrganizationUpdate } from './schema'
import { organizations } from './table'

type Organization = Row<typeof organizations>

const alive = eq(organizations.is_deleted, false)
const first = (rows: Organization[], id: string): Organization => {
  if (!rows[0]) throw notFound('Organization', id)
  return rows[0]
}

/** Organizations, as the operator sees them: no verb here is confined to one of them. */
export const organizationService = {
  list: (ctx: Ctx, page: Page): Promise<Organization[]> =>
    listPage(ctx.db, organizations, { by: organizations.created_at, id: organizations.id }, page, alive),

  async get(ctx: Ctx, id: string): Promise<Organization> {
    return first(
      await ctx.db
        .select()
        .from(organizations)
        .where(and(eq(organizations.id, id), alive)),
      id,
    )
  },

  async create(ctx: Ctx, input: z.output<typeof OrganizationCreate>): Promise<Organization> {
    const make = async (id: string) => {
      const [row] = await ctx.db
        .insert(organizations)
        .values({ ...input, id })
        .returning()
      return row as Organization
    }
    return createOnce(ctx, 'organization', make, (id) => organizationService.get(ctx, id))
  },

  async update(ctx: Ctx, id: string, input: z.output<typeof OrganizationUpdate>): Promise<Organization> {
    return first(
      await ctx.db
        .update(organizations)
        .set(input)
        .where(and(eq(organizations.id, id), alive))
        .returning(),
      id,
    )
  },

  /** Soft delete. Every key of the organization stops working at once; its data stays. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    first(
      await ctx.db
        .update(organizations)
        .set({ is_deleted: true })
        .where(and(eq(organizations.id, id), alive))
        .returning(),
      id,
    )
  },
}
