import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { anyOf, containsText } from '../../db/repository'
import type { Row } from '../../db/rows'
import { ofIdentity } from '../identities/links'
import type { BlockFilters } from './schema'
import { blocks, blocksTags } from './table'

/** Rows of blocks with their tags, sorted. */
export async function withTags<B extends Row<typeof blocks>>(ctx: Ctx, rows: B[]): Promise<(B & { tags: string[] })[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const given = await ctx.db
    .select({ block_id: blocksTags.block_id, tag: blocksTags.tag })
    .from(blocksTags)
    // The `+` keeps the organization's index out of the plan, in which every tag of the organization would be read.
    .where(and(anyOf(blocksTags.block_id, ids), sql`+${blocksTags.organization_id} = ${ctx.actor.organization_id}`))
  const tags = new Map<string, string[]>(ids.map((id) => [id, []]))
  for (const { block_id, tag } of given) tags.get(block_id)?.push(tag)
  return rows.map((row) => ({ ...row, tags: (tags.get(row.id) ?? []).sort() }))
}

const agentCount = sql`(select count(*) from blocks_agents join agents on agents.id = blocks_agents.agent_id and agents.is_deleted = 0
  where blocks_agents.block_id = "block"."id")`

/** How many of the given tags a block has. */
const tagCount = (tags: string[]) =>
  sql`(select count(*) from blocks_tags where block_id = "block"."id" and tag in (select value from json_each(${JSON.stringify(tags)})))`

/** The condition of a list's filters. */
export function matching(ctx: Ctx, filters: BlockFilters): SQL | undefined {
  const tags = [...new Set(filters.tags ?? [])]
  const { connected_to_agents_count_gt: more, connected_to_agents_count_lt: fewer, connected_to_agents_count_eq: exactly } = filters
  return and(
    filters.ids && anyOf(blocks.id, filters.ids),
    ofIdentity(ctx, 'block', filters),
    filters.label === undefined ? undefined : eq(blocks.label, filters.label),
    filters.labels && anyOf(blocks.label, filters.labels),
    filters.name === undefined ? undefined : eq(blocks.template_name, filters.name),
    filters.project_id === undefined ? undefined : eq(blocks.project_id, filters.project_id),
    filters.templates_only ? eq(blocks.is_template, true) : undefined,
    filters.label_search === undefined ? undefined : containsText(blocks.label, filters.label_search),
    filters.description_search === undefined ? undefined : containsText(blocks.description, filters.description_search),
    filters.value_search === undefined ? undefined : containsText(blocks.value, filters.value_search),
    tags.length === 0 ? undefined : sql`${tagCount(tags)} >= ${filters.match_all_tags ? tags.length : 1}`,
    more === undefined ? undefined : sql`${agentCount} > ${more}`,
    fewer === undefined ? undefined : sql`${agentCount} < ${fewer}`,
    exactly && sql`${agentCount} in (select value from json_each(${JSON.stringify(exactly)}))`,
    filters.show_hidden_blocks || filters.ids ? undefined : sql`${blocks.hidden} is not 1`,
  )
}
