import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { anyOf, repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import { tools, toolsAgents } from './table'

type ToolRow = Row<typeof tools>

const agentRows = repository(agents, 'Agent')
const toolRows = repository(tools, 'Tool')

/**
 * Statements that attach existing tools to an agent, in this order, at the end of its list; for use inside a bigger batch. Tools
 * that it has already, and tools of another organization, are left out.
 */
export function attachTools(d1: D1Database, organizationId: string, agentId: string, toolIds: string[]): D1PreparedStatement[] {
  if (toolIds.length === 0) return []
  return [
    d1
      .prepare(
        `insert into tools_agents (agent_id, tool_id, position)
        select ?1, tools.id, given.key + 1 + (select coalesce(max(position), -1) from tools_agents where agent_id = ?1)
        from json_each(?3) given join tools on tools.id = given.value and tools.organization_id = ?2 and tools.is_deleted = 0
        where exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0)
        on conflict do nothing`,
      )
      .bind(agentId, organizationId, JSON.stringify([...new Set(toolIds)])),
  ]
}

/** Statement that gives an agent the rule that a tool of its own brings along: calls of it wait for approval. */
function approvalRule(d1: D1Database, organizationId: string, agentId: string, toolId: string): D1PreparedStatement {
  return d1
    .prepare(
      `update agents set updated_at = ?4, tool_rules = json_insert(coalesce(tool_rules, '[]'), '$[#]',
          json_object('tool_name', tools.name, 'type', 'requires_approval', 'prompt_template', null))
        from tools
        where agents.id = ?1 and agents.organization_id = ?2 and agents.is_deleted = 0
          and tools.id = ?3 and tools.organization_id = ?2 and tools.is_deleted = 0 and tools.default_requires_approval = 1
          and not exists (select 1 from json_each(coalesce(agents.tool_rules, '[]'))
            where value ->> 'type' = 'requires_approval' and value ->> 'tool_name' = tools.name)`,
    )
    .bind(agentId, organizationId, toolId, Date.now())
}

/** Statement that decides whether calls of an attached tool wait for approval, returning the agent when it has the tool. */
function setApproval(d1: D1Database, organizationId: string, agentId: string, toolName: string, required: boolean): D1PreparedStatement {
  return d1
    .prepare(
      `update agents set updated_at = ?5, tool_rules = (
          select json_group_array(json(rule)) from (
            select value as rule from json_each(coalesce(agents.tool_rules, '[]'))
              where not (value ->> 'type' = 'requires_approval' and value ->> 'tool_name' = ?3)
            union all
            select json_object('tool_name', ?3, 'type', 'requires_approval', 'prompt_template', null) where ?4))
        where id = ?1 and organization_id = ?2 and is_deleted = 0
          and exists (select 1 from tools_agents join tools on tools.id = tools_agents.tool_id
            where tools_agents.agent_id = ?1 and tools.name = ?3 and tools.is_deleted = 0)
        returning id`,
    )
    .bind(agentId, organizationId, toolName, required ? 1 : 0, Date.now())
}

/** Statement that detaches tools from an agent, returning the ids of those that were attached. */
export function detachTools(d1: D1Database, organizationId: string, agentId: string, toolIds: string[]): D1PreparedStatement {
  return d1
    .prepare(
      `delete from tools_agents where agent_id = ?1 and tool_id in (select value from json_each(?3))
        and exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0) returning tool_id`,
    )
    .bind(agentId, organizationId, JSON.stringify(toolIds))
}

/** The tools of each agent, in the order in which they were attached. Agents without tools have an empty list. */
export async function toolsOfAgents(ctx: Ctx, agentIds: string[]): Promise<Map<string, ToolRow[]>> {
  const found = new Map<string, ToolRow[]>(agentIds.map((id) => [id, []]))
  if (agentIds.length === 0) return found
  // The `+` keeps the organization's index out of the plan, so that the junction leads and not every tool of the organization.
  const inOrganization = and(sql`+${tools.organization_id} = ${ctx.actor.organization_id}`, eq(tools.is_deleted, false))
  const rows = await ctx.db
    .select({ ...getTableColumns(tools), agent_id: toolsAgents.agent_id, position: toolsAgents.position })
    .from(toolsAgents)
    .innerJoin(tools, eq(tools.id, toolsAgents.tool_id))
    .where(and(anyOf(toolsAgents.agent_id, agentIds), inOrganization))
  rows.sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
  for (const { agent_id, position: _, ...row } of rows) found.get(agent_id)?.push(row)
  return found
}

/** Tools of one agent. Every verb throws 404 for an agent that is not there. */
export const agentToolService = {
  async list(ctx: Ctx, agentId: string, page: Page): Promise<ToolRow[]> {
    await agentRows.get(ctx, agentId)
    const attached = (await toolsOfAgents(ctx, [agentId])).get(agentId) ?? []
    return pageRows(attached.sort(byAge), page)
  },

  /** Attaches a tool at the end, with the rule it brings along. Attached already: nothing happens. */
  async attach(ctx: Ctx, agentId: string, toolId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    await toolRows.get(ctx, toolId)
    const d1 = ctx.env.DB
    const { organization_id } = ctx.actor
    await d1.batch([...attachTools(d1, organization_id, agentId, [toolId]), approvalRule(d1, organization_id, agentId, toolId)])
  },

  /** Decides whether calls of an attached tool, given by its name, wait for approval. */
  async setApproval(ctx: Ctx, agentId: string, toolName: string, required: boolean | null | undefined): Promise<void> {
    await agentRows.get(ctx, agentId)
    if (required == null) throw new AppError('invalid', 'requires_approval: is required: true or false, in the body or the query')
    const { results } = await setApproval(ctx.env.DB, ctx.actor.organization_id, agentId, toolName, required).all()
    if (results.length === 0) throw notFound(`Attached to agent '${agentId}', tool`, toolName)
  },

  async detach(ctx: Ctx, agentId: string, toolId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    const { results } = await detachTools(ctx.env.DB, ctx.actor.organization_id, agentId, [toolId]).all()
    if (results.length === 0) throw notFound(`Attached to agent '${agentId}', tool`, toolId)
  },
}
