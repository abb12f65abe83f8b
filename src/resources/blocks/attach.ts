import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { anyOf, repository } from '../../db/repository'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import { withTags } from './read'
import { blocks, blocksAgents } from './table'
import type { BlockRow } from './write'

const agentRows = repository(agents, 'Agent')
const blockRows = repository(blocks, 'Block')

// The `+` keeps the organization's index out of the plan, so that the junction leads and not every block of the organization.
const inOrganization = (ctx: Ctx) => and(sql`+${blocks.organization_id} = ${ctx.actor.organization_id}`, eq(blocks.is_deleted, false))

/**
 * Statements that attach existing blocks to an agent, in this order, at the end of its list; for use inside a bigger batch. Blocks
 * that it has already, and blocks of another organization, are left out. A label that the agent uses already breaks a unique constraint.
 */
export function attachBlocks(d1: D1Database, organizationId: string, agentId: string, blockIds: string[]): D1PreparedStatement[] {
  if (blockIds.length === 0) return []
  return [
    d1
      .prepare(
        `insert into blocks_agents (agent_id, block_id, block_label, position)
        select ?1, block.id, block.label,
          given.key + 1 + (select coalesce(max(position), -1) from blocks_agents where agent_id = ?1)
        from json_each(?3) given join block on block.id = given.value and block.organization_id = ?2 and block.is_deleted = 0
        where exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0)
          and not exists (select 1 from blocks_agents has where has.agent_id = ?1 and has.block_id = block.id)`,
      )
      .bind(agentId, organizationId, JSON.stringify([...new Set(blockIds)])),
  ]
}

/** Statement that detaches blocks from an agent, returning the ids of those that were attached. */
export function detachBlocks(d1: D1Database, organizationId: string, agentId: string, blockIds: string[]): D1PreparedStatement {
  return d1
    .prepare(
      `delete from blocks_agents where agent_id = ?1 and block_id in (select value from json_each(?3))
        and exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0) returning block_id`,
    )
    .bind(agentId, organizationId, JSON.stringify(blockIds))
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
    const { agent_type } = await agentRows.get(ctx, agentId)
    const attached = (await blocksOfAgents(ctx, [agentId])).get(agentId) ?? []
    return { agent_type, git_enabled: false, blocks: attached, file_blocks: [], prompt_template: '' }
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
    const { results } = await detachBlocks(ctx.env.DB, ctx.actor.organization_id, agentId, [blockId]).all()
    if (results.length === 0) throw notFound(`Attached to agent '${agentId}', block`, blockId)
  },
}
