import type { z } from 'zod'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import type { Precondition } from '../../db/precondition'
import { repository } from '../../db/repository'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { newBlocks, removeBlocks } from './create'
import { matching, withTags } from './read'
import type { BlockCreate, BlockFilters, BlockUpdate } from './schema'
import { blocks } from './table'
import { type BlockChange, type BlockRow, changeBlock, type Writer } from './write'

export { agentBlockService, attachBlocks, blocksOfAgents, detachBlocks } from './attach'
export { newBlocks, removeBlocks } from './create'
export { blockVersionService } from './versions'

const rows = repository(blocks, 'Block')

/** The caller as a writer of blocks. */
export const writerOf = (ctx: Ctx): Writer => ({
  organization_id: ctx.actor.organization_id,
  actor_type: 'letta_user',
  actor_id: ctx.actor.user_id,
  user_id: ctx.actor.user_id,
  operation_key: ctx.once ? `request:${ctx.once.uuid}` : null,
})

/** A filter by identity matches nothing: blocks of this server belong to no identity. */
const ofIdentity = (filters: BlockFilters) => filters.identity_id !== undefined || filters.identifier_keys !== undefined

/** The fields of a PATCH that are there: null means "leave it", as in the Letta API. */
export function changeOf({ base_version: _, ...input }: z.output<typeof BlockUpdate>): BlockChange {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))
}

export const blockService = {
  async list(ctx: Ctx, query: BlockFilters & Page): Promise<BlockRow[]> {
    return ofIdentity(query) ? [] : withTags(ctx, await rows.list(ctx, query, matching(query)))
  },

  async count(ctx: Ctx, filters: BlockFilters): Promise<number> {
    return ofIdentity(filters) ? 0 : rows.count(ctx, matching(filters))
  },

  async get(ctx: Ctx, id: string): Promise<BlockRow> {
    const [block] = await withTags(ctx, [await rows.get(ctx, id)])
    if (!block) throw notFound('Block', id)
    return block
  },

  create(ctx: Ctx, input: z.output<typeof BlockCreate>): Promise<BlockRow> {
    const make = async (id: string) => {
      const made = newBlocks(ctx.env.DB, writerOf(ctx), [{ ...input, id }])
      await ctx.env.DB.batch(made.statements)
      return made.rows[0] as BlockRow
    }
    return createOnce(ctx, 'block', make, (id) => blockService.get(ctx, id))
  },

  /** Creates blocks in the order given, all or none. */
  async createMany(ctx: Ctx, inputs: z.output<typeof BlockCreate>[]): Promise<BlockRow[]> {
    const made = newBlocks(ctx.env.DB, writerOf(ctx), inputs)
    await ctx.env.DB.batch(made.statements)
    return made.rows
  },

  update: (ctx: Ctx, id: string, change: BlockChange, precondition: Precondition | null): Promise<BlockRow> =>
    changeBlock(ctx.env.DB, writerOf(ctx), id, () => change, { precondition }),

  /** Soft delete; the block leaves every agent and conversation in the same transaction. Its history stays. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const [deleted] = await ctx.env.DB.batch(removeBlocks(ctx.env.DB, ctx.actor, [id]))
    if (!deleted?.results.length) throw notFound('Block', id)
  },
}
