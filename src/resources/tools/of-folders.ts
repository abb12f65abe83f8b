import type { Ctx } from '../../context'
import { fileToolNames } from './builtins'
import { insertBuiltins } from './rows'

const names = JSON.stringify(fileToolNames)

const fileTools = `select id from tools where organization_id = ?2 and tool_type = 'letta_files_core' and is_deleted = 0
  and name in (select value from json_each(?3))`

const isFirst = `exists (select 1 from sources where id in (select value from json_each(?4)) and organization_id = ?2 and is_deleted = 0)
  and not exists (select 1 from sources_agents where agent_id = ?1)`

/** Gives the agent the tools, in the order of their names, at the end of its list. */
const attach = `
  insert into tools_agents (agent_id, tool_id, position)
  select ?1, t.id, given.key + 1 + (select coalesce(max(position), -1) from tools_agents where agent_id = ?1)
  from json_each(?3) given join tools t on t.name = given.value and t.id in (${fileTools})
  where exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0) and ${isFirst}
  on conflict do nothing`

/** Which tools wait for approval by default, where no rule of the agent says so yet. */
const brings = `t.id in (${fileTools}) and t.default_requires_approval = 1
  and not exists (select 1 from json_each(coalesce(agents.tool_rules, '[]')) r
    where r.value ->> 'type' = 'requires_approval' and r.value ->> 'tool_name' = t.name)`

/** Gives the agent the rules that those of the tools bring along whose calls wait for approval by default. */
const addRules = `
  update agents set updated_at = ?5, tool_rules = (
    select json_group_array(json(rule)) from (
      select value as rule from json_each(coalesce(agents.tool_rules, '[]'))
      union all
      select json_object('tool_name', t.name, 'type', 'requires_approval', 'prompt_template', null) from tools t where ${brings}))
  where id = ?1 and organization_id = ?2 and is_deleted = 0 and ${isFirst} and exists (select 1 from tools t where ${brings})`

/**
 * Statements that give an agent the tools for files, unless it has a folder already; for use in the batch that attaches folders, before it
 * does. They make the rows of the tools that the organization lacks.
 */
export function toolsForFirstFolder(ctx: Ctx, agentId: string, folderIds: readonly string[]): D1PreparedStatement[] {
  const d1 = ctx.env.DB
  const values = [agentId, ctx.actor.organization_id, names, JSON.stringify(folderIds)]
  return [insertBuiltins(ctx, fileToolNames), d1.prepare(attach).bind(...values), d1.prepare(addRules).bind(...values, Date.now())]
}

/** Statement that takes the tools for files from an agent which loses all its folders, if it has any; to stand before they are detached. */
export const withoutFileTools = (ctx: Ctx, agentId: string): D1PreparedStatement =>
  ctx.env.DB.prepare(
    `delete from tools_agents where agent_id = ?1 and tool_id in (${fileTools}) and exists (select 1 from sources_agents where agent_id = ?1)`,
  ).bind(agentId, ctx.actor.organization_id, names)

/** Statement that takes the tools for files from the agents whose only folder is this one; to stand before it is detached or deleted. */
export const withoutFileToolsOfLast = (ctx: Ctx, folderId: string, agentId: string | null = null): D1PreparedStatement =>
  ctx.env.DB.prepare(
    `delete from tools_agents where tool_id in (${fileTools}) and agent_id in (
        select l.agent_id from sources_agents l join agents a on a.id = l.agent_id
        where l.source_id = ?1 and a.organization_id = ?2 and (?4 is null or l.agent_id = ?4)
          and not exists (select 1 from sources_agents other where other.agent_id = l.agent_id and other.source_id <> ?1))`,
  ).bind(folderId, ctx.actor.organization_id, names, agentId)
