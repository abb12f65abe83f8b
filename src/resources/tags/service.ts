import type { z } from 'zod'
import type { Ctx } from '../../context'
import type { TagQuery } from './schema'

const within = '(?2 is null or tag > ?2) and (?3 is null or tag < ?3) and (?4 is null or instr(lower(tag), lower(?4)) = 1)'

/**
 * The tags in use, each once, by name: those of the organization's agents and blocks. Cursors are the tags themselves, so a tag
 * that is gone can still be paged from.
 */
async function list(ctx: Ctx, query: z.output<typeof TagQuery>): Promise<string[]> {
  const prefix = query.name ?? query.query_text ?? null
  const forward = query.order === 'asc'
  const backwards = query.before !== undefined && query.after === undefined
  const up = forward !== backwards
  const [above, below] = forward ? [query.after, query.before] : [query.before, query.after]
  const { results } = await ctx.env.DB.prepare(
    `select tag from agents_tags where organization_id = ?1 and ${within}
    union select tag from blocks_tags where organization_id = ?1 and ${within}
    order by tag ${up ? 'asc' : 'desc'} limit ?5`,
  )
    .bind(ctx.actor.organization_id, above ?? null, below ?? null, prefix, query.limit)
    .all<{ tag: string }>()
  const tags = results.map(({ tag }) => tag)
  return backwards ? tags.reverse() : tags
}

export const tagService = { list }
