import { getTableColumns, getTableName } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'

export type Row<T extends SQLiteTable> = T['$inferSelect']

const columnsOf = (table: SQLiteTable) => Object.entries(getTableColumns(table)) as [string, SQLiteColumn][]
const isJson = (column: SQLiteColumn) => column.dataType === 'json'

/** A row as the database stores it (instants in milliseconds, flags as 0 or 1), JSON columns still as values. */
function stored(columns: [string, SQLiteColumn][], row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    columns.map(([key, column]) => {
      const value = row[key] ?? column.defaultFn?.() ?? null
      return [column.name, value === null || isJson(column) ? value : column.mapToDriverValue(value)]
    }),
  )
}

/**
 * One statement that inserts any number of rows through a single JSON parameter (D1 binds at most 100 parameters a statement).
 * `conflict` is what follows the rows, for example `on conflict do nothing`. Columns absent from every row get their defaults.
 */
export function insertRows<T extends SQLiteTable>(d1: D1Database, table: T, rows: Partial<Row<T>>[], conflict = ''): D1PreparedStatement {
  const used = columnsOf(table).filter(([key, column]) => column.defaultFn !== undefined || rows.some((row) => key in row))
  const names = used.map(([, column]) => `"${column.name}"`).join(', ')
  const values = used.map(([, column]) => `json_extract(value, '$."${column.name}"')`).join(', ')
  const data = JSON.stringify(rows.map((row) => stored(used, row)))
  // `where true` keeps SQLite from reading `on conflict` as a join condition.
  return d1.prepare(`insert into "${getTableName(table)}" (${names}) select ${values} from json_each(?1) where true ${conflict}`).bind(data)
}

/** A raw D1 row as the table's row: names, JSON and instants mapped. */
export function readRow<T extends SQLiteTable>(table: T, raw: Record<string, unknown>): Row<T> {
  return Object.fromEntries(
    columnsOf(table).map(([key, column]) => {
      const value = raw[column.name] ?? null
      return [key, value === null ? null : column.mapFromDriverValue(value as never)]
    }),
  ) as Row<T>
}
