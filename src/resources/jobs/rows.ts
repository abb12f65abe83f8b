import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import type { Job } from './schema'
import { jobs } from './table'

export { jobs }
export const jobRows = repository(jobs, 'Job')
export type JobRow = Row<typeof jobs>

/** A stored job as the API shows it. */
export function jobOf(row: JobRow): Job {
  const { organization_id: _, is_deleted: _d, request_config: _r, stop_reason, ...job } = row
  return { ...job, stop_reason: stop_reason as Job['stop_reason'], agent_id: null }
}
