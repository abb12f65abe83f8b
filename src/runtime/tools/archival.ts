import { zonedIso } from '../../lib/time'
import { type BuiltinTool, instant, isCount, isText, optional, text } from './builtin'

const isTags = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
const isMode = (value: unknown): value is 'any' | 'all' => value === 'any' || value === 'all'
const tagsOf = (args: Record<string, unknown>) => optional<string[]>(args, 'tags', isTags, 'a list of strings', [])

/** The tools with which an agent keeps and finds what is too much for its memory blocks. */
export const archivalTools: Record<string, BuiltinTool> = {
  archival_memory_insert: {
    async run(args, { config, services, user_id, key }) {
      const passage = { text: text(args, 'content'), tags: tagsOf(args) }
      await services.insertPassage(passage, { organization_id: config.organization_id, agent_id: config.id, user_id, key })
    },
  },

  /** The best matches by words and by meaning; nothing for an empty query. */
  archival_memory_search: {
    async run(args, { config, services }) {
      const found = await services.searchPassages({
        organization_id: config.organization_id,
        agent_id: config.id,
        query: text(args, 'query'),
        tags: tagsOf(args),
        tag_match_mode: optional(args, 'tag_match_mode', isMode, '`any` or `all`', 'any'),
        start: instant(args, 'start_datetime', config.timezone, 'start'),
        end: instant(args, 'end_datetime', config.timezone, 'end'),
        limit: optional(args, 'top_k', isCount, 'an integer from 1 to 100', 5),
      })
      return found.map(({ id, text: content, tags, created_at, rrf_score, vector_rank, fts_rank }) => ({
        id,
        timestamp: zonedIso(Date.parse(created_at), config.timezone),
        content,
        tags,
        relevance: { rrf_score, vector_rank, fts_rank },
      }))
    },
  },
}
