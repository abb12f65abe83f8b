import { type Layout, Page } from './page'

/** Pages of a namespace that can be told apart. */
const pagesMax = 2 ** 20
const keyOf = (namespace: number, number: number): number => namespace * pagesMax + number

/** The pages of an index: in SQLite, and those that were last used in memory, up to a number of bytes. */
export class Pages {
  readonly #sql: SqlStorage
  readonly #kept = new Map<number, Page>()

  constructor(
    sql: SqlStorage,
    readonly layout: Layout,
    /** Bytes of pages that `trim` leaves in memory. */
    public limit: number,
  ) {
    this.#sql = sql
  }

  /** Bytes of the pages in memory. */
  get bytes(): number {
    return this.#kept.size * this.layout.bytes
  }

  /** A page that was saved, or made and not yet saved. */
  get(namespace: number, number: number): Page {
    const key = keyOf(namespace, number)
    let page = this.#kept.get(key)
    if (page) this.#kept.delete(key)
    else {
      const { body } = this.#sql.exec<{ body: ArrayBuffer }>('select body from pages where page = ?', key).one()
      page = new Page(this.layout, body)
    }
    // A map keeps its order: what was used last is at its end.
    this.#kept.set(key, page)
    return page
  }

  /** An empty page; it is stored when it is saved. */
  make(namespace: number, number: number): Page {
    const page = new Page(this.layout)
    this.#kept.set(keyOf(namespace, number), page)
    return page
  }

  save(namespace: number, number: number): void {
    const key = keyOf(namespace, number)
    this.#sql.exec('insert or replace into pages (page, body) values (?, ?)', key, this.get(namespace, number).buffer)
  }

  remove(namespace: number, number: number): void {
    const key = keyOf(namespace, number)
    this.#kept.delete(key)
    this.#sql.exec('delete from pages where page = ?', key)
  }

  /** Drops from memory what was used longest ago, down to the limit. */
  trim(): void {
    for (const key of this.#kept.keys()) {
      if (this.bytes <= this.limit) return
      this.#kept.delete(key)
    }
  }

  /** Drops everything from memory: what was changed and not committed is gone. */
  forget(): void {
    this.#kept.clear()
  }
}
