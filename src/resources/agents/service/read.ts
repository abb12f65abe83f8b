import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { containsText, repository } from '../../../db/repository'
import { notFound } from '../../../lib/errors'
import type { Page } from '../../../lib/page'
import { byAge, pageRows } from '../../../lib/page-rows'
import { archives, archivesAgents } from '../../archives/table'
import { blocks, blocksAgents } from '../../blocks/table'
import type { AgentFilters, AgentQuery, AgentState, IncludeQuery } from '../schema'
import { agents } from '../table'
import { type AgentRow, everything, type Included, includedBy, statesOf } from './state'

export const rows = repository(agents, 'Agent')
const archiveRows = repository(archives, 'Archive')
const blockRows = repository(blocks, 'Block')

/** How many of the given tags an agent has. */
const tagCount = (tags: string[]) =>
  sql`(select count(*) from agents_tags where agent_id = ${agents.id} and tag in (select value from json_each(${JSON.stringify(tags)})))`

function matching(filters: AgentFilters) {
  const tags = [...new Set(filters.tags ?? [])]
  return and(
    // No agent belongs to an identity.
    filters.identity_id || filters.identifier_keys ? sql`0` : undefined,
    filters.name ? eq(agents.name, filters.name) : undefined,
    filters.query_text ? containsText(agents.name, filters.query_text) : undefined,
    // A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
    filters.project_id ? sql`+${agents.project_id} = ${filters.project_id}` : undefined,
    filters.template_id ? eq(agents.template_id, filters.template_id) : undefined,
    filters.base_template_id ? eq(agents.base_template_id, filters.base_template_id) : undefined,
    filters.last_stop_reason ? eq(agents.last_stop_reason, filters.last_stop_reason) : undefined,
    filters.created_by_id ? eq(agents.created_by_id, filters.created_by_id) : undefined,
    tags.length > 0 ? sql`${tagCount(tags)} >= ${filters.match_all_tags ? tags.length : 1}` : undefined,
    filters.show_hidden_agents ? undefined : sql`${agents.hidden} is not 1`,
  )
}

/** The agent as the API shows it, with all its relations or the given ones. Throws 404 when it is not there. */
export async function getAgent(ctx: Ctx, id: string, include: Included = everything): Promise<AgentState> {
  const row = await rows.get(ctx, id)
  const [state] = await statesOf(ctx, [row], include)
  return state as AgentState
}

export async function listAgents(ctx: Ctx, query: AgentQuery): Promise<AgentState[]> {
  const order = query.ascending === undefined ? query.order : query.ascending ? 'asc' : 'desc'
  const by = agents[query.order_by ?? query.sort_by ?? 'created_at']
  return statesOf(ctx, await rows.list(ctx, { ...query, order }, matching(query), by), includedBy(query))
}

export const countAgents = (ctx: Ctx, filters: AgentFilters): Promise<number> => rows.count(ctx, matching(filters))

/** The agents that use a block. */
export async function agentsOfBlock(ctx: Ctx, blockId: string, query: IncludeQuery & Page): Promise<AgentState[]> {
  await blockRows.get(ctx, blockId)
  const users = ctx.db.select({ id: blocksAgents.agent_id }).from(blocksAgents).where(eq(blocksAgents.block_id, blockId))
  return pageOf(ctx, sql`${users}`, query)
}

/** The agents that an archive is attached to. */
export async function agentsOfArchive(ctx: Ctx, archiveId: string, query: IncludeQuery & Page): Promise<AgentState[]> {
  await archiveRows.get(ctx, archiveId)
  const users = ctx.db.select({ id: archivesAgents.agent_id }).from(archivesAgents).where(eq(archivesAgents.archive_id, archiveId))
  return pageOf(ctx, sql`${users}`, query)
}

/** One page of the agents whose ids a query selects. */
async function pageOf(ctx: Ctx, users: SQL, query: IncludeQuery & Page): Promise<AgentState[]> {
  const keys = await ctx.db
    .select({ id: agents.id, created_at: agents.created_at })
    .from(agents)
    .where(rows.owned(ctx, sql`${agents.id} in ${users}`))
  const page = pageRows(keys.sort(byAge), query).map((key) => key.id)
  const found: AgentRow[] = await rows.getMany(ctx, page)
  return statesOf(ctx, found, includedBy(query))
}

/** The blocks of these ids, in that order. Throws 404 naming the first that is not there. */
export async function blocksByIds(ctx: Ctx, ids: readonly string[]) {
  const found = await blockRows.getMany(ctx, ids)
  const missing = ids.find((id) => !found.some((row) => row.id === id))
  if (missing !== undefined) throw notFound('Block', missing)
  return found
}
