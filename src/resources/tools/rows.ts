import type { Ctx } from '../../context'
import { insertRows } from '../../db/rows'
import { builtinTools } from './builtins'
import { tools } from './table'

/** Statement that inserts the built-in tools of these names, or all, where the organization lacks them: it never had them, or deleted them. */
export function insertBuiltins(ctx: Ctx, names?: readonly string[]): D1PreparedStatement {
  const { organization_id, user_id } = ctx.actor
  const wanted = names ? builtinTools.filter(({ name }) => names.includes(name)) : builtinTools
  const rows = wanted.map((tool) => ({ ...tool, organization_id, created_by_id: user_id, last_updated_by_id: user_id }))
  return insertRows(ctx.env.DB, tools, rows, 'on conflict do nothing')
}

/** Statement that brings what the server says of its built-in tools up to date: an older one stored the rows. What an organization set stays. */
export function refreshBuiltins(ctx: Ctx): D1PreparedStatement {
  const told = builtinTools.map(({ name, tool_type, description, json_schema }) => ({ name, tool_type, description, json_schema }))
  return ctx.env.DB.prepare(
    `update tools set description = told.value ->> 'description', json_schema = told.value ->> 'json_schema', updated_at = ?3
      from json_each(?2) told
      where organization_id = ?1 and name = told.value ->> 'name' and tool_type = told.value ->> 'tool_type' and is_deleted = 0
        and json_schema <> told.value ->> 'json_schema'`,
  ).bind(ctx.actor.organization_id, JSON.stringify(told), Date.now())
}
