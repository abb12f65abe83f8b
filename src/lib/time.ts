/** Milliseconds since the epoch, UTC: how every instant is stored. */
export type Millis = number

export const dayMs = 24 * 60 * 60 * 1000

/** ISO-8601 with milliseconds and `Z`: how every instant is sent. */
export const iso = (at: Millis): string => new Date(at).toISOString()
export const isoOrNull = (at: Millis | null | undefined): string | null => (at == null ? null : iso(at))

/** Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Exponential backoff with full jitter: between half and the whole of `base · 2^attempt`, never over `max`. */
export function backoff(attempt: number, base: Millis, max: Millis, random: () => number = Math.random): Millis {
  const ceiling = Math.min(max, base * 2 ** attempt)
  return Math.round(ceiling / 2 + (ceiling / 2) * random())
}

/** `YYYY-MM-DD hh:mm:ss AM ZZZ±hhmm` in an IANA time zone: the form in which an agent reads times. */
export function agentTime(at: Millis, timeZone: string): string {
  const part = (options: Intl.DateTimeFormatOptions) =>
    Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone, ...options }).formatToParts(at).map((p) => [p.type, p.value]))
  const p = part({
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: true,
    timeZoneName: 'short',
  })
  const offset = (part({ timeZoneName: 'longOffset' }).timeZoneName ?? 'GMT').replace('GMT', '').replace(':', '') || '+0000'
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second} ${p.dayPeriod} ${p.timeZoneName}${offset}`
}

/** How far local time is ahead of UTC at an instant, in milliseconds. */
function offsetAt(at: Millis, timeZone: string): Millis {
  const name = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find((p) => p.type === 'timeZoneName')?.value
  const match = name?.match(/GMT([+-])(\d{2}):(\d{2})/)
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000 : 0
}

/** ISO-8601 in an IANA time zone, with milliseconds and the offset from UTC: `2026-01-31T09:00:00.000-08:00`. */
export function zonedIso(at: Millis, timeZone: string): string {
  const offset = offsetAt(at, timeZone)
  const minutes = Math.abs(offset) / 60_000
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  return `${iso(at + offset).slice(0, -1)}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}

/**
 * The instant of an ISO date or datetime; NaN when it is neither. Without an offset it is local to the time zone; a date alone is the first
 * millisecond of that day, or its last as the end of a range.
 */
export function zonedInstant(text: string, timeZone: string, edge: 'start' | 'end'): Millis {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const hasOffset = !isDate && /(Z|[+-]\d{2}:?\d{2})$/i.test(text)
  const naive = Date.parse(isDate ? `${text}T${edge === 'end' ? '23:59:59.999' : '00:00:00.000'}Z` : hasOffset ? text : `${text}Z`)
  return hasOffset || Number.isNaN(naive) ? naive : naive - offsetAt(naive - offsetAt(naive, timeZone), timeZone)
}

/** True when the runtime knows the IANA time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}
