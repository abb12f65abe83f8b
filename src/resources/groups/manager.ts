import type { Row } from '../../db/rows'
import { AppError } from '../../lib/errors'
import type { ManagerConfig } from './schema'
import type { groups } from './table'

export type GroupRow = Row<typeof groups>
type Settings = Pick<
  GroupRow,
  | 'manager_type'
  | 'manager_agent_id'
  | 'max_turns'
  | 'termination_token'
  | 'sleeptime_agent_frequency'
  | 'turns_counter'
  | 'max_message_buffer_length'
  | 'min_message_buffer_length'
>

const none: Omit<Settings, 'manager_type'> = {
  manager_agent_id: null,
  max_turns: null,
  termination_token: null,
  sleeptime_agent_frequency: null,
  turns_counter: null,
  max_message_buffer_length: null,
  min_message_buffer_length: null,
}

const refuse = (field: string, message: string) =>
  new AppError('invalid', `manager_config.${field}: ${message}`, { errors: [{ field: `manager_config.${field}`, message }] })

function assertBuffer({ max_message_buffer_length: max, min_message_buffer_length: min }: Settings): void {
  if ((max === null) !== (min === null)) throw refuse('max_message_buffer_length', 'goes together with min_message_buffer_length')
  if (max !== null && min !== null && max <= min) throw refuse('max_message_buffer_length', 'must be more than min_message_buffer_length')
}

/**
 * The columns that a manager's settings make of those before, null for a new group. What is left out stays, or has its default. Throws 422
 * when the settings do not go together, or are of another type of manager than before.
 */
export function managerColumns(config: ManagerConfig | null | undefined, before: Settings | null): Settings {
  const sent = config ?? { manager_type: before?.manager_type ?? 'round_robin' }
  if (before && sent.manager_type !== before.manager_type)
    throw refuse('manager_type', `cannot be changed: the group is led by '${before.manager_type}'. Make a new group instead`)
  const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value != null))
  const kept = Object.fromEntries(Object.entries(none).map(([key, value]) => [key, before ? before[key as keyof Settings] : value]))
  const settings = { ...kept, ...given, manager_type: sent.manager_type } as Settings
  if (settings.manager_type === 'dynamic') settings.termination_token ??= 'DONE!'
  // The counter is raised before it is looked at, so that the first turn counts as due.
  if (settings.sleeptime_agent_frequency !== null) settings.turns_counter ??= -1
  assertBuffer(settings)
  return settings
}
