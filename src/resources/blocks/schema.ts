import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'
import { FileBlock } from '../files/schema'
import { actorTypes, blockCauses } from './table'

const label = z.string().min(1).max(255).meta({ description: 'What the block is about; agents address it by this.', example: 'human' })
const value = z.string().meta({ description: 'What the block holds.', example: 'Name: Ada' })
const limit = z.int().min(1).max(1_000_000).describe('Longest value, in Unicode code points.')
const metadata = z.record(z.string(), z.unknown()).describe('Free-form values kept with the block.')
const tags = z.array(z.string().min(1).max(255))
const text = z.string().max(10_000)
const version = z.int().min(1)

/** A block as it is sent. */
export const Block = z
  .object({
    id: z.string(),
    label,
    value: z.string(),
    limit: z.int(),
    description: z.string().nullable(),
    read_only: z.boolean().describe('Agents cannot edit the block; people can.'),
    metadata,
    tags: z.array(z.string()),
    hidden: z.boolean().nullable(),
    is_template: z.boolean(),
    template_name: z.string().nullable(),
    template_id: z.string().nullable(),
    base_template_id: z.string().nullable(),
    deployment_id: z.string().nullable(),
    entity_id: z.string().nullable(),
    project_id: z.string().nullable(),
    preserve_on_migration: z.boolean(),
    created_by_id: z.string().nullable(),
    last_updated_by_id: z.string().nullable(),
    version: version.describe('Goes up by one with every stored change. Send it back as `base_version`, or the ETag as `If-Match`.'),
  })
  .meta({ id: 'Block' })
export type Block = z.output<typeof Block>

const fields = {
  limit: limit.nullish(),
  description: text.nullish(),
  read_only: z.boolean().nullish(),
  metadata: metadata.nullish(),
  tags: tags.nullish(),
  hidden: z.boolean().nullish(),
  is_template: z.boolean().nullish(),
  template_name: text.nullish(),
  template_id: text.nullish(),
  base_template_id: text.nullish(),
  deployment_id: text.nullish(),
  entity_id: text.nullish(),
  project_id: text.nullish(),
  preserve_on_migration: z.boolean().nullish(),
}

export const BlockCreate = z.object({ label, value: value.nullish(), ...fields }).meta({ id: 'BlockCreate' })

export const BlocksCreate = z.object({ blocks: z.array(BlockCreate).min(1).max(1000) }).meta({ id: 'BlocksCreate' })

/** Fields that are left out or null stay as they are. */
export const BlockUpdate = z
  .object({
    label: label.nullish(),
    value: value.nullish(),
    ...fields,
    base_version: version.nullish().describe('Refuse with 409 unless the block is at this version.'),
  })
  .meta({ id: 'BlockUpdate' })

const filters = {
  ids: queryList(z.string(), 'Only blocks with one of these ids, hidden ones too.'),
  label: queryText('Only blocks with this label.'),
  labels: queryList(z.string(), 'Only blocks with one of these labels.'),
  name: queryText('Only blocks with this template name.'),
  project_id: queryText('Only blocks of this project.'),
  tags: queryList(z.string(), 'Only blocks with any of these tags.'),
  match_all_tags: queryFlag('Only blocks with all of the tags.'),
  templates_only: queryFlag('Only templates.'),
  label_search: queryText('Only blocks whose label contains this text.'),
  description_search: queryText('Only blocks whose description contains this text.'),
  value_search: queryText('Only blocks whose value contains this text.'),
  connected_to_agents_count_gt: queryCount('Only blocks with more agents than this.'),
  connected_to_agents_count_lt: queryCount('Only blocks with fewer agents than this.'),
  connected_to_agents_count_eq: queryList(z.coerce.number().int().min(0), 'Only blocks with one of these numbers of agents.'),
  identity_id: queryText('Only blocks of this identity.'),
  identifier_keys: queryList(z.string(), 'Only blocks of identities with one of these keys.'),
  show_hidden_blocks: queryFlag('Hidden blocks too.'),
}

function queryCount(description: string) {
  return z.preprocess((v) => (v === '' ? undefined : v), z.coerce.number().int().optional()).describe(description)
}

export const BlockFilters = z.object(filters)
export type BlockFilters = z.output<typeof BlockFilters>
export const BlockQuery = pageQuery({ order: 'asc' }).extend(filters)
export const AgentBlockQuery = pageQuery({ limit: 100 })
export const IdentityBlockQuery = pageQuery()

/** One entry of a block's history. */
export const BlockVersion = z
  .object({
    id: z.string(),
    block_id: z.string(),
    version: version,
    label: z.string(),
    description: z.string().nullable(),
    value: z.string().optional().describe('Left out of lists unless `include=value`.'),
    limit: z.int(),
    metadata,
    read_only: z.boolean(),
    cause: z.enum(blockCauses),
    state_of: version.describe('The version whose content this one shows: itself, but for undo, redo and restore.'),
    prev_state: version.nullable().describe('The version that an undo goes back to.'),
    actor_type: z.enum(actorTypes).nullable(),
    actor_id: z.string().nullable(),
    run_id: z.string().nullable(),
    created_at: z.string(),
  })
  .meta({ id: 'BlockVersion' })

export const BlockVersionQuery = pageQuery().extend({
  include: queryList(z.enum(['value']), '`value`: send the values too; at most 50 versions at a time.'),
})

/** Body of undo and redo; may be left out. */
export const BlockMove = z.object({ base_version: BlockUpdate.shape.base_version }).meta({ id: 'BlockMove' })
export const BlockRestore = BlockMove.extend({ version: version.describe('The version to bring back.') }).meta({ id: 'BlockRestore' })

/** The memory of an agent. */
export const Memory = z
  .object({
    agent_type: z.string(),
    git_enabled: z.boolean(),
    blocks: z.array(Block),
    file_blocks: z.array(FileBlock),
    prompt_template: z.string(),
  })
  .meta({ id: 'Memory' })
