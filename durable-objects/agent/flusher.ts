import { brokenConstraint } from '../../src/db/errors'
import type { Env } from '../../src/env'
import { messageOf } from '../../src/lib/errors'
import { log } from '../../src/lib/log'
import { backoff } from '../../src/lib/time'
import { enqueueDelivery } from '../../src/resources/deliveries/service'
import { messageModel } from '../../src/resources/indexes/models'
import { pokeIndex } from '../../src/resources/indexes/poke'
import { type OutboxRow, outbox } from './outbox'
import { type Owner, projectionStatements } from './projection'
import { schedule } from './schedule'
import type { Store } from './store'

const batchSize = 200
/** Rows that were taken over are struck off a moment later: that write would otherwise hold up the answer that waited for them. */
const strikeAfterMs = 25
/** New messages are embedded together after this time, and searches embed what they miss until then. */
const indexAfterMs = 2_000

/** What the flusher needs of the object around it. */
export interface FlusherHost {
  env(): Env
  owner(): Owner
  arm(): void
}

/** Sends the outbox to D1 and to delivery objects, oldest first, one batch at a time. */
export class Flusher {
  readonly #store: Store
  readonly #host: FlusherHost
  #running: Promise<void> | null = null
  #failures = 0
  /** Every row up to this id has been taken over. Forgotten in a crash: then rows are sent again, which changes nothing. */
  #sent = 0
  #striking = false
  /** When the organization's index was last told of messages. */
  #told = 0

  constructor(store: Store, host: FlusherHost) {
    this.#store = store
    this.#host = host
  }

  /** Starts sending what is owed, unless that is going on. A failure is left to the alarm. */
  kick(): void {
    this.#host.arm()
    void this.#run()
  }

  /**
   * Waits until everything owed at this moment has been taken over by its receivers. When one of them is down it gives up
   * after the current try: what was promised is safe in the object, and the alarm brings it there later.
   */
  async settle(): Promise<void> {
    this.#host.arm()
    const upTo = outbox.newest(this.#store)
    while (this.#sent < upTo) {
      const before = this.#failures
      await this.#run()
      if (this.#failures > before) return
    }
  }

  /** Strikes off what was taken over; true when nothing is owed any more. */
  strike(): boolean {
    this.#striking = false
    outbox.strike(this.#store, this.#sent)
    return outbox.isEmpty(this.#store)
  }

  async #run(): Promise<void> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #drain(): Promise<void> {
    try {
      for (let rows = this.#take(); rows.length > 0; rows = this.#take()) await this.#deliver(rows)
      this.#failures = 0
    } catch (error) {
      this.#failures++
      log('error', { msg: 'outbox not sent', agent_id: this.#host.owner().agent_id, error: messageOf(error), attempt: this.#failures })
      schedule.set(this.#store, 'flush', '', this.#store.now() + backoff(this.#failures, 500, 60_000))
      this.#host.arm()
    }
  }

  /** Has new messages embedded, a moment later: a conversation brings several. */
  #indexSoon(env: Env): void {
    const now = Date.now()
    if (now < this.#told + indexAfterMs) return
    this.#told = now
    void pokeIndex(env, this.#host.owner().organization_id, indexAfterMs)
  }

  #take = () => outbox.take(this.#store, this.#sent, batchSize)

  /**
   * Hands rows over. A row that D1 refuses for breaking a constraint would be refused for ever: it is set aside, so
   * that it holds up no other.
   */
  async #deliver(rows: OutboxRow[]): Promise<void> {
    try {
      await this.#send(rows)
      this.#sent = rows.at(-1)?.id ?? this.#sent
      if (!this.#striking) setTimeout(() => this.#striking && this.strike(), strikeAfterMs)
      this.#striking = true
    } catch (error) {
      const broken = brokenConstraint(error)
      if (!broken) throw error
      const [only, ...others] = rows
      if (only && others.length === 0) {
        outbox.setAside(this.#store, only, broken.text)
        this.#sent = only.id
        log('error', { msg: 'outbox row refused', agent_id: this.#host.owner().agent_id, kind: only.kind, error: broken.text })
      } else for (const row of rows) await this.#deliver([row])
    }
  }

  async #send(rows: OutboxRow[]): Promise<void> {
    const env = this.#host.env()
    const owner = this.#host.owner()
    const embedding = messageModel(env)
    const statements = projectionStatements(env.DB, owner, rows, embedding)
    if (statements.length > 0) await env.DB.batch(statements)
    if (embedding !== null && rows.some(({ kind }) => kind === 'messages')) this.#indexSoon(env)
    for (const row of rows) {
      if (row.kind !== 'delivery') continue
      await enqueueDelivery(env, { ...owner, ...row.payload })
    }
  }
}
