import type { Config } from '../../env'
import { opened } from '../../lib/vault'

const sandboxQuery = `
  select v.key, v.value_enc from sandbox_configs c join sandbox_environment_variables v on v.sandbox_config_id = c.id
  where c.type = ?2 and c.organization_id = ?1 and c.is_deleted = 0 and v.is_deleted = 0`
const agentQuery = `
  select key, value_enc from agent_environment_variables where agent_id = ?2 and organization_id = ?1 and is_deleted = 0`

/** Whose variables are asked for; `agent_id` is null outside any agent. */
export interface VariablesOf {
  organization_id: string
  agent_id: string | null
}

/**
 * What tools of an agent get as environment variables: those of the organization's local sandbox, then the agent's secrets, which win.
 * Throws `bad_request` naming the variable when one was sealed with another ENCRYPTION_KEY.
 */
export async function toolVariables(
  d1: D1Database,
  { ENCRYPTION_KEY }: Pick<Config, 'ENCRYPTION_KEY'>,
  { organization_id, agent_id }: VariablesOf,
): Promise<Record<string, string>> {
  const found = await d1.batch<{ key: string; value_enc: string }>([
    d1.prepare(sandboxQuery).bind(organization_id, 'local'),
    ...(agent_id === null ? [] : [d1.prepare(agentQuery).bind(organization_id, agent_id)]),
  ])
  const rows = found.flatMap(({ results }) => results)
  const entries = rows.map(async ({ key, value_enc }) => [key, await opened(ENCRYPTION_KEY, value_enc, `The variable ${key}`)] as const)
  return Object.fromEntries(await Promise.all(entries))
}
