import { and, count, eq, getTableName, type InferInsertModel, inArray, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Actor, Ctx } from '../context'
import { notFound } from '../lib/errors'
import type { Page } from '../lib/page'
import { listAmong, listPage } from './page'
import { insertRows, type Row } from './rows'

type Owned = 'id' | 'organization_id' | 'created_at' | 'updated_at' | 'is_deleted' | 'created_by_id' | 'last_updated_by_id'
export type TenantTable = SQLiteTable & Record<Owned, SQLiteColumn>
type New<T extends TenantTable> = Omit<InferInsertModel<T>, Exclude<Owned, 'id'>>

/** `value in (…)` over any number of values: D1 binds at most 100 parameters, so they travel as one JSON text. */
export const anyOf = (column: SQLiteColumn, values: readonly (string | number)[]): SQL =>
  values.length === 1 ? eq(column, values[0]) : inArray(column, sql`(select value from json_each(${JSON.stringify(values)}))`)

/** The candidates (see `listAmong`) of a filter by ids: none when it is not given. */
export const among = (ids: readonly string[] | undefined): SQL[] =>
  ids ? [sql`select value as id from json_each(${JSON.stringify(ids)})`] : []

/** Case-insensitive substring. `LIKE` is out: D1 limits its pattern to 50 bytes. */
export const containsText = (column: SQLiteColumn | SQL, text: string): SQL => sql`instr(lower(${column}), lower(${text})) > 0`

/** Statement that soft-deletes rows of the actor's organization, returning the ids of those that were there; for use inside a bigger batch. */
export const softDelete = (
  d1: D1Database,
  table: TenantTable,
  by: Pick<Actor, 'organization_id'> & { user_id: string | null },
  ids: readonly string[],
): D1PreparedStatement =>
  d1
    .prepare(
      // The `+` keeps the organization's index out of the plan: the ids lead.
      `update "${getTableName(table)}" set is_deleted = 1, updated_at = ?3, last_updated_by_id = ?4
      where id in (select value from json_each(?1)) and +organization_id = ?2 and is_deleted = 0 returning id`,
    )
    .bind(JSON.stringify(ids), by.organization_id, Date.now(), by.user_id)

/** Candidates for `listAmong` by tags, out of a table of tags: the rows of each tag when a row must have them all, else those of any. */
export function taggedWith(table: 'agents_tags' | 'blocks_tags', ctx: Ctx, tags: string[] | undefined, all: boolean | undefined): SQL[] {
  if (!tags?.length) return []
  const owner = sql.raw(table === 'agents_tags' ? 'agent_id' : 'block_id')
  const having = (some: string[]) => sql`select ${owner} as id from ${sql.raw(table)}
    where organization_id = ${ctx.actor.organization_id} and tag in (select value from json_each(${JSON.stringify(some)}))`
  return all ? tags.map((tag) => having([tag])) : [having(tags)]
}

/**
 * The operations every resource needs, each confined to the actor's organization and blind to soft-deleted rows.
 * There is no way to call it unscoped. `noun` names a row in errors.
 */
export function repository<T extends TenantTable>(table: T, noun: string) {
  const ofOrganization = (ctx: Ctx) => eq(table.organization_id, ctx.actor.organization_id)
  const owned = (ctx: Ctx, ...more: (SQL | undefined)[]) => and(ofOrganization(ctx), eq(table.is_deleted, false), ...more)
  // Drizzle cannot see that a generic T has the insert and update models of T; the casts below only restate it.
  const first = (rows: unknown[], id?: string) => {
    if (!rows[0]) throw notFound(noun, id)
    return rows[0] as Row<T>
  }
  return {
    owned,
    async list(ctx: Ctx, page: Page, where?: SQL, by: SQLiteColumn = table.created_at): Promise<Row<T>[]> {
      return listPage(ctx.db, table, { by, id: table.id }, page, owned(ctx, where), ofOrganization(ctx))
    },
    /** A list with filters that few rows may pass: `candidates` are queries for ids, see `listAmong`. */
    async listAmong(
      ctx: Ctx,
      page: Page,
      where: SQL | undefined,
      candidates: SQL[],
      by: SQLiteColumn = table.created_at,
    ): Promise<Row<T>[]> {
      const sort = { by, id: table.id }
      return candidates.length > 0
        ? listAmong(ctx.db, table, sort, page, owned(ctx, where), candidates, ofOrganization(ctx))
        : listPage(ctx.db, table, sort, page, owned(ctx, where), ofOrganization(ctx))
    },
    async count(ctx: Ctx, where?: SQL): Promise<number> {
      const [row] = await ctx.db
        .select({ n: count() })
        .from(table as SQLiteTable)
        .where(owned(ctx, where))
      return row?.n ?? 0
    },
    async get(ctx: Ctx, id: string): Promise<Row<T>> {
      return first(
        await ctx.db
          .select()
          .from(table as SQLiteTable)
          .where(owned(ctx, eq(table.id, id)))
          .limit(1),
        id,
      )
    },
    /** The rows of the given ids, in the order of the ids; ids that are not there are left out. */
    async getMany(ctx: Ctx, ids: readonly string[]): Promise<Row<T>[]> {
      if (ids.length === 0) return []
      const rows = (await ctx.db
        .select()
        .from(table as SQLiteTable)
        .where(owned(ctx, anyOf(table.id, ids)))) as Row<T>[]
      const byId = new Map(rows.map((row) => [row.id as string, row]))
      return ids.flatMap((id) => byId.get(id) ?? [])
    },
    /** Throws 404 naming the first of the ids that is not there. */
    async assertAll(ctx: Ctx, ids: readonly string[]): Promise<void> {
      if (ids.length === 0) return
      const rows = (await ctx.db
        .select({ id: table.id })
        .from(table as SQLiteTable)
        .where(owned(ctx, anyOf(table.id, ids)))) as { id: string }[]
      const found = new Set(rows.map((row) => row.id))
      const missing = ids.find((id) => !found.has(id))
      if (missing !== undefined) throw notFound(noun, missing)
    },
    async create(ctx: Ctx, input: New<T>): Promise<Row<T>> {
      const { organization_id, user_id } = ctx.actor
      const values = { ...input, organization_id, created_by_id: user_id, last_updated_by_id: user_id } as unknown as InferInsertModel<T>
      return first(await ctx.db.insert(table).values(values).returning())
    },
    /**
     * Statement that creates rows, returning them whole, in any number; for use inside a bigger batch. `only` follows the rows: another
     * condition (`and …`) or what to do on a conflict.
     */
    createMany(ctx: Ctx, inputs: New<T>[], only = ''): D1PreparedStatement {
      const { organization_id, user_id } = ctx.actor
      const rows = inputs.map((input) => ({ ...input, organization_id, created_by_id: user_id, last_updated_by_id: user_id }))
      return insertRows(ctx.env.DB, table, rows as unknown as Partial<Row<T>>[], `${only} returning *`)
    },
    async update(ctx: Ctx, id: string, input: Partial<New<T>>): Promise<Row<T>> {
      const set = { ...input, last_updated_by_id: ctx.actor.user_id } as never
      return first(
        (await ctx.db
          .update(table)
          .set(set)
          .where(owned(ctx, eq(table.id, id)))
          .returning()) as unknown[],
        id,
      )
    },
    /** Soft delete: the row stays, no read finds it. */
    async remove(ctx: Ctx, id: string): Promise<void> {
      first((await softDelete(ctx.env.DB, table, ctx.actor, [id]).all()).results, id)
    },
    /** Statement that soft-deletes rows, returning the ids of those that were there; for use inside a bigger batch. */
    removeMany: (ctx: Ctx, ids: readonly string[]): D1PreparedStatement => softDelete(ctx.env.DB, table, ctx.actor, ids),
  }
}
