import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { phrase } from '../../../db/fts'
import { among, anyOf, containsText, repository, taggedWith } from '../../../db/repository'
import { notFound } from '../../../lib/errors'
import type { Page } from '../../../lib/page'
import { archives } from '../../archives/table'
import { blocks } from '../../blocks/table'
import { identified, ofIdentity } from '../../identities/links'
import { identities } from '../../identities/table'
import type { AgentFilters, AgentQuery, AgentState, IncludeQuery } from '../schema'
import { agents } from '../table'
import { everything, type Included, includedBy, statesOf } from './state'

export const rows = repository(agents, 'Agent')
const archiveRows = repository(archives, 'Archive')
const blockRows = repository(blocks, 'Block')
const identityRows = repository(identities, 'Identity')

/** How many of the given tags an agent has. */
const tagCount = (tags: string[]) =>
  sql`(select count(*) from agents_tags where agent_id = ${agents.id} and tag in (select value from json_each(${JSON.stringify(tags)})))`

function matching(ctx: Ctx, filters: AgentFilters) {
  const tags = [...new Set(filters.tags ?? [])]
  return and(
    filters.ids && anyOf(agents.id, filters.ids),
    ofIdentity(ctx, 'agent', filters),
    filters.name ? eq(agents.name, filters.name) : undefined,
    filters.query_text ? containsText(agents.name, filters.query_text) : undefined,
    // A `+` before a column keeps its index out of the plan, so that the index that has the order is taken.
    filters.project_id ? sql`+${agents.project_id} = ${filters.project_id}` : undefined,
    filters.template_id ? eq(agents.template_id, filters.template_id) : undefined,
    filters.base_template_id ? eq(agents.base_template_id, filters.base_template_id) : undefined,
    filters.last_stop_reason ? eq(agents.last_stop_reason, filters.last_stop_reason) : undefined,
    filters.created_by_id ? eq(agents.created_by_id, filters.created_by_id) : undefined,
    tags.length > 0 ? sql`${tagCount(tags)} >= ${filters.match_all_tags ? tags.length : 1}` : undefined,
    filters.show_hidden_agents || filters.ids ? undefined : sql`${agents.hidden} is not 1`,
  )
}

/** Queries for ids of agents, each of all that one selective filter lets pass. */
function candidates(ctx: Ctx, filters: AgentFilters): SQL[] {
  const { ids, name, query_text, tags, match_all_tags } = filters
  const { organization_id } = ctx.actor
  return [
    ...among(ids),
    ...identified(ctx, 'agent', filters),
    ...(name ? [sql`select id from agents where organization_id = ${organization_id} and name = ${name}`] : []),
    // The index of trigrams finds what has three characters or more, in every organization, so what is found is bounded first.
    ...(query_text && [...query_text].length > 2
      ? [sql`select a.id as id from agents_fts f cross join agents a on a.rowid = f.rowid where agents_fts match ${phrase(query_text)}`]
      : []),
    ...taggedWith('agents_tags', ctx, tags, match_all_tags),
  ]
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
  return statesOf(ctx, await rows.listAmong(ctx, { ...query, order }, matching(ctx, query), candidates(ctx, query), by), includedBy(query))
}

export const countAgents = (ctx: Ctx, filters: AgentFilters): Promise<number> => rows.count(ctx, matching(ctx, filters))

/** The agents that use a block. */
export async function agentsOfBlock(ctx: Ctx, blockId: string, query: IncludeQuery & Page): Promise<AgentState[]> {
  await blockRows.assertAll(ctx, [blockId])
  return agentsAmong(ctx, sql`select agent_id as id from blocks_agents where block_id = ${blockId}`, query)
}

/** The agents that an archive is attached to. */
export async function agentsOfArchive(ctx: Ctx, archiveId: string, query: IncludeQuery & Page): Promise<AgentState[]> {
  await archiveRows.assertAll(ctx, [archiveId])
  return agentsAmong(ctx, sql`select agent_id as id from archives_agents where archive_id = ${archiveId}`, query)
}

/** The agents of an identity. */
export async function agentsOfIdentity(ctx: Ctx, identityId: string, query: IncludeQuery & Page): Promise<AgentState[]> {
  await identityRows.assertAll(ctx, [identityId])
  return agentsAmong(ctx, sql`select agent_id as id from identities_agents where identity_id = ${identityId}`, query)
}

/** One page of the agents whose ids a query selects, hidden ones too. */
const agentsAmong = async (ctx: Ctx, ids: SQL, query: IncludeQuery & Page): Promise<AgentState[]> =>
  statesOf(ctx, await rows.listAmong(ctx, query, sql`${agents.id} in (${ids})`, [ids]), includedBy(query))

/** The blocks of these ids, in that order. Throws 404 naming the first that is not there. */
export async function blocksByIds(ctx: Ctx, ids: readonly string[]) {
  const found = await blockRows.getMany(ctx, ids)
  const missing = ids.find((id) => !found.some((row) => row.id === id))
  if (missing !== undefined) throw notFound('Block', missing)
  return found
}
