import type { Migration } from './bundle.ts'

const createTable = `create table if not exists d1_migrations(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/**
 * Applies to a D1 database what it lacks, in order, each migration and its entry in wrangler's `d1_migrations` table in one
 * transaction. Resolves with the names applied; throws naming the migration that failed, which then left nothing behind.
 */
export async function applyMigrations(db: D1Database, migrations: Migration[]): Promise<string[]> {
  await db.prepare(createTable).run()
  const { results } = await db.prepare('select name from d1_migrations').all<{ name: string }>()
  const known = new Set(results.map(({ name }) => name))
  const pending = migrations.filter(({ name }) => !known.has(name))
  for (const { name, queries } of pending) {
    try {
      await db.batch([...queries.map((query) => db.prepare(query)), db.prepare('insert into d1_migrations (name) values (?)').bind(name)])
    } catch (error) {
      throw new Error(`Migration ${name} failed and was rolled back: ${(error as Error).message}`, { cause: error })
    }
  }
  return pending.map(({ name }) => name)
}
