import { sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { createManyOnce, createOnce } from '../../db/once'
import type { Precondition } from '../../db/precondition'
import { among, repository, taggedWith } from '../../db/repository'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { identified } from '../identities/links'
import { identities } from '../identities/table'
import { newBlocks, removeBlocks } from './create'
import { matching, withTags } from './read'
import type { BlockCreate, BlockFilters, BlockUpdate } from './schema'
import { blocks } from './table'
import { type BlockChange, type BlockRow, changeBlock, type Writer } from './write'

export { agentBlockService, attachBlocks, blocksOfAgents, detachBlocks, keepOnlyBlocks } from './attach'
export { newBlocks, removeBlocks } from './create'
export { blockVersionService } from './versions'

const rows = repository(blocks, 'Block')
const identityRows = repository(identities, 'Identity')

/** The caller as a writer of blocks. */
export const writerOf = (ctx: Ctx): Writer => ({
  organization_id: ctx.actor.organization_id,
  actor_type: 'letta_user',
  actor_id: ctx.actor.user_id,
  user_id: ctx.actor.user_id,
  operation_key: ctx.once ? `request:${ctx.once.uuid}` : null,
})

/** The fields of a PATCH that are there: null means "leave it", as in the Letta API. */
export function changeOf({ base_version: _, ...input }: z.output<typeof BlockUpdate>): BlockChange {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))
}

export const blockService = {
  async list(ctx: Ctx, query: BlockFilters & Page): Promise<BlockRow[]> {
    const { ids, tags, match_all_tags } = query
    const candidates = [...among(ids), ...identified(ctx, 'block', query), ...taggedWith('blocks_tags', ctx, tags, match_all_tags)]
    return withTags(ctx, await rows.listAmong(ctx, query, matching(ctx, query), candidates))
  },

  count: (ctx: Ctx, filters: BlockFilters): Promise<number> => rows.count(ctx, matching(ctx, filters)),

  /** The blocks of an identity. Throws 404 when the identity is not there. */
  async ofIdentity(ctx: Ctx, identityId: string, page: Page): Promise<BlockRow[]> {
    await identityRows.assertAll(ctx, [identityId])
    const ids = sql`select block_id as id from identities_blocks where identity_id = ${identityId}`
    return withTags(ctx, await rows.listAmong(ctx, page, sql`${blocks.id} in (${ids})`, [ids]))
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

  /** Creates all of the blocks or none, in one batch. Throws 422 naming the block whose value is over its limit. */
  createMany(ctx: Ctx, inputs: z.output<typeof BlockCreate>[]): Promise<BlockRow[]> {
    const make = async (ids: string[]) => {
      const made = newBlocks(
        ctx.env.DB,
        writerOf(ctx),
        inputs.map((input, i) => ({ ...input, id: ids[i] as string })),
      )
      await ctx.env.DB.batch(made.statements)
      return made.rows
    }
    return createManyOnce(ctx, 'block', inputs.length, make, async (ids) => withTags(ctx, await rows.getMany(ctx, ids)))
  },

  update: (ctx: Ctx, id: string, change: BlockChange, precondition: Precondition | null): Promise<BlockRow> =>
    changeBlock(ctx.env.DB, writerOf(ctx), id, () => change, { precondition }),

  /** Soft delete; the block leaves every agent, conversation, group and identity in the same transaction. Its history stays. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    if ((await blockService.removeMany(ctx, [id])).length === 0) throw notFound('Block', id)
  },

  /** The same for many, in one transaction. Resolves with the ids of those that were there. */
  async removeMany(ctx: Ctx, ids: string[]): Promise<string[]> {
    const [deleted] = await ctx.env.DB.batch<{ id: string }>(removeBlocks(ctx.env.DB, ctx.actor, ids))
    return (deleted?.results ?? []).map((row) => row.id)
  },
}
