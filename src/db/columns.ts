import { sql } from 'drizzle-orm'
import { check, customType, index, integer, type SQLiteColumn, text } from 'drizzle-orm/sqlite-core'
import { type IdKind, newId } from '../lib/id'

/** An instant: epoch milliseconds in storage, ISO-8601 in a row, so that rows are what goes over the wire. */
export const instant = customType<{ data: string; driverData: number }>({
  dataType: () => 'integer',
  toDriver: (value) => Date.parse(value),
  fromDriver: (value) => new Date(value).toISOString(),
})

/** A JSON column. `T` is what code reads and writes; the database checks that the text is JSON. */
export const json = <T>(name?: string) => (name ? text(name, { mode: 'json' }) : text({ mode: 'json' })).$type<T>()

export type Json = Record<string, unknown>

/** Checks that every JSON column of a table holds JSON. */
export const jsonChecks = (table: string, columns: object) =>
  (Object.values(columns) as SQLiteColumn[])
    .filter((column) => column.dataType === 'json')
    .map((column) => check(`${table}_${column.name}_json`, sql`json_valid(${column})`))

export const flag = () => integer({ mode: 'boolean' })

const now = () => new Date().toISOString()

/** Audit columns of every table (seed 000): who wrote the row and when, and the mark of a soft delete. */
export const audit = () => ({
  created_at: instant().notNull().$defaultFn(now),
  updated_at: instant().notNull().$defaultFn(now).$onUpdateFn(now),
  is_deleted: flag().notNull().default(false),
  created_by_id: text(),
  last_updated_by_id: text(),
})

export const id = (kind: IdKind) =>
  text()
    .primaryKey()
    .$defaultFn(() => newId(kind))

/** Template columns of seed 000: plain strings, kept for clients that send them. */
export const template = () => ({ template_id: text(), base_template_id: text(), deployment_id: text() })

/** The condition that hides soft-deleted rows, for partial indexes. */
export const alive = sql`is_deleted = 0`

export { index }
