import type { Millis } from '../../src/lib/time'
import type { DeliveryStatus } from '../../src/resources/deliveries/table'

const seconds = 1000
const hours = 3600 * seconds

/** Waits between the first tries; the last one repeats until the day is over. */
const waits = [5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600].map((s) => s * seconds)

/** How long after its creation a delivery is tried by itself. */
export const lifetimeMs: Millis = 24 * hours
const longestRetryAfterMs: Millis = hours

/** What one try came to: an answer's status, or the reason why there was none. */
export interface TryResult {
  status_code: number | null
  error: string | null
  response_excerpt: string | null
  /** What the receiver asked for with `Retry-After`, already bounded. */
  retry_after_ms: Millis | null
}

/** `Retry-After` (seconds or a date) as a wait of at most an hour; null when it is absent or unreadable. */
export function retryAfter(header: string | null, now: Millis): Millis | null {
  const text = header?.trim() ?? ''
  // A date begins with the day's name; `Date.parse` alone would find one in almost anything.
  const wait = /^\d+$/.test(text) ? Number(text) * seconds : /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) - now : Number.NaN
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestRetryAfterMs) : null
}

/**
 * When a delivery is tried again after `tries` failed automatic tries, or null when it is given up. Waits vary by a fifth, so that
 * deliveries which failed together do not return together; the last try is made when the day is over.
 */
export function nextAttempt(at: {
  tries: number
  created_at: Millis
  now: Millis
  retry_after_ms: Millis | null
  random: () => number
}): Millis | null {
  const end = at.created_at + lifetimeMs
  if (at.now >= end) return null
  const wait = (waits[Math.min(at.tries, waits.length) - 1] ?? 0) * (0.8 + 0.4 * at.random())
  return Math.min(end, at.now + Math.round(Math.max(wait, at.retry_after_ms ?? 0)))
}

/**
 * What a try makes of its delivery. 2xx delivers it and 410 ends it at once; a manual try changes nothing else, since it is not part
 * of the schedule. `next` is the time of the next automatic try, undefined when that stays as it is.
 */
export function conclude(
  delivery: { status: DeliveryStatus; created_at: Millis },
  manual: boolean,
  tries: number,
  result: TryResult,
  now: Millis,
  random: () => number,
): { status: DeliveryStatus; next: Millis | null | undefined } {
  const { status_code, retry_after_ms } = result
  if (status_code !== null && result.error === null) return { status: 'delivered', next: null }
  if (delivery.status !== 'pending') return { status: delivery.status, next: undefined }
  if (status_code === 410) return { status: 'failed', next: null }
  if (manual) return { status: 'pending', next: undefined }
  const next = nextAttempt({ tries, created_at: delivery.created_at, now, retry_after_ms, random })
  return { status: next === null ? 'failed' : 'pending', next }
}
