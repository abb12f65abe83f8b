import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { anyOf, repository } from '../../db/repository'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import { fileBlocksOfAgents } from '../files/of-agents'
import { sleeptimeAgentsOf } from '../groups/members'
import { withTags } from './read'
import { blocks, blocksAgents } from './table'
import type { BlockRow } from './write'

const agentRows = repository(agents, 'Agent')
const blockRows = repository(blocks, 'Block')

// The `+` keeps the organization's index out of the plan, so that the junction leads and not every block of the organization.
const inOrganization = (ctx: Ctx) => and(sql`+${blocks.organization_id} = ${ctx.actor.organization_id}`, eq(blocks.is_deleted, false))

const setOf = (ids: string | readonly string[]) => JSON.stringify([...new Set(typeof ids === 'string' ? [ids] : ids)])

/** Where a block goes in the list of an agent: after what is there, in the order given. */
const end = (agent: string) => `given.key + 1 + (select coalesce(max(position), -1) from blocks_agents where agent_id = ${agent})`
const givenBlocks = 'json_each(?3) given join block on block.id = given.value and block.organization_id = ?2 and block.is_deleted = 0'
const givenAgents = 'select id from agents where id in (select value from json_each(?1)) and +organization_id = ?2 and is_deleted = 0'

/**
 * Statements that attach existing blocks to agents, in this order, at the end of their lists, and to the sleeptime agents of these, which
 * share all their blocks; for use inside a bigger batch. Blocks that an agent has already, and blocks of another organization, are left
 * out. A label that one of the agents uses already breaks a unique constraint; one that a sleeptime agent uses for itself leaves the block out.
 */
export function attachBlocks(
  d1: D1Database,
  organizationId: string,
  agentIds: string | readonly string[],
  blockIds: readonly string[],
): D1PreparedStatement[] {
  if (blockIds.length === 0 || agentIds.length === 0) return []
  const bindings = [setOf(agentIds), organizationId, setOf(blockIds)]
  return [
    d1
      .prepare(
        `insert into blocks_agents (agent_id, block_id, block_label, position)
        select agent.id, block.id, block.label, ${end('agent.id')} from (${givenAgents}) agent join ${givenBlocks}
        where not exists (select 1 from blocks_agents has where has.agent_id = agent.id and has.block_id = block.id)`,
      )
      .bind(...bindings),
    d1
      .prepare(
        `insert into blocks_agents (agent_id, block_id, block_label, position)
        select agent.id, block.id, block.label, ${end('agent.id')} from (${sleeptimeAgentsOf(givenAgents)}) agent join ${givenBlocks}
        where true on conflict do nothing`,
      )
      .bind(...bindings),
  ]
}

/** Statements that detach blocks from agents and their sleeptime agents; the first returns the ids of those that the agents themselves had. */
export function detachBlocks(
  d1: D1Database,
  organizationId: string,
  agentIds: string | readonly string[],
  blockIds: readonly string[],
): D1PreparedStatement[] {
  return [givenAgents, sleeptimeAgentsOf(givenAgents)].map((agentsOf) =>
    d1
      .prepare(
        `delete from blocks_agents where agent_id in (${agentsOf}) and block_id in (select value from json_each(?3)) returning block_id`,
      )
      .bind(setOf(agentIds), organizationId, setOf(blockIds)),
  )
}

/** Statements that detach from an agent, and from its sleeptime agents, what the agent has beyond these blocks. */
export function keepOnlyBlocks(d1: D1Database, organizationId: string, agentId: string, keep: readonly string[]): D1PreparedStatement[] {
  const others =
    'select block_id from blocks_agents where agent_id in (select value from json_each(?1)) and block_id not in (select value from json_each(?3))'
  return [sleeptimeAgentsOf(givenAgents), givenAgents].map((agentsOf) =>
    d1
      .prepare(`delete from blocks_agents where agent_id in (${agentsOf}) and block_id in (${others})`)
      .bind(setOf(agentId), organizationId, setOf(keep)),
  )
}

/** The blocks of each agent, in the order in which its prompt shows them. Agents without blocks have an empty list. */
export async function blocksOfAgents(ctx: Ctx, agentIds: string[]): Promise<Map<string, BlockRow[]>> {
  const found = new Map<string, BlockRow[]>(agentIds.map((id) => [id, []]))
  if (agentIds.length === 0) return found
  const rows = await ctx.db
    .select({ ...getTableColumns(blocks), agent_id: blocksAgents.agent_id, position: blocksAgents.position })
    .from(blocksAgents)
    .innerJoin(blocks, eq(blocks.id, blocksAgents.block_id))
    .where(and(anyOf(blocksAgents.agent_id, agentIds), inOrganization(ctx)))
  rows.sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
  for (const { agent_id, position: _, ...row } of await withTags(ctx, rows)) found.get(agent_id)?.push(row)
  return found
}

/** Blocks of one agent: its core memory. Every verb throws 404 for an agent that is not there. */
export const agentBlockService = {
  async list(ctx: Ctx, agentId: string, page: Page): Promise<BlockRow[]> {
    await agentRows.get(ctx, agentId)
    const attached = (await blocksOfAgents(ctx, [agentId])).get(agentId) ?? []
    return pageRows(attached.sort(byAge), page)
  },

  async byLabel(ctx: Ctx, agentId: string, label: string): Promise<BlockRow> {
    await agentRows.get(ctx, agentId)
    const rows = await ctx.db
      .select(getTableColumns(blocks))
      .from(blocksAgents)
      .innerJoin(blocks, eq(blocks.id, blocksAgents.block_id))
      .where(and(eq(blocksAgents.agent_id, agentId), eq(blocksAgents.block_label, label), inOrganization(ctx)))
    const [block] = await withTags(ctx, rows)
    if (!block) throw new AppError('not_found', `Agent '${agentId}' has no block with label '${label}'`)
    return block
  },

  /** The agent's memory as one object. */
  async memory(ctx: Ctx, agentId: string) {
    const agent = await agentRows.get(ctx, agentId)
    const [blocksOf, filesOf] = await Promise.all([blocksOfAgents(ctx, [agentId]), fileBlocksOfAgents(ctx, [agent])])
    const [blocks, file_blocks] = [blocksOf.get(agentId) ?? [], filesOf.get(agentId) ?? []]
    return { agent_type: agent.agent_type, git_enabled: false, blocks, file_blocks, prompt_template: '' }
  },

  /** Attaches a block at the end. Attached already: nothing happens. A second block with its label is a conflict. */
  async attach(ctx: Ctx, agentId: string, blockId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    const { label } = await blockRows.get(ctx, blockId)
    const detail = `Agent '${agentId}' already has a block labelled '${label}'. Detach that one first, or give this one another label.`
    await explained(
      () => ctx.env.DB.batch(attachBlocks(ctx.env.DB, ctx.actor.organization_id, agentId, [blockId])),
      ({ kind }) => (kind === 'unique' ? new AppError('conflict', detail, { code: 'label_taken' }) : undefined),
    )
  },

  async detach(ctx: Ctx, agentId: string, blockId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    const [detached] = await ctx.env.DB.batch(detachBlocks(ctx.env.DB, ctx.actor.organization_id, agentId, [blockId]))
    if (!detached?.results.length) throw notFound(`Attached to agent '${agentId}', block`, blockId)
  },
}
