import { createApp } from './app'
import { database } from './db/client'
import { forgetAnswers } from './db/idempotency'
import type { Env } from './env'
import { keptMs } from './http/idempotency'
import { iso } from './lib/time'
import { sweepObjects } from './resources/files/objects'
import { sweepFiles } from './resources/files/process'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'

export default {
  fetch: createApp().fetch,
  /**
   * Every hour: answers kept for `Idempotency-Key` are forgotten after a day, files that a crash left unfinished are taken up again, and
   * what is left of deleted files is deleted.
   */
  async scheduled(event, env) {
    const now = event.scheduledTime
    const done = await Promise.allSettled([
      forgetAnswers(database(env.DB), iso(now - keptMs)),
      sweepObjects(env, now),
      sweepFiles(env, now),
    ])
    for (const each of done) if (each.status === 'rejected') throw each.reason
  },
} satisfies ExportedHandler<Env>
