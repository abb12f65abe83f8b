import { agentTime, type Millis } from '../../lib/time'
import type { FoundMessage, Places } from '../ports'
import { type BuiltinTool, instant, isCount, isText, optional } from './builtin'

const isRoles = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((role) => ['user', 'assistant', 'tool'].includes(role))

const isScope = (value: unknown): value is 'all' | 'current' => value === 'all' || value === 'current'

function timeAgo(ms: Millis): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ]
  const [unit, size] = units.find(([, s]) => ms >= s) ?? ['s', 1000]
  return `${Math.max(0, Math.floor(ms / size))}${unit} ago`
}

const relevanceOf = ({ rrf_score, vector_rank, fts_rank }: Places) => ({ rrf_score, vector_rank, fts_rank })

function show({ message, text, places }: FoundMessage, now: Millis, timeZone: string) {
  const at = Date.parse(message.created_at)
  const thinking = message.content.flatMap((part) => (part.type === 'reasoning' ? part.reasoning : [])).join('\n')
  return {
    timestamp: agentTime(at, timeZone),
    time_ago: timeAgo(now - at),
    role: message.role,
    ...(places ? { relevance: relevanceOf(places) } : {}),
    content: text,
    ...(thinking ? { thinking } : {}),
  }
}

/** Searches what was said in all conversations of the agent, or in the one of the call. Tool results that nobody asked for and the agent's own searches are left out. */
export const conversationSearch: BuiltinTool = {
  async run(args, { config, conversation_id, services, now }) {
    const scope = optional(args, 'conversation', isScope, '`all` or `current`', 'all')
    const query = optional(args, 'query', isText, 'a string', '').trim()
    const found = await services.searchMessages({
      organization_id: config.organization_id,
      agent_id: config.id,
      query: query || null,
      roles: optional<string[]>(args, 'roles', isRoles, 'a list of user, assistant, tool', ['user', 'assistant']),
      conversation_id: scope === 'current' ? (conversation_id ?? 'default') : null,
      start: instant(args, 'start_date', config.timezone, 'start'),
      end: instant(args, 'end_date', config.timezone, 'end'),
      limit: optional(args, 'limit', isCount, 'an integer from 1 to 100', 5),
    })
    const results = found.map((each) => show(each, now, config.timezone))
    return { message: results.length > 0 ? `Showing ${results.length} results:` : 'No results found.', results }
  },
}
