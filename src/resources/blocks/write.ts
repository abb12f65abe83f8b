import { brokenConstraint } from '../../db/errors'
import { assertCurrent, type Precondition } from '../../db/precondition'
import { type Row, readRow } from '../../db/rows'
import { AppError, isAppError, notFound } from '../../lib/errors'
import { newId } from '../../lib/id'
import { backoff, sleep } from '../../lib/time'
import { normalizeValue, withinLimit } from '../../memory/operations'
import { type ActorType, type BlockCause, blocks } from './table'

/** A block with its tags, sorted. */
export type BlockRow = Row<typeof blocks> & { tags: string[] }

/** Who changes a block, and why. Two changes with one `operation_key` are one change. */
export interface Writer {
  organization_id: string
  actor_type: ActorType
  actor_id: string
  /** The user on whose behalf it happens. */
  user_id: string | null
  run_id?: string | null
  operation_key?: string | null
}

/** Fields that the history keeps. */
export type BlockState = Pick<Row<typeof blocks>, 'label' | 'description' | 'value' | 'limit' | 'metadata' | 'read_only'>
/** Fields that the history leaves out. */
type BlockSettings = Pick<
  Row<typeof blocks>,
  | 'hidden'
  | 'is_template'
  | 'template_name'
  | 'template_id'
  | 'base_template_id'
  | 'deployment_id'
  | 'entity_id'
  | 'project_id'
  | 'preserve_on_migration'
>
/** What a change may set. Fields that are left out stay as they are; `tags` replaces the whole set. */
export type BlockChange = Partial<BlockState & BlockSettings> & { tags?: string[] }

const settings = [
  'hidden',
  'is_template',
  'template_name',
  'template_id',
  'base_template_id',
  'deployment_id',
  'entity_id',
  'project_id',
  'preserve_on_migration',
] as const satisfies (keyof BlockSettings)[]

/** One new version to be written, as decided from the head. */
export interface NewVersion {
  fields: BlockChange
  cause: BlockCause
  /** The version whose content it shows; itself when left out. */
  state_of?: number
  /** The version that an undo of it goes back to; the state before it when left out. */
  prev_state?: number | null
}

const attemptsMax = 50
const backoffMs = { base: 4, max: 250 }
/** What an agent that edits a read-only block is told; models and clients know the sentence. */
export const readOnlyText = 'Error This block is read-only and cannot be edited.'

/** D1 takes strings and rows of up to 2 MB. */
const rowBytesMax = 1_500_000

/**
 * Applies `change` to the head of a block as one new version, and resolves with the block.
 *
 * The change is a function of the head, so that it can be computed again: a writer that lost a race meets the newer head and is
 * applied to that. With a precondition it is refused instead (412 or 409 with the current version and value). A change that
 * changes nothing writes nothing. A second call with the same `operation_key` resolves with the block as it is, without calling
 * `change`. Throws 404 for a missing or foreign block, 403 when an agent edits a read-only one, 422 for a value over the limit, 409 when a new label is taken in an agent.
 */
export function changeBlock(
  d1: D1Database,
  by: Writer,
  blockId: string,
  change: (head: BlockRow) => BlockChange,
  options: { precondition?: Precondition | null } = {},
): Promise<BlockRow> {
  return writeVersion(d1, by, blockId, options.precondition ?? null, (head) => {
    const fields = difference(head, clean(change(head)))
    return Object.keys(fields).length === 0 ? null : { fields, cause: 'write' }
  })
}

/** Writes the version that `decide` makes of the head, or nothing when it decides on null. Decides again after a lost race. */
export async function writeVersion(
  d1: D1Database,
  by: Writer,
  blockId: string,
  precondition: Precondition | null,
  decide: (head: BlockRow) => NewVersion | null | Promise<NewVersion | null>,
): Promise<BlockRow> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const head = readHead(await headStatement(d1, by, blockId).first())
    if (!head) throw notFound('Block', blockId)
    if (head.applied) return head.block
    // Here and not only in the tools, so that no way for an agent to write leads past it.
    if (head.block.read_only && by.actor_type === 'letta_agent') throw new AppError('forbidden', readOnlyText)
    if (precondition) assertCurrent(head.block, precondition)
    const next = await decide(head.block)
    if (!next) return head.block
    assertFits({ ...head.block, ...next.fields })
    const written = await d1.batch<Record<string, unknown>>(statements(d1, by, head.block, next)).catch((error: unknown) => {
      throw labelTaken(error, next.fields.label)
    })
    const after = readHead(written.at(-1)?.results[0] ?? null)
    if (after && (written[1]?.results.length ?? 0) > 0) return after.block
    await sleep(backoff(attempt, backoffMs.base, backoffMs.max))
  }
  const detail = `Block '${blockId}' is being changed by too many writers at once. Nothing was written; try again.`
  throw new AppError('conflict', detail, { code: 'busy', headers: { 'x-should-retry': 'true', 'retry-after': '1' } })
}

/** The block with its tags, and whether the writer's operation was applied before. */
function headStatement(d1: D1Database, by: Writer, blockId: string): D1PreparedStatement {
  return d1
    .prepare(
      `select block.*,
        (select json_group_array(tag) from blocks_tags where block_id = ?1) as tags,
        exists (select 1 from block_history where block_id = ?1 and operation_key = ?3) as applied
      from block where id = ?1 and organization_id = ?2 and is_deleted = 0`,
    )
    .bind(blockId, by.organization_id, by.operation_key ?? null)
}

const readHead = (raw: Record<string, unknown> | null): { block: BlockRow; applied: boolean } | null =>
  raw && { block: { ...readRow(blocks, raw), tags: (JSON.parse(raw.tags as string) as string[]).sort() }, applied: raw.applied === 1 }

/** The batch of one try: the history row is the guard, everything else hangs on it, and the last statement reads the head. */
function statements(d1: D1Database, by: Writer, head: BlockRow, next: NewVersion): D1PreparedStatement[] {
  const historyId = newId('blockVersion')
  const now = Date.now()
  const state = { ...head, ...next.fields }
  const insertHistory = d1
    .prepare(
      `insert into block_history (id, organization_id, block_id, sequence_number, label, description, value, "limit", metadata_, read_only,
        cause, state_of, prev_state, actor_type, actor_id, run_id, operation_key, created_at, updated_at, created_by_id, last_updated_by_id)
      select ?1, block.organization_id, block.id, block.version + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, block.version + 1),
        case when ?10 then ?11 when before.cause in ('undo', 'redo') then before.state_of else before.sequence_number end,
        ?12, ?13, ?14, ?15, ?16, ?16, ?17, ?17
      from block left join block_history before on before.block_id = block.id and before.sequence_number = block.version
      where block.id = ?18 and block.organization_id = ?19 and block.is_deleted = 0 and block.version = ?20`,
    )
    .bind(
      ...[historyId, state.label, state.description, state.value, state.limit, JSON.stringify(state.metadata), Number(state.read_only)],
      ...[next.cause, next.state_of ?? null, Number(next.prev_state !== undefined), next.prev_state ?? null],
      ...[by.actor_type, by.actor_id, by.run_id ?? null, by.operation_key ?? null, now, by.user_id],
      ...[head.id, by.organization_id, head.version],
    )
  const changed = settings.filter((key) => key in next.fields)
  const stored = (value: unknown) => (typeof value === 'boolean' ? Number(value) : value)
  const updateBlock = d1
    .prepare(
      `update block set label = history.label, description = history.description, value = history.value, "limit" = history."limit",
        metadata_ = history.metadata_, read_only = history.read_only, version = history.sequence_number,
        current_history_entry_id = history.id, updated_at = ?2, last_updated_by_id = ?3
        ${changed.map((key, i) => `, "${key}" = ?${i + 4}`).join('')}
      from block_history history where history.id = ?1 and block.id = history.block_id returning block.version`,
    )
    .bind(historyId, now, by.user_id, ...changed.map((key) => stored(next.fields[key])))
  const tags = next.fields.tags === undefined ? [] : replaceTags(d1, head.id, by.organization_id, next.fields.tags, historyId)
  return [insertHistory, updateBlock, ...tags, headStatement(d1, by, head.id)]
}

function replaceTags(d1: D1Database, blockId: string, organizationId: string, tags: string[], historyId: string): D1PreparedStatement[] {
  const written = 'exists (select 1 from block_history where id = ?2)'
  return [
    d1.prepare(`delete from blocks_tags where block_id = ?1 and ${written}`).bind(blockId, historyId),
    d1
      .prepare(`insert into blocks_tags (block_id, tag, organization_id) select ?1, value, ?3 from json_each(?4) where ${written}`)
      .bind(blockId, historyId, organizationId, JSON.stringify(tags)),
  ]
}

/** Text as it is stored, and tags as a sorted set. */
export function clean<C extends BlockChange>(change: C): C {
  const without = (text: string) => text.replaceAll('\0', '')
  return {
    ...change,
    ...(change.value === undefined ? {} : { value: normalizeValue(change.value) }),
    ...(change.label === undefined ? {} : { label: without(change.label) }),
    ...(change.description == null ? {} : { description: without(change.description) }),
    ...(change.tags === undefined ? {} : { tags: [...new Set(change.tags)].sort() }),
  }
}

/** The fields of a change that differ from the head. */
export function difference(head: BlockRow, change: BlockChange): BlockChange {
  const differs = ([key, value]: [string, unknown]) =>
    value !== undefined && JSON.stringify(value) !== JSON.stringify(head[key as keyof BlockRow])
  return Object.fromEntries(Object.entries(change).filter(differs))
}

/** Throws 422 naming the field unless the value is within the block's limit, 413 when the row is more than the database can hold. */
export function assertFits(block: Pick<BlockRow, 'id' | 'label' | 'value' | 'limit' | 'metadata'>): void {
  try {
    withinLimit(block.value, block.limit, block.label, block.id)
  } catch (error) {
    if (!isAppError(error)) throw error
    throw new AppError('invalid', error.message, { errors: [{ field: 'value', message: error.message }] })
  }
  const content = JSON.stringify([block.value, block.metadata])
  if (content.length * 3 > rowBytesMax && new TextEncoder().encode(content).length > rowBytesMax)
    throw new AppError('payload_too_large', `value, metadata: a block holds at most ${rowBytesMax} bytes of JSON.`)
}

/** What a broken constraint of a write means: the only one that a valid change can meet is a label that an agent already uses. */
function labelTaken(error: unknown, label: string | undefined): unknown {
  if (label === undefined || brokenConstraint(error)?.kind !== 'unique') return error
  const detail = `An agent or conversation with this block already has another block labelled '${label}'. Nothing was changed; choose another label or detach that block.`
  return new AppError('conflict', detail, { code: 'label_taken' })
}
