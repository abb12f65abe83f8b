import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Reads rows of a database by SQL. */
// biome-ignore lint/suspicious/noExplicitAny: rows are what the query says
export type Query = <T = Record<string, any>>(sql: string, ...params: (string | number | null)[]) => T[]

/** What `work` reads in a copy of a database file, so that the state itself is left as the server left it. */
function inCopy<T>(file: string, work: (query: Query) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'loci-copy-'))
  try {
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, path.join(folder, `copy${suffix}`))
    const database = new DatabaseSync(path.join(folder, 'copy'))
    try {
      return work((sql, ...params) => database.prepare(sql).all(...params) as never)
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function databasesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite') && name !== 'metadata.sqlite')
    .map((name) => path.join(folder, name))
}

/** What `work` reads in D1 of a server that does not run. */
export function inD1<T>(state: string, work: (query: Query) => T): T {
  const [file, ...others] = databasesIn(path.join(state, 'data', 'd1', 'miniflare-D1DatabaseObject'))
  if (!file || others.length > 0) throw new Error(`one D1 database was expected in ${state}`)
  return inCopy(file, work)
}

/** What `work` reads in each object of a class, of a server that does not run. Objects that never stored anything are left out. */
export function inObjects<T>(state: string, className: 'AgentObject' | 'DeliveryObject', work: (query: Query) => T): T[] {
  return databasesIn(path.join(state, 'data', 'do', `loci-${className}`)).flatMap((file) =>
    inCopy(file, (query) => {
      const [born] = query("select 1 from sqlite_master where type = 'table' and name = 'schedule'")
      return born ? [work(query)] : []
    }),
  )
}
