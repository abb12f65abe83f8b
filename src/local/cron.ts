const ranges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [1, 7],
] as const

function matches(field: string, value: number, [low, high]: readonly [number, number]): boolean {
  return field.split(',').some((part) => {
    const [span = '*', step = '1'] = part.split('/')
    const [from, to = part.includes('/') ? high : from] = span === '*' ? [low, high] : span.split('-').map(Number)
    return from !== undefined && to !== undefined && value >= from && value <= to && (value - from) % Number(step) === 0
  })
}

/**
 * Whether a cron pattern names this minute in UTC. Five fields of numbers with `*`, lists, ranges and steps; weekdays from
 * Sunday = 1, as Cloudflare counts them. Throws on a pattern that uses more.
 */
export function isDue(pattern: string, at: Date): boolean {
  const fields = pattern.trim().split(/\s+/)
  if (fields.length !== 5 || !fields.every((field) => /^[\d*,/-]+$/.test(field))) {
    throw new Error(`The local server cannot read the cron pattern "${pattern}": five fields of numbers, \`*\`, lists, ranges and steps.`)
  }
  const values = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay() + 1]
  return fields.every((field, index) => {
    const range = ranges[index]
    const value = values[index]
    return range !== undefined && value !== undefined && matches(field, value, range)
  })
}

/** Calls `fire` for each pattern at the start of every minute it names, until the returned function is called. */
export function startCrons(patterns: string[], fire: (pattern: string) => void): () => void {
  for (const pattern of patterns) isDue(pattern, new Date())
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
