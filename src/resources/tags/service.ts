import type { z } from 'zod'
import type { Ctx } from '../../context'
import type { TagQuery } from './schema'

/**
 * Tags of agents and blocks in the given direction, each once. Every step seeks the next one in the two indexes, so that a tag costs
 * the same however many rows have it. Parameters: organization, bounds above and below, prefix, how many.
 */
function tagsInOrder(up: boolean): string {
  const nearest = (table: string, beyond: string) =>
    `select * from (select tag from ${table} where organization_id = ?1 and ${beyond} and (?2 is null or tag > ?2) and (?3 is null or tag < ?3)
      order by tag ${up ? 'asc' : 'desc'} limit 1)`
  const next = (beyond: string) =>
    `(select ${up ? 'min' : 'max'}(tag) from (${nearest('agents_tags', beyond)} union all ${nearest('blocks_tags', beyond)}))`
  return `with recursive each(tag) as (
      select ${next('true')} union all select ${next(`tag ${up ? '>' : '<'} each.tag`)} from each where each.tag is not null)
    select tag from each where tag is not null and (?4 is null or instr(lower(tag), lower(?4)) = 1) limit ?5`
}

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
  const { results } = await ctx.env.DB.prepare(tagsInOrder(up))
    .bind(ctx.actor.organization_id, above ?? null, below ?? null, prefix, query.limit)
    .all<{ tag: string }>()
  const tags = results.map(({ tag }) => tag)
  return backwards ? tags.reverse() : tags
}

export const tagService = { list }
