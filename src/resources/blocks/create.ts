import { softDelete } from '../../db/repository'
import { insertRows } from '../../db/rows'
import { chunked } from '../../lib/chunks'
import { newId } from '../../lib/id'
import { stockDescriptions } from '../../runtime/stock-prompts'
import { blocks } from './table'
import { assertFits, type BlockChange, type BlockRow, clean, type Writer } from './write'

type OrNull<T> = { [K in keyof T]?: T[K] | null | undefined }
/** What a block is made of. What is left out or null gets its default; `human` and `persona` also a description. */
export type BlockCreateInput = OrNull<BlockChange> & { label: string; id?: string }

const limitDefault = 100_000
const chunkCharacters = 250_000

function newRow(by: Writer, input: BlockCreateInput, now: string): BlockRow {
  const description = input.description || stockDescriptions[input.label] || null
  const text = clean({ label: input.label, value: input.value ?? '', description, tags: input.tags ?? [] })
  const row: BlockRow = {
    ...text,
    id: input.id ?? newId('block'),
    organization_id: by.organization_id,
    limit: input.limit ?? limitDefault,
    metadata: input.metadata ?? {},
    read_only: input.read_only ?? false,
    hidden: input.hidden ?? null,
    is_template: input.is_template ?? false,
    template_name: input.template_name ?? null,
    template_id: input.template_id ?? null,
    base_template_id: input.base_template_id ?? null,
    deployment_id: input.deployment_id ?? null,
    entity_id: input.entity_id ?? null,
    project_id: input.project_id ?? null,
    preserve_on_migration: input.preserve_on_migration ?? false,
    current_history_entry_id: newId('blockVersion'),
    version: 1,
    created_at: now,
    updated_at: now,
    is_deleted: false,
    created_by_id: by.user_id,
    last_updated_by_id: by.user_id,
  }
  assertFits(row)
  return row
}

const unpointed = (row: BlockRow): BlockRow => ({ ...row, current_history_entry_id: null })

/**
 * Rows and statements that create blocks, each at version 1 with the first entry of its history; for use inside a bigger batch.
 * Throws 422 when a value is over its limit.
 */
export function newBlocks(d1: D1Database, by: Writer, inputs: BlockCreateInput[]): { rows: BlockRow[]; statements: D1PreparedStatement[] } {
  const now = new Date().toISOString()
  const rows = inputs.map((input) => newRow(by, input, now))
  if (rows.length === 0) return { rows, statements: [] }
  const entries = JSON.stringify(rows.map(({ id, current_history_entry_id: entry }) => ({ id, entry })))
  const history = d1
    .prepare(
      `insert into block_history (id, organization_id, block_id, sequence_number, label, description, value, "limit", metadata_, read_only,
        cause, state_of, actor_type, actor_id, run_id, created_at, updated_at, created_by_id, last_updated_by_id)
      select entry.value ->> 'entry', organization_id, block.id, version, label, description, block.value, "limit", metadata_, read_only,
        'create', version, ?2, ?3, ?4, created_at, updated_at, created_by_id, last_updated_by_id
      from json_each(?1) entry join block on block.id = entry.value ->> 'id'`,
    )
    .bind(entries, by.actor_type, by.actor_id, by.run_id ?? null)
  const point = d1
    .prepare(
      `update block set current_history_entry_id = entry.value ->> 'entry' from json_each(?1) entry where block.id = entry.value ->> 'id'`,
    )
    .bind(entries)
  const tags = rows.flatMap((row) => row.tags.map((tag) => ({ block_id: row.id, tag })))
  const insertTags = (some: typeof tags) =>
    d1
      .prepare(
        `insert into blocks_tags (block_id, tag, organization_id)
        select value ->> 'block_id', value ->> 'tag', ?2 from json_each(?1)`,
      )
      .bind(JSON.stringify(some), by.organization_id)
  return {
    rows,
    statements: [
      ...chunked(rows, chunkCharacters, ({ value, metadata }) => JSON.stringify([value, metadata]).length).map((group) =>
        insertRows(d1, blocks, group.map(unpointed)),
      ),
      history,
      point,
      ...chunked(tags, chunkCharacters, (tag) => JSON.stringify(tag).length).map(insertTags),
    ],
  }
}

/** What binds a block to things that outlive it. */
const bonds = ['blocks_agents', 'blocks_conversations', 'blocks_tags', 'groups_blocks', 'identities_blocks']

/**
 * Statements that delete blocks softly and take them out of every agent, conversation, group and identity; blocks of another organization are left
 * alone. The first statement returns the ids of those deleted.
 */
export function removeBlocks(
  d1: D1Database,
  by: { organization_id: string; user_id: string | null },
  blockIds: string[],
): D1PreparedStatement[] {
  const ids = JSON.stringify(blockIds)
  // The `+` keeps the organization's index out of the plan: the ids lead.
  const deleted = 'select id from block where id in (select value from json_each(?1)) and +organization_id = ?2 and is_deleted = 1'
  return [
    softDelete(d1, blocks, by, blockIds),
    ...bonds.map((table) => d1.prepare(`delete from ${table} where block_id in (${deleted})`).bind(ids, by.organization_id)),
  ]
}
