import { type Layout, Page } from './page'

/** Most pages of one namespace. */
const pagesMax = 2 ** 20
/** The key of a page: its number among the pages of its namespace. */
export const pageKey = (namespace: number, number: number): number => namespace * pagesMax + number

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
  get(key: number): Page {
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
  make(key: number): void {
    this.#kept.set(key, new Page(this.layout))
  }

  save(key: number): void {
    this.#sql.exec('insert or replace into pages (page, body) values (?, ?)', key, this.get(key).buffer)
  }

  remove(key: number): void {
    this.#kept.delete(key)
    this.#sql.exec('delete from pages where page = ?', key)
  }

  /** Drops from memory what was used longest ago, down to the limit. */
  trim(): void {
    if (this.bytes <= this.limit) return
    for (const key of this.#kept.keys()) {
      this.#kept.delete(key)
      if (this.bytes <= this.limit) return
    }
  }

  /** Drops everything from memory: what was changed and not committed is gone. */
  forget(): void {
    this.#kept.clear()
  }
}
