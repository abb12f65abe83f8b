import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'

const files = readdirSync('migrations')
  .filter((file) => file.endsWith('.sql'))
  .sort()

const apply = (db: DatabaseSync, file: string) => {
  for (const statement of readFileSync(`migrations/${file}`, 'utf8').split('--> statement-breakpoint'))
    if (statement.trim()) db.exec(statement)
}

interface Column {
  name: string
  type: string
  notnull: number
  dflt_value: string | null
}
interface Reference {
  id: number
  seq: number
  table: string
  from: string
  to: string | null
}

const rows = <T>(db: DatabaseSync, query: string) => db.prepare(query).all() as unknown as T[]
const tables = (db: DatabaseSync) =>
  rows<{ name: string }>(
    db,
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like '%_fts%' order by rowid",
  ).map((t) => t.name)

/** Puts two rows into every table, each column filled with something its type and the foreign keys allow. */
function populate(db: DatabaseSync, made: Map<string, Record<string, unknown>[]>): void {
  const visit = (table: string, path: string[]): void => {
    if (made.has(table) || path.includes(table)) return
    const references = rows<Reference>(db, `pragma foreign_key_list("${table}")`)
    const columns = rows<Column>(db, `pragma table_info("${table}")`)
    const mayBeNull = ({ from }: Reference) => columns.some(({ name, notnull }) => name === from && notnull === 0)
    for (const reference of references) if (!mayBeNull(reference)) visit(reference.table, [...path, table])
    const checked = rows<{ sql: string }>(db, `select sql from sqlite_master where name = '${table}'`)[0]?.sql ?? ''
    const built = [0, 1].map((n) => {
      const row: Record<string, unknown> = {}
      for (const { name, type } of columns) {
        const reference = references.find((r) => r.from === name && (r.to === 'id' || references.length === 1))
        const target = reference && made.get(reference.table)?.[n]
        if (target) row[name] = target[reference.to ?? 'id']
        else if (checked.includes(`json_valid("${table}"."${name}")`)) row[name] = '[]'
        else if (reference && mayBeNull(reference)) row[name] = null
        else if (type.toUpperCase() === 'INTEGER') row[name] = name === 'limit' ? 1000 : name === 'return_char_limit' ? 100 : n + 1
        // A vector of n + 1 dimensions.
        else if (name === 'vector') row[name] = 'A'.repeat(8 + 4 * n)
        else row[name] = `${table}-${name}-${n}`
      }
      for (const reference of references) {
        const target = made.get(reference.table)?.[n]
        if (target) row[reference.from] = target[reference.to ?? 'id']
      }
      const names = Object.keys(row)
      db.prepare(`insert into "${table}" (${names.map((c) => `"${c}"`).join(', ')}) values (${names.map(() => '?').join(', ')})`).run(
        ...(Object.values(row) as string[]),
      )
      return row
    })
    made.set(table, built)
  }
  for (const table of tables(db)) visit(table, [])
}

describe('migrations', () => {
  it('are numbered without a gap or a repeat', () => {
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, i) => i))
  })

  it('are the ones that the generator knows of', () => {
    const journal = JSON.parse(readFileSync('migrations/meta/_journal.json', 'utf8')) as { entries: { tag: string }[] }
    expect(journal.entries.map((entry) => `${entry.tag}.sql`)).toEqual(files)
  })

  it('keep every row of a database that was in use, each applied to the one before it', () => {
    const db = new DatabaseSync(':memory:')
    db.exec('pragma foreign_keys = on')
    const made = new Map<string, Record<string, unknown>[]>()
    for (const file of files) {
      apply(db, file)
      populate(db, made)
      for (const [table, inserted] of made) {
        const ids = rows<Record<string, unknown>>(db, `select * from "${table}"`)
        for (const row of inserted) expect(ids).toContainEqual(expect.objectContaining(row))
      }
      expect(rows(db, 'pragma foreign_key_check')).toEqual([])
      expect(rows(db, 'pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
    }
    expect(made.size).toBeGreaterThan(20)
  })

  it('find by words the messages that were there before the search index', () => {
    const db = new DatabaseSync(':memory:')
    const made = new Map<string, Record<string, unknown>[]>()
    for (const file of files) {
      apply(db, file)
      populate(db, made)
    }
    const found = (word: string) =>
      rows<{ id: string }>(db, `select m.id from messages_fts f join messages m on m.rowid = f.rowid where messages_fts match '${word}'`)
    expect(found('text')).toHaveLength(2)
    db.exec("update messages set text = 'the quick brown fox' where id = 'messages-id-0'")
    expect(found('fox')).toEqual([{ id: 'messages-id-0' }])
    expect(found('text')).toEqual([{ id: 'messages-id-1' }])
  })

  it('owe the vectors of the passages that were there before there were any', () => {
    const db = new DatabaseSync(':memory:')
    const made = new Map<string, Record<string, unknown>[]>()
    for (const file of files) {
      apply(db, file)
      populate(db, made)
    }
    const owed = "select id, namespace, model from vectors where state = 'pending' order by id"
    const rowOf = (table: string, owner: string, column: string) => (n: number) => ({
      id: made.get(table)?.[n]?.id,
      namespace: made.get(table)?.[n]?.[column],
      model: made.get(owner)?.[n]?.embedding,
    })
    expect(rows(db, owed)).toEqual([
      ...[0, 1].map(rowOf('archival_passages', 'archives', 'archive_id')),
      ...[0, 1].map(rowOf('source_passages', 'sources', 'source_id')),
    ])
  })

  it('find by words the tools that were there before the search index', () => {
    const db = new DatabaseSync(':memory:')
    const made = new Map<string, Record<string, unknown>[]>()
    for (const file of files) {
      apply(db, file)
      populate(db, made)
    }
    const found = (words: string) =>
      rows<{ id: string }>(db, `select t.id from tools_fts f join tools t on t.rowid = f.rowid where tools_fts match '${words}'`)
    expect(found('description')).toHaveLength(2)
    db.exec("update tools set description = 'rolls a die' where id = 'tools-id-0'")
    expect(found('roll')).toEqual([{ id: 'tools-id-0' }])
    expect(found('description')).toEqual([{ id: 'tools-id-1' }])
    db.exec("delete from tools where id = 'tools-id-0'")
    expect(found('roll')).toEqual([])
  })
})
