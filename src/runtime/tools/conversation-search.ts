import { agentTime, type Millis } from '../../lib/time'
import type { FoundMessage } from '../ports'
import { type BuiltinTool, optional, ToolError } from './builtin'

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 100
const isRoles = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((role) => ['user', 'assistant', 'tool'].includes(role))

const dateOnly = /^\d{4}-\d{2}-\d{2}$/

/** How far local time is ahead of UTC at an instant, in milliseconds. */
function offsetAt(at: Millis, timeZone: string): Millis {
  const name = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find((p) => p.type === 'timeZoneName')?.value
  const match = name?.match(/GMT([+-])(\d{2}):(\d{2})/)
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000 : 0
}

/** An ISO date or datetime as an instant. Without an offset it is local to the agent; a date alone as an end is the end of that day. */
export function instantOf(value: string, name: string, timeZone: string, end: boolean): string {
  const isDate = dateOnly.test(value)
  const hasOffset = /(Z|[+-]\d{2}:?\d{2})$/i.test(value) && !isDate
  const naive = Date.parse(isDate ? `${value}T${end ? '23:59:59.999' : '00:00:00.000'}Z` : hasOffset ? value : `${value}Z`)
  if (Number.isNaN(naive))
    throw new ToolError(`Parameter \`${name}\` must be an ISO date or datetime such as 2024-01-15 or 2024-01-15T14:30:00.`)
  return new Date(hasOffset ? naive : naive - offsetAt(naive - offsetAt(naive, timeZone), timeZone)).toISOString()
}

function timeAgo(ms: Millis): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ]
  const [unit, size] = units.find(([, s]) => ms >= s) ?? ['s', 1000]
  return `${Math.max(0, Math.floor(ms / size))}${unit} ago`
}

function show({ message, text, rank }: FoundMessage, now: Millis, timeZone: string, ranked: boolean) {
  const at = Date.parse(message.created_at)
  const thinking = message.content.flatMap((part) => (part.type === 'reasoning' ? part.reasoning : [])).join('\n')
  return {
    timestamp: agentTime(at, timeZone),
    time_ago: timeAgo(now - at),
    role: message.role,
    ...(ranked ? { relevance: { fts_rank: rank } } : {}),
    content: text,
    ...(thinking ? { thinking } : {}),
  }
}

/** Searches what was said in all conversations of the agent. Tool results and the agent's own searches are left out. */
export const conversationSearch: BuiltinTool = {
  async run(args, { config, services, now }) {
    const query = optional(args, 'query', isText, 'a string', '').trim()
    const start = optional(args, 'start_date', isText, 'an ISO date', '')
    const end = optional(args, 'end_date', isText, 'an ISO date', '')
    const found = await services.searchMessages({
      organization_id: config.organization_id,
      agent_id: config.id,
      query: query || null,
      roles: optional<string[]>(args, 'roles', isRoles, 'a list of user, assistant, tool', ['user', 'assistant']),
      start: start ? instantOf(start, 'start_date', config.timezone, false) : null,
      end: end ? instantOf(end, 'end_date', config.timezone, true) : null,
      limit: optional(args, 'limit', isCount, 'an integer from 1 to 100', 5),
    })
    const results = found.map((each) => show(each, now, config.timezone, query !== ''))
    return { message: results.length > 0 ? `Showing ${results.length} results:` : 'No results found.', results }
  },
}
