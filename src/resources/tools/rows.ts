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
