import { indexedText } from './filter'
import type { Bound } from './spec'

/** Codes of the texts that can be filtered, with how often each is in use: a page holds the codes. Codes begin at 1. */
export class Terms {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** The code of a text, which it gets now when it has none. */
  code(text: string): number {
    const statement = 'insert into terms (text, uses) values (?, 0) on conflict (text) do update set uses = uses returning code'
    return this.#sql.exec<{ code: number }>(statement, text).one().code
  }

  /** Changes how often codes are in use. What no vector has any more is forgotten. */
  count(changes: ReadonlyMap<number, number>): void {
    for (const [code, change] of changes) this.#sql.exec('update terms set uses = uses + ? where code = ?', change, code)
    this.#sql.exec('delete from terms where uses = 0 and code in (select value from json_each(?))', JSON.stringify([...changes.keys()]))
  }

  /** Codes of the texts that begin as these do. */
  equal(texts: string[]): Set<number> {
    return this.#codes('text in (select value from json_each(?))', JSON.stringify(texts.map(indexedText)))
  }

  /** Codes of the texts between two, in the order of their bytes. */
  between(above: Bound | undefined, below: Bound | undefined): Set<number> {
    if ([above, below].some((bound) => bound && typeof bound.value !== 'string')) return new Set()
    const bounds = [above && { ...above, sign: '>' }, below && { ...below, sign: '<' }].filter((bound) => bound !== undefined)
    const where = bounds.map(({ sign, inclusive }) => `text ${sign}${inclusive ? '=' : ''} ?`).join(' and ')
    return this.#codes(where, ...bounds.map(({ value }) => indexedText(String(value))))
  }

  #codes(where: string, ...params: string[]): Set<number> {
    const found = this.#sql.exec<{ code: number }>(`select code from terms where ${where}`, ...params)
    return new Set(Array.from(found, ({ code }) => code))
  }
}
