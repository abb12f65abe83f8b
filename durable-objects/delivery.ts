import { DurableObject } from 'cloudflare:workers'
import { configOf, type Env } from '../src/env'
import type { EgressPolicy } from '../src/lib/egress'
import { AppError, messageOf, notFound, type Outcome, settle } from '../src/lib/errors'
import { log, setLogLevel } from '../src/lib/log'
import { backoff, type Millis } from '../src/lib/time'
import { type NewDelivery, webhookPolicy } from '../src/resources/deliveries/service'
import { project, projected, unprojected } from './delivery/project'
import { type Due, earliestDue, failuresOf, firstDue, postpone, setDue } from './delivery/schedule'
import { post, signersOf } from './delivery/send'
import {
  createTables,
  endInterrupted,
  expire,
  findDelivery,
  finishAttempt,
  insertDelivery,
  journalAttempt,
  requestTry,
} from './delivery/store'

/** Rows that one alarm works off, and the time after which it begins no other. The next alarm takes the rest. */
const rowsPerAlarm = 50
const alarmMs: Millis = 120_000
/** Tries to write `callback_*` to a run that D1 does not have, before the run counts as deleted. */
const runTries = 10

/**
 * The one sender to one endpoint of one organization: it owes each delivery until it arrives, is refused for good or a day is over.
 * It tries one delivery at a time in order of due time, so a receiver that hangs delays only its own.
 */
export class DeliveryObject extends DurableObject<Env> {
  /** Time, chance and limits, replaced in tests. */
  now = (): Millis => Date.now()
  random = Math.random
  policy: EgressPolicy
  readonly #sql: SqlStorage
  #working = false
  #projecting: Promise<void> = Promise.resolve()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#sql = ctx.storage.sql
    const config = configOf(env)
    setLogLevel(config.LOG_LEVEL)
    this.policy = webhookPolicy(config, env.PUBLIC_NETWORK)
    void ctx.blockConcurrencyWhile(async () => {
      ctx.storage.transactionSync(() => {
        createTables(this.#sql)
        endInterrupted(this.#sql, this.now(), this.random)
      })
      if ((await ctx.storage.getAlarm()) === null) await this.#arm()
    })
  }

  /** Takes a delivery over: committed here and, unless D1 is down, in D1 when this returns. A repeated id changes nothing. */
  enqueue(delivery: NewDelivery): Promise<Outcome<{ id: string; created: boolean }>> {
    return settle(async () => {
      const created = this.ctx.storage.transactionSync(() => insertDelivery(this.#sql, delivery, this.#refusal(), this.now()))
      await this.#arm()
      await this.#projectOrWait(delivery.id)
      return { id: delivery.id, created }
    })
  }

  /** Asks for one try now, in whatever state the delivery is, with the same webhook id. 404 when it is not here, 410 when its body is no longer kept. */
  redeliver(organization_id: string, delivery_id: string): Promise<Outcome<{ id: string }>> {
    return settle(async () => {
      const delivery = findDelivery(this.#sql, delivery_id)
      if (delivery?.organization_id !== organization_id) throw notFound('Delivery', delivery_id)
      if (delivery.body === null)
        throw new AppError('gone', `Delivery '${delivery_id}' can no longer be sent: its body is kept for 30 days after its last try.`)
      this.ctx.storage.transactionSync(() => requestTry(this.#sql, delivery_id, this.now()))
      await this.#arm()
      await this.#projectOrWait(delivery_id)
      return { id: delivery_id }
    })
  }

  override async alarm(): Promise<void> {
    if (this.#working) return
    this.#working = true
    try {
      // Overdue while the work lasts: a process that dies here is woken at once when it is back.
      await this.ctx.storage.setAlarm(this.now())
      const end = this.now() + alarmMs
      for (let n = 0; n < rowsPerAlarm && this.now() < end; n++) {
        const due = firstDue(this.#sql, this.now())
        if (!due) break
        await this.#work(due).catch((error) => this.#postpone(due, error))
      }
    } finally {
      this.#working = false
      if (earliestDue(this.#sql) === null) await this.ctx.storage.deleteAlarm()
      else await this.#arm()
    }
  }

  async #work({ kind, ref }: Due): Promise<void> {
    if (kind === 'project') return this.#project(ref)
    if (kind === 'expire') return this.ctx.storage.transactionSync(() => expire(this.#sql, ref))
    await this.#try(ref, kind)
    await this.#projectOrWait(ref)
  }

  async #try(id: string, kind: 'send' | 'manual'): Promise<void> {
    const delivery = findDelivery(this.#sql, id)
    if (!delivery || delivery.body === null) return setDue(this.#sql, kind, id, null)
    const { body, url, run_id, agent_id, organization_id } = delivery
    const lease = 3 * this.policy.timeoutMs
    const attempt = this.ctx.storage.transactionSync(() => journalAttempt(this.#sql, delivery, kind === 'manual', this.now(), lease))
    const result = await post({ id, url, body }, configOf(this.env).WEBHOOK_SECRET, this.policy, this.now)
    const status = this.ctx.storage.transactionSync(() => finishAttempt(this.#sql, attempt, result, this.now(), this.random))
    log(status === 'failed' ? 'warn' : 'info', {
      msg: 'delivery',
      delivery_id: id,
      org: organization_id,
      run_id,
      agent_id,
      host: new URL(url).host,
      attempt: attempt.number,
      status: result.status_code,
      outcome: status,
      error: result.error,
      ms: this.now() - attempt.started_at,
    })
  }

  /** Why nothing can be sent at all, or null. */
  #refusal(): string | null {
    try {
      signersOf(configOf(this.env).WEBHOOK_SECRET)
      return null
    } catch (error) {
      return messageOf(error)
    }
  }

  /** Writes a delivery's state to D1; one at a time, so that an older state never arrives after a newer one. */
  #project(id: string): Promise<void> {
    const work = async () => {
      const owed = unprojected(this.#sql, id)
      if (!owed) return setDue(this.#sql, 'project', id, null)
      const complete = await project(this.env.DB, owed)
      if (!complete && failuresOf(this.#sql, 'project', id) < runTries) throw new Error(`run '${owed.delivery.run_id}' is not in D1 yet`)
      this.ctx.storage.transactionSync(() => projected(this.#sql, owed))
    }
    const done = this.#projecting.then(work)
    this.#projecting = done.catch(() => undefined)
    return done
  }

  /** Projects now; when that fails, the row on the schedule does it later. */
  async #projectOrWait(id: string): Promise<void> {
    const due = { kind: 'project', ref: id, due_at: this.now(), attempts: failuresOf(this.#sql, 'project', id) } as const
    await this.#project(id).catch((error) => this.#postpone(due, error))
  }

  async #postpone(due: Due, error: unknown): Promise<void> {
    log('warn', { msg: 'delivery work failed', kind: due.kind, delivery_id: due.ref, attempt: due.attempts + 1, error: messageOf(error) })
    postpone(this.#sql, due, this.now() + backoff(Math.min(due.attempts, 20), 1000, 300_000, this.random))
    await this.#arm()
  }

  async #arm(): Promise<void> {
    const due = earliestDue(this.#sql)
    if (due !== null && !this.#working) await this.ctx.storage.setAlarm(due)
  }
}
