const ranges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

function matches(field: string, value: number, [low, high]: readonly [number, number]): boolean {
  return field.split(',').some((part) => {
    const [span = '*', step = '1'] = part.split('/')
    const [from, to = part.includes('/') ? high : from] = span === '*' ? [low, high] : span.split('-').map(Number)
    return from !== undefined && to !== undefined && value >= from && value <= to && (value - from) % Number(step) === 0
  })
}

/** Whether a cron pattern of five numeric fields (`*`, lists, ranges, steps) names this minute in UTC, as Cloudflare reads it. */
export function isDue(pattern: string, at: Date): boolean {
  const fields = pattern.trim().split(/\s+/)
  const values = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay()]
  return (
    fields.length === 5 &&
    fields.every((field, index) => {
      const range = ranges[index]
      const value = values[index]
      return range !== undefined && value !== undefined && matches(field, value, range)
    })
  )
}

/** Calls `fire` for each pattern at the start of every minute it names, until the returned function is called. */
export function startCrons(patterns: string[], fire: (pattern: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const next = () => {
    timer = setTimeout(
      () => {
        const now = new Date()
        for (const pattern of patterns) if (isDue(pattern, now)) fire(pattern)
        next()
      },
      60_000 - (Date.now() % 60_000) + 50,
    ).unref()
  }
  if (patterns.length > 0) next()
  return () => clearTimeout(timer)
}
