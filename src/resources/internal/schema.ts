import { z } from 'zod'
import { blankAsAbsent } from '../../lib/page'
import { isoText, queryFlag, queryList, queryText } from '../../lib/query'
import { BlockCreate } from '../blocks/schema'
import { RunQuery } from '../runs/schema'

const whole = (description: string, max = Number.MAX_SAFE_INTEGER) =>
  blankAsAbsent(z.coerce.number().int().min(0).max(max).optional()).describe(description)
const comparison = z.enum(['eq', 'gt', 'gte', 'lt', 'lte'])

export const InternalRunQuery = RunQuery.extend({
  run_id: queryText('Only this run.'),
  run_ids: queryList(z.string(), 'Only these runs.'),
  template_family: queryText('Only runs of this base template.'),
  project_id: queryText('Only runs of this project.'),
  step_count: whole('Only runs with so many steps.'),
  step_count_operator: blankAsAbsent(comparison.default('eq')).describe('How `step_count` is compared.'),
  tools_used: queryList(z.string(), 'Only runs that called one of these tools, by id or name.'),
  duration_percentile: whole('Only runs that took at least as long as this percentage of them.', 100),
  duration_value: whole('Only runs of this duration, in nanoseconds.'),
  duration_operator: blankAsAbsent(comparison.default('gt')).describe('How `duration_value` is compared.'),
  start_date: blankAsAbsent(isoText('Only runs from this date or instant on.').optional()),
  end_date: blankAsAbsent(isoText('Only runs up to this date (its whole day) or instant.').optional()),
  order_by: blankAsAbsent(z.enum(['created_at', 'duration']).default('created_at')).describe(
    'What to sort by; runs in progress have no duration and come last.',
  ),
})
export type InternalRunQuery = z.output<typeof InternalRunQuery>

export const InternalCountQuery = z.object({ exclude_hidden: queryFlag('Leave hidden agents out; on unless false.') })

export const BlocksCreate = z.array(BlockCreate).min(1, 'must not be empty').max(100)

/** What a client calls a deployment: any text. */
export const DeploymentId = z
  .string()
  .min(1)
  .max(255)
  .meta({ description: 'What the deployment is called: any text.', example: 'deployment-17' })

export const entityTypes = ['agent', 'block', 'group'] as const
export type EntityType = (typeof entityTypes)[number]

export const DeploymentQuery = z.object({ entity_types: queryList(z.enum(entityTypes), 'Only entities of these types.') })

const DeploymentEntity = z
  .object({
    id: z.string(),
    type: z.enum(entityTypes),
    name: z.string().nullable().describe('Name of an agent, label of a block.'),
    description: z.string().nullable(),
    entity_id: z.string().nullable(),
    project_id: z.string().nullable(),
  })
  .meta({ id: 'DeploymentEntity' })
export type DeploymentEntity = z.output<typeof DeploymentEntity>

export const DeploymentEntities = z
  .object({ entities: z.array(DeploymentEntity), total_count: z.int(), deployment_id: z.string(), message: z.string() })
  .meta({ id: 'ListDeploymentEntitiesResponse' })

const ids = z.array(z.string())
export const DeletedDeployment = z
  .object({ deleted_agents: ids, deleted_blocks: ids, deleted_groups: ids, message: z.string() })
  .meta({ id: 'DeleteDeploymentResponse' })

export const CacheWarm = z
  .strictObject({ collection: z.literal('messages'), scope: z.strictObject({}).default({}) })
  .meta({ id: 'CacheWarmRequest' })

export const CacheWarmed = z
  .object({ collection: z.string(), status: z.literal('ok'), warmed: z.boolean() })
  .meta({ id: 'CacheWarmResponse' })
