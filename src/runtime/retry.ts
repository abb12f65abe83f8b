import { backoff } from '../lib/time'
import { ModelError } from './model'

const retryBaseMs = 500
const retryMaxMs = 20_000
const retryAfterMaxMs = 60_000

/**
 * Calls a model until it answers: transient failures are tried again with growing pauses, or after the pause that the provider asked for,
 * and what was too much with half of it (`share`) each time, `attempts` times in all. Throws the last `ModelError`, or the signal's reason.
 */
export async function persist<T>(
  call: (share: number) => Promise<T>,
  { sleep, signal, attempts = 4 }: { sleep(ms: number, signal: AbortSignal): Promise<void>; signal: AbortSignal; attempts?: number },
): Promise<T> {
  let share = 1
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(share)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ModelError) || attempt + 1 >= attempts) throw error
      if (error.type === 'context_window_exceeded') share /= 2
      else if (error.options.transient) {
        const asked = error.options.retryAfterMs
        await sleep(asked == null ? backoff(attempt, retryBaseMs, retryMaxMs) : Math.min(asked, retryAfterMaxMs), signal)
      } else throw error
    }
  }
}
