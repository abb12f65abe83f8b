import { createApp } from './app'
import { database } from './db/client'
import { forgetAnswers } from './db/idempotency'
import type { Env } from './env'
import { keptMs } from './http/idempotency'
import { iso } from './lib/time'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'

export default {
  fetch: createApp().fetch,
  /** Every hour: answers kept for `Idempotency-Key` are forgotten after a day. */
  async scheduled(event, env) {
    await forgetAnswers(database(env.DB), iso(event.scheduledTime - keptMs))
  },
} satisfies ExportedHandler<Env>
