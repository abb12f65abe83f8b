import { and, asc, desc, eq, getTableColumns, gt, lt } from 'drizzle-orm'
import type { Ctx } from '../../context'
import type { Precondition } from '../../db/precondition'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { blockHistory, blocks } from './table'
import { type BlockRow, type BlockState, difference, type NewVersion, type Writer, writeVersion } from './write'

type Entry = Row<typeof blockHistory>

const blockRows = repository(blocks, 'Block')
const history = repository(blockHistory, 'Version')
const valuesMax = 50

/** A row of the history as it is sent. */
const sent = <E extends Omit<Entry, 'value'>>({ sequence_number, ...entry }: E) => ({ ...entry, version: sequence_number })

const stateOf = ({ label, description, value, limit, metadata, read_only }: Entry): BlockState => ({
  label,
  description,
  value,
  limit,
  metadata,
  read_only,
})

async function entryAt(ctx: Ctx, blockId: string, version: number): Promise<Entry> {
  const where = history.owned(ctx, eq(blockHistory.block_id, blockId), eq(blockHistory.sequence_number, version))
  const [entry] = await ctx.db.select().from(blockHistory).where(where)
  if (!entry) throw notFound(`Version of block '${blockId}'`, String(version))
  return entry
}

const nothing = (code: 'nothing_to_undo' | 'nothing_to_redo', detail: string) =>
  new AppError('conflict', detail, { code, headers: { 'x-should-retry': 'false' } })

/** An undo shows the state before the one that the head shows, and remembers what is before that. */
async function undone(ctx: Ctx, head: BlockRow): Promise<NewVersion> {
  const { prev_state } = await entryAt(ctx, head.id, head.version)
  if (prev_state === null) throw nothing('nothing_to_undo', `Block '${head.id}' is at its first state: there is nothing to undo.`)
  const target = await entryAt(ctx, head.id, prev_state)
  return { fields: stateOf(target), cause: 'undo', state_of: prev_state, prev_state: target.prev_state }
}

/**
 * A redo goes one state forward on the line that was undone: the one that ends at the latest version which is no undo or redo.
 * Walking that line back from its end, the state to show is the one whose `prev_state` is shown now.
 */
async function redone(ctx: Ctx, head: BlockRow): Promise<NewVersion> {
  const { cause, state_of } = await entryAt(ctx, head.id, head.version)
  const refuse = () => nothing('nothing_to_redo', `Block '${head.id}' was not undone since its latest change: there is nothing to redo.`)
  if (cause !== 'undo' && cause !== 'redo') throw refuse()
  const found = await ctx.env.DB.prepare(
    `with recursive line (version, prev) as (
      select * from (select sequence_number, prev_state from block_history
        where block_id = ?1 and cause not in ('undo', 'redo') order by sequence_number desc limit 1)
      union all
      select entry.sequence_number, entry.prev_state from line
        join block_history entry on entry.block_id = ?1 and entry.sequence_number = line.prev
    ) select version from line where prev = ?2 limit 1`,
  )
    .bind(head.id, state_of)
    .first<{ version: number }>()
  if (!found) throw refuse()
  const target = await entryAt(ctx, head.id, found.version)
  return { fields: stateOf(target), cause: 'redo', state_of: found.version, prev_state: target.prev_state }
}

/** The history of a block, append-only: undo, redo and restore add versions and take none away. */
export const blockVersionService = {
  /** One page of versions, without values unless asked for. */
  async list(ctx: Ctx, blockId: string, page: Page, include: { value: boolean }) {
    await blockRows.get(ctx, blockId)
    if (include.value && page.limit > valuesMax) {
      const message = `must be at most ${valuesMax} with include=value`
      throw new AppError('invalid', `limit: ${message}`, { errors: [{ field: 'limit', message }] })
    }
    const at = async (id: string | undefined) => {
      if (id === undefined) return undefined
      const entry = await history.get(ctx, id)
      if (entry.block_id !== blockId) throw notFound('Version', id)
      return entry.sequence_number
    }
    const [after, before] = [await at(page.after), await at(page.before)]
    const forward = page.order === 'asc'
    const backwards = before !== undefined && after === undefined
    const beyond = (version: number | undefined, up: boolean) =>
      version === undefined ? undefined : (up ? gt : lt)(blockHistory.sequence_number, version)
    const { value, ...columns } = getTableColumns(blockHistory)
    const rows = await ctx.db
      .select(include.value ? { ...columns, value } : columns)
      .from(blockHistory)
      .where(and(history.owned(ctx, eq(blockHistory.block_id, blockId)), beyond(after, forward), beyond(before, !forward)))
      .orderBy((forward !== backwards ? asc : desc)(blockHistory.sequence_number))
      .limit(page.limit)
    return (backwards ? rows.reverse() : rows).map(sent)
  },

  async get(ctx: Ctx, blockId: string, version: number) {
    await blockRows.get(ctx, blockId)
    return sent(await entryAt(ctx, blockId, version))
  },

  undo: (ctx: Ctx, by: Writer, blockId: string, precondition: Precondition | null): Promise<BlockRow> =>
    writeVersion(ctx.env.DB, by, blockId, precondition, (head) => undone(ctx, head)),

  redo: (ctx: Ctx, by: Writer, blockId: string, precondition: Precondition | null): Promise<BlockRow> =>
    writeVersion(ctx.env.DB, by, blockId, precondition, (head) => redone(ctx, head)),

  /** Brings the content of an old version back as a new one. The head shows it already: nothing is written. */
  restore: (ctx: Ctx, by: Writer, blockId: string, version: number, precondition: Precondition | null): Promise<BlockRow> =>
    writeVersion(ctx.env.DB, by, blockId, precondition, async (head) => {
      const target = await entryAt(ctx, blockId, version)
      const fields = difference(head, stateOf(target))
      return Object.keys(fields).length === 0 ? null : { fields, cause: 'restore', state_of: target.state_of }
    }),
}
