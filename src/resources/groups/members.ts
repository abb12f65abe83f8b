/** Managers that keep the memory of the agent they serve in the background, as SQL. */
export const sleeptimeManagers = "('sleeptime', 'voice_sleeptime')"
/** Agents that serve another one so, as SQL. */
export const sleeptimeTypes = "('sleeptime_agent', 'voice_sleeptime_agent')"

/** SQL: the ids of the sleeptime agents of the agents that `managers`, a subquery, names. */
export const sleeptimeAgentsOf = (managers: string): string =>
  `select member.agent_id as id from "groups" grp join groups_agents member on member.group_id = grp.id
    join agents servant on servant.id = member.agent_id and servant.agent_type in ${sleeptimeTypes} and servant.is_deleted = 0
  where grp.manager_agent_id in (${managers}) and grp.is_deleted = 0 and grp.manager_type in ${sleeptimeManagers}`

/** SQL that follows new rows of groups: only those whose manager, if they have one, is still an agent of their organization. */
export const managerLives = `and (json_extract(value, '$.manager_agent_id') is null or exists (select 1 from agents
  where id = json_extract(value, '$.manager_agent_id') and organization_id = json_extract(value, '$.organization_id') and is_deleted = 0))`
