/** Fields a canonical log line may carry. What is not named here is never written: redaction is this list. */
const allowed = new Set([
  'msg',
  'request_id',
  'org',
  'user',
  'op',
  'method',
  'path',
  'status',
  'ms',
  'agent_id',
  'conversation_id',
  'run_id',
  'step',
  'model',
  'prompt_tokens',
  'completion_tokens',
  'outcome',
  'stop_reason',
  'error',
  'stack',
  'delivery_id',
  'attempt',
  'host',
  'rows',
  'kind',
])

export type LogFields = Record<string, string | number | boolean | null | undefined>

let threshold = 0
const levels = { info: 0, warn: 1, error: 2, silent: 3 } as const
export type LogLevel = keyof typeof levels

/** Drops lines below `level` from now on, in this isolate. */
export const setLogLevel = (level: LogLevel): void => {
  threshold = levels[level]
}

/** Writes one JSON line with the allowed fields only. */
export function log(level: Exclude<LogLevel, 'silent'>, fields: LogFields): void {
  if (levels[level] < threshold) return
  const line = JSON.stringify({
    level,
    ...Object.fromEntries(Object.entries(fields).filter(([k, v]) => allowed.has(k) && v !== undefined)),
  })
  if (level === 'error') console.error(line)
  else console.log(line)
}
