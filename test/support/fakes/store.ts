import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type SqlRow, type Store, schemaSteps } from '../../../durable-objects/agent/store'

/** An object's storage in Node: the same SQL over an in-memory SQLite, and a clock that the test moves. */
export class FakeStorage {
  readonly #db = new DatabaseSync(':memory:')
  #life = 0
  now = 1_700_000_000_000

  constructor() {
    for (const statement of schemaSteps.flat()) this.#db.exec(statement)
  }

  /** A store for one life of the object. After `crash` it refuses to be used, as a dead process would. */
  open(): Store {
    const life = this.#life
    let inside = false
    const alive = () => {
      if (life !== this.#life) throw new Error('this process is dead')
    }
    return {
      all: <T extends SqlRow>(query: string, ...params: unknown[]) => {
        alive()
        return this.#db.prepare(query).all(...(params as SQLInputValue[])) as unknown as T[]
      },
      transaction: (work) => {
        alive()
        if (inside) return work()
        inside = true
        this.#db.exec('begin')
        try {
          const value = work()
          this.#db.exec('commit')
          return value
        } catch (error) {
          this.#db.exec('rollback')
          throw error
        } finally {
          inside = false
        }
      },
      now: () => this.now,
    }
  }

  crash(): void {
    this.#life++
  }
}
