import { createApp } from './app'
import { database } from './db/client'
import { forgetAnswers } from './db/idempotency'
import { configOf, type Env } from './env'
import { keptMs } from './http/idempotency'
import { dayMs, iso } from './lib/time'
import { resumeBatches } from './resources/batches/submit'
import { sweepObjects } from './resources/files/objects'
import { consumeFiles, type FileMessage, sweepFiles } from './resources/files/queue'
import { checkIndexes, wakeIndexes } from './resources/indexes/sweep'
import { forgetTraces } from './resources/traces/service'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'
export { IndexObject } from '../durable-objects/indexer'
export { LocalVectorize, VectorsObject } from '../durable-objects/vectors'

/** The pattern of wrangler.toml that is due every hour; the other is due every minute. */
const hourly = '17 * * * *'

export default {
  fetch: createApp().fetch,
  /** Files that wait to be processed. */
  async queue(batch, env) {
    await consumeFiles(
      env,
      batch.messages.map(({ body }) => body),
    )
  },
  /**
   * Every minute: files whose processing was cut short are taken up again, and indexes that have something due are woken. Every hour: answers
   * kept for `Idempotency-Key` are forgotten after a day, traces of model calls after their days; batches that were cut short are taken up
   * again, what is left of deleted files is deleted, and a sample of vectors is looked for in its index.
   */
  async scheduled(event, env, execution) {
    const now = event.scheduledTime
    const done = await Promise.allSettled([
      sweepFiles(env, now),
      wakeIndexes(env, now),
      ...(event.cron === hourly
        ? [
            forgetAnswers(database(env.DB), iso(now - keptMs)),
            forgetTraces(env.DB, now - configOf(env).PROVIDER_TRACE_DAYS * dayMs),
            resumeBatches(env, (work) => execution.waitUntil(work)),
            sweepObjects(env, now),
            checkIndexes(env, now),
          ]
        : []),
    ])
    for (const each of done) if (each.status === 'rejected') throw each.reason
  },
} satisfies ExportedHandler<Env, FileMessage>
