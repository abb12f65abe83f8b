import { DurableObject } from 'cloudflare:workers'
import { configOf, type Env } from '../src/env'
import { messageOf } from '../src/lib/errors'
import { log, setLogLevel } from '../src/lib/log'
import { backoff, type Millis } from '../src/lib/time'
import { drain } from '../src/resources/indexes/drain'
import { findModel } from '../src/resources/indexes/models'

/** How long one alarm works before it lets another begin. */
const alarmMs: Millis = 20_000

/**
 * Brings the vectors of one organization up to date, one step at a time: the truth of what is owed is in D1, and this object, of which there
 * is one an organization, sees to it that no two work on it. Its alarm survives a crash; it keeps nothing but its name.
 */
export class IndexObject extends DurableObject<Env> {
  /** Time, replaced in tests. */
  now = (): Millis => Date.now()
  #working = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    setLogLevel(configOf(env).LOG_LEVEL)
  }

  /** There is something to do for the organization that this object is named after, `afterMs` from now. */
  async poke(organization_id: string, afterMs: Millis): Promise<void> {
    if ((await this.ctx.storage.get('organization_id')) !== organization_id) await this.ctx.storage.put('organization_id', organization_id)
    await this.#wake(this.now() + afterMs)
  }

  override async alarm(): Promise<void> {
    const organization_id = await this.ctx.storage.get<string>('organization_id')
    if (!organization_id || this.#working) return
    this.#working = true
    try {
      const next = await drain(this.env, organization_id, { find: findModel(this.env), now: this.now, until: this.now() + alarmMs })
      await this.ctx.storage.delete('failures')
      if (next !== null) await this.#wake(next)
    } catch (error) {
      const failures = ((await this.ctx.storage.get<number>('failures')) ?? 0) + 1
      await this.ctx.storage.put('failures', failures)
      log('error', { msg: 'vectors not brought up to date', org: organization_id, attempt: failures, error: messageOf(error) })
      await this.#wake(this.now() + backoff(Math.min(failures, 20), 500, 60_000))
    } finally {
      this.#working = false
    }
  }

  /** Sets the alarm unless it is set for an earlier time. */
  async #wake(at: Millis): Promise<void> {
    const set = await this.ctx.storage.getAlarm()
    const wanted = Math.max(at, this.now())
    if (set === null || set > wanted) await this.ctx.storage.setAlarm(wanted)
  }
}
