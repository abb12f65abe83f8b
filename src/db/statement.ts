/** A query that Drizzle can put into SQL: every one of its builders. */
interface Compiled {
  toSQL(): { sql: string; params: unknown[] }
}

/** A Drizzle query as a D1 statement, for a batch that also holds statements made by hand. */
export function statement(d1: D1Database, query: Compiled): D1PreparedStatement {
  const { sql, params } = query.toSQL()
  return d1.prepare(sql).bind(...params)
}
