import { createApp } from './app'
import { database } from './db/client'
import { forgetAnswers } from './db/idempotency'
import { configOf, type Env } from './env'
import { keptMs } from './http/idempotency'
import { dayMs, iso } from './lib/time'
import { resumeBatches } from './resources/batches/submit'
import { sweepObjects } from './resources/files/objects'
import { sweepFiles } from './resources/files/process'
import { sweepIndexes } from './resources/indexes/sweep'
import { forgetTraces } from './resources/traces/service'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'
export { IndexObject } from '../durable-objects/indexer'
export { LocalVectorize, VectorsObject } from '../durable-objects/vectors'

export default {
  fetch: createApp().fetch,
  /**
   * Every hour: answers kept for `Idempotency-Key` are forgotten after a day, traces of model calls after their days; batches and files that
   * were cut short are taken up again, what is left of deleted files is deleted, and vectors that are due or missing come into their index.
   */
  async scheduled(event, env, execution) {
    const now = event.scheduledTime
    const done = await Promise.allSettled([
      forgetAnswers(database(env.DB), iso(now - keptMs)),
      forgetTraces(env.DB, now - configOf(env).PROVIDER_TRACE_DAYS * dayMs),
      resumeBatches(env, (work) => execution.waitUntil(work)),
      sweepObjects(env, now),
      sweepFiles(env, now),
      sweepIndexes(env, now),
    ])
    for (const each of done) if (each.status === 'rejected') throw each.reason
  },
} satisfies ExportedHandler<Env>
