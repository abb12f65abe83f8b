import type { Env } from '../../src/env'
import { messageOf } from '../../src/lib/errors'
import { log } from '../../src/lib/log'
import { backoff } from '../../src/lib/time'
import { enqueueDelivery } from '../../src/resources/deliveries/service'
import { type OutboxRow, outbox } from './outbox'
import { type Owner, projectionStatements } from './projection'
import { schedule } from './schedule'
import type { Store } from './store'

const batchSize = 200

/** Sends the outbox to D1 and to delivery objects, oldest first, one batch at a time. */
export class Flusher {
  readonly #store: Store
  readonly #env: Env
  readonly #owner: () => Owner
  readonly #arm: () => void
  #running: Promise<void> | null = null
  #failures = 0

  constructor(store: Store, env: Env, owner: () => Owner, arm: () => void) {
    this.#store = store
    this.#env = env
    this.#owner = owner
    this.#arm = arm
  }

  /** Starts sending what is owed, unless that is going on. A failure is left to the alarm. */
  kick(): void {
    void this.#run()
  }

  /**
   * Waits until everything owed at this moment has been taken over by its receivers. When one of them is down it gives up
   * after the current try: what was promised is safe in the object, and the alarm brings it there later.
   */
  async settle(): Promise<void> {
    const upTo = outbox.newest(this.#store)
    while (outbox.oldest(this.#store) <= upTo) {
      const before = this.#failures
      await this.#run()
      if (this.#failures > before) return
    }
  }

  async #run(): Promise<void> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #drain(): Promise<void> {
    try {
      for (let rows = outbox.take(this.#store, batchSize); rows.length > 0; rows = outbox.take(this.#store, batchSize)) {
        await this.#send(rows)
        outbox.done(
          this.#store,
          rows.map((row) => row.id),
        )
      }
      this.#failures = 0
      schedule.clear(this.#store, 'flush', '')
    } catch (error) {
      this.#failures++
      log('error', { msg: 'outbox not sent', agent_id: this.#owner().agent_id, error: messageOf(error), attempt: this.#failures })
      schedule.set(this.#store, 'flush', '', this.#store.now() + backoff(this.#failures, 500, 60_000))
      this.#arm()
    }
  }

  async #send(rows: OutboxRow[]): Promise<void> {
    const owner = this.#owner()
    const statements = projectionStatements(this.#env.DB, owner, rows)
    if (statements.length > 0) await this.#env.DB.batch(statements)
    for (const row of rows) {
      if (row.kind !== 'delivery') continue
      await enqueueDelivery(this.#env, { ...owner, ...row.payload })
    }
  }
}
