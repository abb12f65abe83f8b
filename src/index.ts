import { createApp } from './app'
import { database } from './db/client'
import { forgetAnswers } from './db/idempotency'
import { configOf, type Env } from './env'
import { keptMs } from './http/idempotency'
import { dayMs, iso } from './lib/time'
import { resumeBatches } from './resources/batches/submit'
import { forgetTraces } from './resources/traces/service'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'

export default {
  fetch: createApp().fetch,
  /**
   * Every hour: answers kept for `Idempotency-Key` are forgotten after a day, traces of model calls after their days; batches that were cut
   * short are taken up.
   */
  async scheduled(event, env) {
    await forgetAnswers(database(env.DB), iso(event.scheduledTime - keptMs))
    await resumeBatches(env)
    await forgetTraces(env.DB, event.scheduledTime - configOf(env).PROVIDER_TRACE_DAYS * dayMs)
  },
} satisfies ExportedHandler<Env>
