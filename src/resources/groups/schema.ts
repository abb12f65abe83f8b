import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'
import { managerTypes } from './table'

const text = () => z.string().nullable()
const count = () => z.int().nullable()
const ManagerType = z.enum(managerTypes).meta({ id: 'ManagerType' })

/** Agents that belong together, and how they are led. */
export const Group = z
  .object({
    id: z.string(),
    manager_type: ManagerType,
    description: z.string(),
    agent_ids: z.array(z.string()).describe('The members, in order.'),
    shared_block_ids: z.array(z.string()).describe('Blocks that every member and the manager have.'),
    manager_agent_id: text(),
    termination_token: text(),
    max_turns: count(),
    sleeptime_agent_frequency: count(),
    turns_counter: count(),
    last_processed_message_id: text(),
    max_message_buffer_length: count(),
    min_message_buffer_length: count(),
    hidden: z.boolean().nullable(),
    project_id: text(),
    template_id: text(),
    base_template_id: text(),
    deployment_id: text(),
    created_at: z.string(),
    updated_at: z.string(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'Group' })
export type Group = z.output<typeof Group>

const size = (description: string) => z.int().min(1).nullish().describe(description)
const maxTurns = { max_turns: size('Most turns that members take for one message.') }
const dynamic = {
  ...maxTurns,
  termination_token: z.string().min(1).nullish().describe('What the manager says when it is done: `DONE!` unless given.'),
}
const sleeptime = {
  sleeptime_agent_frequency: size('Turns of the manager from one background run to the next; after every turn unless given.'),
}
const voice = {
  max_message_buffer_length: z.int().min(5).nullish(),
  min_message_buffer_length: z.int().min(5).nullish(),
}

/** A manager's settings. For a new group the manager must be named; a change may leave it as it is. */
function managers<A extends z.ZodType>(manager_agent_id: A, prefix: string) {
  const of = <T extends string, F extends z.ZodRawShape>(manager_type: T, name: string, fields: F) =>
    z.object({ manager_type: z.literal(manager_type), manager_agent_id, ...fields }).meta({ id: `${name}Manager${prefix}` })
  return z.discriminatedUnion('manager_type', [
    z.object({ manager_type: z.literal('round_robin'), ...maxTurns }).meta({ id: `RoundRobinManager${prefix}` }),
    of('supervisor', 'Supervisor', {}),
    of('dynamic', 'Dynamic', dynamic),
    of('sleeptime', 'Sleeptime', sleeptime),
    of('voice_sleeptime', 'VoiceSleeptime', voice),
  ])
}

const ManagerConfig = managers(z.string(), '')
const ManagerConfigUpdate = managers(z.string().nullish(), 'Update')
export type ManagerConfig = z.output<typeof ManagerConfig> | z.output<typeof ManagerConfigUpdate>

const fields = {
  project_id: z.string().nullish(),
  shared_block_ids: z.array(z.string()).nullish().describe('Blocks to attach to every member and the manager.'),
  hidden: z.boolean().nullish(),
}
const agent_ids = z.array(z.string()).max(100).describe('The members, in order. Each agent once.')
const description = z.string().max(10_000)

export const GroupCreate = z
  .object({
    agent_ids,
    description,
    manager_config: ManagerConfig.nullish().describe('How the group is led; `round_robin` unless given.'),
    ...fields,
  })
  .meta({ id: 'GroupCreate' })

/** The same with the ids of the template that the group was made from. */
export const InternalTemplateGroupCreate = GroupCreate.extend({
  base_template_id: z.string().nullish(),
  template_id: z.string().nullish(),
  deployment_id: z.string().nullish(),
}).meta({ id: 'InternalTemplateGroupCreate' })
export type GroupCreate = z.output<typeof InternalTemplateGroupCreate>

/** Fields that are left out or null stay; lists replace what was there. The type of the manager cannot change. */
export const GroupUpdate = z
  .object({ agent_ids: agent_ids.nullish(), description: description.nullish(), manager_config: ManagerConfigUpdate.nullish(), ...fields })
  .meta({ id: 'GroupUpdate' })
export type GroupUpdate = z.output<typeof GroupUpdate>

const managerFilter = { manager_type: blankAsAbsent(ManagerType.optional()).describe('Only groups that are led so.') }
const filters = {
  ids: queryList(z.string(), 'Only groups with one of these ids, hidden ones too.'),
  ...managerFilter,
  manager_agent_id: queryText('Only groups that this agent leads.'),
  project_id: queryText('Only groups of this project.'),
  show_hidden_groups: queryFlag('Hidden groups too.'),
}
export const GroupFilters = z.object(filters)
export type GroupFilters = z.output<typeof GroupFilters>
export const GroupQuery = pageQuery({ order: 'asc' }).extend(filters)
export const AgentGroupQuery = pageQuery({ limit: 100 }).extend(managerFilter)
export type AgentGroupQuery = z.output<typeof AgentGroupQuery>
