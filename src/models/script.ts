import { ModelError, type ModelErrorType } from '../runtime/model'

/** One thing that the scripted model does within a response. */
export type Action =
  | { type: 'say'; text: string }
  | { type: 'think'; text: string }
  | { type: 'echo' }
  | { type: 'wait'; ms: number }
  | { type: 'fail'; error: Failure; times: number; retryAfterMs: number | null }
  | { type: 'call'; name: string; arguments: string }
  | { type: 'stop'; reason: 'stop' | 'length' | 'content_filter' }
  | { type: 'stream'; size: number }

/** Failures that a script can ask for, and what they become. */
export const failures = {
  rate_limit: { type: 'llm_rate_limit', transient: true, status: 429 },
  timeout: { type: 'llm_timeout', transient: true, status: 504 },
  server: { type: 'llm_error', transient: true, status: 500 },
  empty: { type: 'llm_empty_response', transient: true, status: null },
  auth: { type: 'llm_authentication', transient: false, status: 401 },
  credits: { type: 'llm_insufficient_credits', transient: false, status: 402 },
  permission: { type: 'llm_permission_denied', transient: false, status: 403 },
  not_found: { type: 'llm_not_found', transient: false, status: 404 },
  bad_request: { type: 'llm_bad_request', transient: false, status: 400 },
  context: { type: 'context_window_exceeded', transient: false, status: 400 },
} as const satisfies Record<string, { type: ModelErrorType; transient: boolean; status: number | null }>
export type Failure = keyof typeof failures

const directives = ['call', 'then', 'say', 'think', 'wait', 'fail', 'stop', 'echo', 'stream']
const longestWaitMs = 600_000

const wrong = (line: string, why: string): ModelError =>
  new ModelError('llm_bad_request', `loci/scripted: cannot follow \`${line}\`: ${why}`)

function duration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text)
  return match ? Math.min(longestWaitMs, Number(match[1]) * (match[2] === 's' ? 1000 : 1)) : null
}

function failure(line: string, rest: string): Action {
  const [kind = '', count, pause] = rest.split(/\s+/)
  if (!Object.hasOwn(failures, kind)) throw wrong(line, `a failure is one of ${Object.keys(failures).join(', ')}`)
  const times = count === undefined || count === '' ? Number.POSITIVE_INFINITY : Number(count)
  const retryAfterMs = pause === undefined ? null : duration(pause)
  if (!(times >= 0)) throw wrong(line, 'the number of failures is a whole number, for example /fail server 2')
  if (pause !== undefined && retryAfterMs === null) throw wrong(line, 'the pause is a duration, for example /fail rate_limit 1 100ms')
  return { type: 'fail', error: kind as Failure, times, retryAfterMs }
}

function action(line: string, verb: string, rest: string): Action {
  switch (verb) {
    case 'say':
      return { type: 'say', text: rest }
    case 'think':
      return { type: 'think', text: rest }
    case 'echo':
      return { type: 'echo' }
    case 'fail':
      return failure(line, rest)
    case 'call': {
      const [, name = '', text = ''] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? []
      if (name === '') throw wrong(line, 'name the tool, for example /call conversation_search {"query":"cats"}')
      return { type: 'call', name, arguments: text === '' ? '{}' : text }
    }
    case 'wait': {
      const ms = duration(rest)
      if (ms === null) throw wrong(line, 'say how long, for example /wait 250ms or /wait 2s')
      return { type: 'wait', ms }
    }
    case 'stop':
      if (rest === 'length' || rest === 'content_filter' || rest === 'stop') return { type: 'stop', reason: rest }
      throw wrong(line, 'a reason is stop, length or content_filter')
    default: {
      const size = Number(rest)
      if (!Number.isInteger(size) || size < 1)
        throw wrong(line, 'the size of a chunk is a whole number of characters, for example /stream 3')
      return { type: 'stream', size }
    }
  }
}

/** A directive with the lines that belong to it. */
function directivesOf(text: string): { line: string; verb: string; rest: string }[] {
  const found: { line: string; verb: string; rest: string }[] = []
  for (const line of text.split('\n')) {
    const match = /^\/([a-z_]+)(?:[ \t]+(.*))?$/.exec(line.trimEnd())
    const last = found.at(-1)
    if (match?.[1]) found.push({ line, verb: match[1], rest: (match[2] ?? '').trim() })
    else if (last && ['say', 'think', 'call'].includes(last.verb)) last.rest += `\n${line}`
  }
  return found
}

const endsResponse = (last: Action | undefined, next: Action): boolean =>
  last?.type === 'call' || last?.type === 'stop' ? !(next.type === 'call' || next.type === 'stop') : false

/**
 * The responses that a user message asks of the scripted model, each a list of actions; null for a message without directives.
 * Throws a ModelError `llm_bad_request` that names a line which cannot be followed.
 */
export function parseScript(text: string): Action[][] | null {
  const found = directivesOf(text)
  if (!found.some(({ verb }) => directives.includes(verb))) return null
  const responses: Action[][] = [[]]
  for (const { line, verb, rest } of found) {
    if (!directives.includes(verb)) throw wrong(line, `a directive is one of ${directives.map((name) => `/${name}`).join(', ')}`)
    const current = responses.at(-1) ?? []
    if (verb === 'then') {
      responses.push([])
      continue
    }
    const next = action(line, verb, rest.trimEnd())
    if (endsResponse(current.at(-1), next)) responses.push([next])
    else current.push(next)
  }
  return responses.filter((response, index) => response.length > 0 || index === 0)
}
