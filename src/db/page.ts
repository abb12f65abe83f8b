import { and, asc, desc, eq, getTableName, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { notFound } from '../lib/errors'
import type { Page } from '../lib/page'
import type { Database } from './client'
import type { Row } from './rows'

/** What a list is sorted by: one column and, as tie-break, the id. Rows without a value come last in both directions. */
export interface Sort {
  by: SQLiteColumn
  id: SQLiteColumn
}

interface Cursor {
  by: string | number | null
  id: string
}

/** Compares rows as a list in this order has them. */
function comparing(order: Page['order']) {
  const up = order === 'asc' ? 1 : -1
  const compare = (a: string | number, b: string | number) => (a === b ? 0 : a < b ? -up : up)
  return (a: Cursor, b: Cursor): number => {
    if (a.by === null || b.by === null) return Number(a.by === null) - Number(b.by === null) || compare(a.id, b.id)
    return compare(a.by, b.by) || compare(a.id, b.id)
  }
}

/** The comparison that keeps rows strictly beyond a cursor. */
function beyond({ by, id }: Sort, cursor: Cursor, up: boolean): SQL {
  const sign = sql.raw(up ? '>' : '<')
  return by === id ? sql`${id} ${sign} ${cursor.id}` : sql`(${by}, ${id}) ${sign} (${cursor.by}, ${cursor.id})`
}

/** A stretch of a list that one index range holds: all of it, or its rows with a value, or those without. */
interface Stretch {
  sort: Sort
  where: SQL | undefined
}

/**
 * The stretches of a list between two cursors, in the order of the list. A nullable column makes two, since a comparison with
 * null is never true, and each stays a range of the index.
 */
function stretches(sort: Sort, after: Cursor | null, before: Cursor | null, up: boolean): Stretch[] {
  const within = (inner: Sort, from: Cursor | null, to: Cursor | null) =>
    and(from ? beyond(inner, from, up) : undefined, to ? beyond(inner, to, !up) : undefined)
  if (sort.by.notNull || sort.by === sort.id) return [{ sort, where: within(sort, after, before) }]
  const blankSort = { by: sort.id, id: sort.id }
  const isBlank = (cursor: Cursor | null) => cursor !== null && cursor.by === null
  const valued = { sort, where: and(isNotNull(sort.by), within(sort, after, isBlank(before) ? null : before)) }
  const blank = { sort: blankSort, where: and(isNull(sort.by), within(blankSort, isBlank(after) ? after : null, before)) }
  return [...(isBlank(after) ? [] : [valued]), ...(before && !isBlank(before) ? [] : [blank])]
}

/** What the cursors of a page name: `after` and `before`. One that `where` does not hold for is a 404. */
function cursorsOf(db: Database, table: SQLiteTable, sort: Sort, page: Page, where: SQL | undefined): Promise<(Cursor | null)[]> {
  const cursorAt = async (id: string): Promise<Cursor> => {
    const [row] = await db
      .select({ by: sql<Cursor['by']>`${sort.by}`, id: sql<string>`${sort.id}` })
      .from(table)
      .where(and(where, eq(sort.id, id)))
      .limit(1)
    if (!row) throw notFound(`Cursor in ${getTableName(table)}`, id)
    return row
  }
  return Promise.all([page.after, page.before].map((id) => (id ? cursorAt(id) : null)))
}

/**
 * One page of `table` where `where` holds, by keyset: stable while rows are written, since a cursor names a row and not an offset.
 * `cursors` is what a row must match to be a cursor, all of `where` unless given: so a row that was deleted meanwhile, or that a filter
 * now leaves out, keeps its place. Any other cursor is a 404. With `before` alone the page holds the rows nearest to the cursor.
 */
export async function listPage<T extends SQLiteTable>(
  db: Database,
  table: T,
  sort: Sort,
  page: Page,
  where: SQL | undefined,
  cursors: SQL | undefined = where,
): Promise<Row<T>[]> {
  const up = page.order === 'asc'
  const [after = null, before = null] = await cursorsOf(db, table, sort, page, cursors)
  const backwards = before !== null && after === null
  const direction = up !== backwards ? asc : desc
  const inOrder = stretches(sort, after, before, up)
  const rows: unknown[] = []
  for (const stretch of backwards ? inOrder.reverse() : inOrder) {
    const { by, id } = stretch.sort
    if (rows.length === page.limit) break
    const found = await db
      .select()
      .from(table as SQLiteTable)
      .where(and(where, stretch.where))
      .orderBy(...(by === id ? [id] : [by, id]).map(direction))
      .limit(page.limit - rows.length)
    rows.push(...found)
  }
  return (backwards ? rows.reverse() : rows) as Row<T>[]
}

/** With more rows than this among its candidates, a list is read in its own order, each row tested. */
const many = 1000

/**
 * One page of `table` where `where` holds, as `listPage` gives it, for a filter that few of many rows may pass. `candidates` are queries
 * for a column `id`, each of a set that every row of the answer is in. When the smallest set is small, its rows are read and put in order;
 * otherwise rows that pass are dense enough to be met soon.
 */
export async function listAmong<T extends SQLiteTable>(
  db: Database,
  table: T,
  sort: Sort,
  page: Page,
  where: SQL | undefined,
  candidates: SQL[],
  cursors: SQL | undefined = where,
): Promise<Row<T>[]> {
  const sizes = await Promise.all(
    candidates.map(async (ids) => (await db.get<{ n: number }>(sql`select count(*) as n from (${ids} limit ${many + 1})`)).n),
  )
  const smallest = Math.min(...sizes)
  if (smallest > many) return listPage(db, table, sort, page, where, cursors)
  const [after = null, before = null] = await cursorsOf(db, table, sort, page, cursors)
  // `cross join` keeps the order: first the candidates, then their rows by id.
  const found = await db.all<Cursor>(
    sql`select ${sort.id} as id, ${sort.by} as "by" from (select distinct id from (${candidates[sizes.indexOf(smallest)]})) as c
      cross join ${table} on ${sort.id} = c.id where ${where}`,
  )
  const compare = comparing(page.order)
  const within = found.filter((key) => (!after || compare(key, after) > 0) && (!before || compare(key, before) < 0)).sort(compare)
  const window = (before && !after ? within.slice(-page.limit) : within.slice(0, page.limit)).map(({ id }) => id)
  const ids = JSON.stringify(window)
  const rows = (await db
    .select()
    .from(table as SQLiteTable)
    .where(sql`${sort.id} in (select value from json_each(${ids}))`)) as Row<T>[]
  const byId = new Map(rows.map((row) => [(row as { id: string }).id, row]))
  return window.flatMap((id) => byId.get(id) ?? [])
}
