import { sleep } from '../../lib/time'

/** When a blocking answer begins although there is nothing to say yet, and how often it then shows that it is alive. Milliseconds. */
export interface Patience {
  headersAfter: number
  beatEvery: number
}

/** Clients give up on a request without headers after 60 seconds, and proxies on a silent body sooner or later. */
export const customary: Patience = { headersAfter: 20_000, beatEvery: 10_000 }

/** What `work` came to, or null when it takes longer than `ms`. */
export async function within<T>(work: Promise<T>, ms: number): Promise<{ value: T } | null> {
  const stop = new AbortController()
  try {
    return await Promise.race([work.then((value) => ({ value })), sleep(ms, stop.signal).then(() => null)])
  } finally {
    stop.abort()
  }
}

/**
 * A body of JSON that is not known yet: white space at every beat, then the text that `work` resolves with. Cancelling it does nothing to
 * the work.
 */
export function beating(work: Promise<string>, beatEvery: number): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const done = await within(work, beatEvery)
      controller.enqueue(utf8.encode(done ? done.value : ' '))
      if (done) controller.close()
    },
  })
}
