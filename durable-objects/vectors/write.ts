import { indexedValue } from './filter'
import { type Page, pageSlots } from './page'
import { pageKey } from './pages'
import type { Namespace, Parts } from './parts'
import type { CheckedVector } from './spec'

/** Where a vector is. */
export type Entry = { row: number; namespace: number; slot: number }

const keyOfSlot = (namespace: number, slot: number): number => pageKey(namespace, Math.floor(slot / pageSlots))

interface Touched {
  key: number
  page: Page
  /** Slots whose sketch is missing. */
  unsketched: Set<number>
}

/**
 * The work of one mutation, inside its transaction. A removal closes its gap with the namespace's last vector. Sketches are made at the end,
 * from the vectors as they are stored then, so that what moved between pages is sketched about the right centre.
 */
export class Change {
  readonly #parts: Parts
  readonly #touched = new Map<number, Touched>()
  readonly #namespaces = new Map<number, Namespace>()
  readonly #codes = new Map<string, number>()
  /** How much more often codes are in use. */
  readonly #uses = new Map<number, number>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  find(id: string): Entry | undefined {
    return this.#parts.sql.exec<Entry>('select row, namespace, slot from entries where id = ?', id).toArray()[0]
  }

  /** Adds a vector whose id is not there; with `row` it gets that of the one it replaces. */
  add({ id, values, namespace: name, metadata }: CheckedVector, row?: number): void {
    const { sql, pages } = this.#parts
    const namespace = this.#named(name)
    const slot = namespace.count++
    const key = keyOfSlot(namespace.key, slot)
    const own = slot % pageSlots
    const entry = 'insert into entries (row, id, namespace, slot, metadata) values (?, ?, ?, ?, ?) returning row'
    const added = sql.exec<{ row: number }>(entry, row ?? null, id, namespace.key, slot, metadata).one()
    sql.exec('insert into vectors (row, body) values (?, ?)', added.row, values.buffer as ArrayBuffer)
    if (own === 0) pages.make(key)
    this.#fill(key, own, added.row, metadata)
  }

  /** Puts a stored vector into its page again, after all pages were deleted. */
  restore({ row, namespace, slot }: Entry, metadata: string | null): void {
    const key = keyOfSlot(namespace, slot)
    if (!this.#touched.has(key)) this.#parts.pages.make(key)
    this.#fill(key, slot % pageSlots, row, metadata)
  }

  remove({ row, namespace: key, slot }: Entry): void {
    const { sql, layout, pages } = this.#parts
    const namespace = this.#keyed(key)
    const last = --namespace.count
    const hole = this.#page(keyOfSlot(key, slot))
    const tail = this.#page(keyOfSlot(key, last))
    const own = slot % pageSlots
    const end = last % pageSlots
    layout.texts.forEach((_, column) => {
      this.#use(hole.page.codes[column * pageSlots + own] as number, -1)
    })
    if (slot !== last) {
      hole.page.copy(own, tail.page, end)
      hole.unsketched.add(own)
      sql.exec('update entries set slot = ? where row = ?', slot, hole.page.rows[own] as number)
    }
    tail.page.shrink(end)
    tail.unsketched.delete(end)
    if (end === 0) {
      this.#touched.delete(tail.key)
      pages.remove(tail.key)
    }
    sql.exec('delete from entries where row = ?', row)
    sql.exec('delete from vectors where row = ?', row)
  }

  /** Writes what was gathered on the way. */
  finish(): void {
    const { sql, terms, pages } = this.#parts
    terms.count(this.#uses)
    for (const touched of this.#touched.values()) {
      this.#sketch(touched)
      pages.save(touched.key)
    }
    for (const { key, count } of this.#namespaces.values()) {
      if (count === 0) sql.exec('delete from namespaces where key = ?', key)
      else sql.exec('update namespaces set count = ? where key = ?', count, key)
    }
  }

  #fill(key: number, slot: number, row: number, json: string | null): void {
    const { layout, spec } = this.#parts
    const { page, unsketched } = this.#page(key)
    const metadata: unknown = json === null ? null : JSON.parse(json)
    page.rows[slot] = row
    page.count = Math.max(page.count, slot + 1)
    unsketched.add(slot)
    layout.numbers.forEach((path, column) => {
      const value = indexedValue(metadata, path, spec.metadata[path] as 'number' | 'boolean')
      page.numbers[column * pageSlots + slot] = value === null ? Number.NaN : Number(value)
    })
    layout.texts.forEach((path, column) => {
      const value = indexedValue(metadata, path, 'string')
      const code = value === null ? 0 : this.#code(String(value))
      page.codes[column * pageSlots + slot] = code
      this.#use(code, 1)
    })
  }

  #code(text: string): number {
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = this.#parts.terms.code(text)
      this.#codes.set(text, code)
    }
    return code
  }

  #use(code: number, times: number): void {
    if (code > 0) this.#uses.set(code, (this.#uses.get(code) ?? 0) + times)
  }

  /** Makes the missing sketches of a page; all of them about a new centre when it has twice as many vectors as its centre was made of. */
  #sketch({ page, unsketched }: Touched): void {
    const moved = page.count >= 2 * page.centred
    const slots = moved ? Array.from({ length: page.count }, (_, slot) => slot) : [...unsketched]
    const rotated = slots.map((slot) => ({ slot, ...this.#rotated(page.rows[slot] as number) }))
    if (moved) page.recentre(rotated.map(({ vector }) => vector))
    for (const { slot, vector, bias } of rotated) page.sketch(slot, vector, bias)
  }

  #rotated(row: number): { vector: Float32Array; bias: number } {
    const { sql, metric, rotate } = this.#parts
    const { body } = sql.exec<{ body: ArrayBuffer }>('select body from vectors where row = ?', row).one()
    const prepared = metric.prepare(new Float32Array(body))
    return { vector: rotate(prepared), bias: metric.bias(prepared) }
  }

  #page(key: number): Touched {
    const known = this.#touched.get(key)
    if (known) return known
    const touched = { key, page: this.#parts.pages.get(key), unsketched: new Set<number>() }
    this.#touched.set(key, touched)
    return touched
  }

  /** The namespace of a name, which is made now when it has no vectors yet. */
  #named(name: string): Namespace {
    const statement = 'insert into namespaces (name, count) values (?, 0) on conflict (name) do update set count = count returning *'
    return this.#known(() => this.#parts.sql.exec<Namespace>(statement, name).one())
  }

  #keyed(key: number): Namespace {
    return (
      this.#namespaces.get(key) ?? this.#known(() => this.#parts.sql.exec<Namespace>('select * from namespaces where key = ?', key).one())
    )
  }

  /** The count of this mutation, not the stored one, once it is touched. */
  #known(read: () => Namespace): Namespace {
    const stored = read()
    const known = this.#namespaces.get(stored.key) ?? stored
    this.#namespaces.set(known.key, known)
    return known
  }
}
