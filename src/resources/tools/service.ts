import { and, eq, not, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { among, anyOf, containsText, repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { builtinTools, isBuiltinName } from './builtins'
import { insertBuiltins, refreshBuiltins } from './rows'
import type { ToolFilters } from './schema'
import { tools } from './table'
import { updateTool, upsertTool } from './write'

export { agentToolService, attachTools, detachTools, toolsOfAgents } from './attach'
export { builtinTools, defaultToolNames, isBuiltinName } from './builtins'

type ToolRow = Row<typeof tools>

const rows = repository(tools, 'Tool')

/** Inserts the built-in tools that the organization lacks, those it never had and those it deleted, and brings the others up to date. */
export async function ensureBuiltinTools(ctx: Ctx): Promise<void> {
  await ctx.env.DB.batch([insertBuiltins(ctx), refreshBuiltins(ctx)])
}

function matching(filters: ToolFilters): SQL | undefined {
  return and(
    filters.name === undefined ? undefined : eq(tools.name, filters.name),
    filters.names && anyOf(tools.name, filters.names),
    filters.ids && anyOf(tools.id, filters.ids),
    filters.tool_ids && anyOf(tools.id, filters.tool_ids),
    filters.tool_types && anyOf(tools.tool_type, filters.tool_types),
    filters.exclude_tool_types && not(anyOf(tools.tool_type, filters.exclude_tool_types)),
    filters.return_only_letta_tools ? sql`substr(${tools.tool_type}, 1, 6) = 'letta_'` : undefined,
    filters.search === undefined ? undefined : containsText(tools.name, filters.search),
    filters.project_id === undefined ? undefined : eq(tools.project_id, filters.project_id),
  )
}

export const toolService = {
  async list(ctx: Ctx, query: ToolFilters & Page): Promise<ToolRow[]> {
    await ensureBuiltinTools(ctx)
    return rows.listAmong(ctx, query, matching(query), [...among(query.ids), ...among(query.tool_ids)])
  },

  async count(ctx: Ctx, filters: ToolFilters): Promise<number> {
    await ensureBuiltinTools(ctx)
    return rows.count(ctx, matching(filters))
  },

  /** The built-in tools, made where they lack. */
  async builtins(ctx: Ctx): Promise<ToolRow[]> {
    return resolveTools(ctx, { names: builtinTools.map(({ name }) => name) })
  },

  get: rows.get,
  create: upsertTool,
  upsert: upsertTool,
  update: updateTool,

  /** Soft delete; the tool leaves every agent in the same transaction. A built-in comes back with the next list. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    if ((await toolService.removeMany(ctx, [id])).length === 0) throw notFound('Tool', id)
  },

  /** The same for many, in one transaction. Resolves with the ids of those that were there. */
  async removeMany(ctx: Ctx, ids: string[]): Promise<string[]> {
    const gone = 'select id from tools where id in (select value from json_each(?1)) and +organization_id = ?2 and is_deleted = 1'
    const [deleted] = await ctx.env.DB.batch<{ id: string }>([
      rows.removeMany(ctx, ids),
      ctx.env.DB.prepare(`delete from tools_agents where tool_id in (${gone})`).bind(JSON.stringify(ids), ctx.actor.organization_id),
    ])
    return (deleted?.results ?? []).map((row) => row.id)
  },
}

const quoted = (missing: string[]) => `[${missing.map((each) => `'${each}'`).join(', ')}]`

/**
 * The tools of these names and ids, names first, each once. Built-in tools that the organization lacks are made. Throws a 400 that
 * lists what was not found; the Letta Code client matches its beginning.
 */
export async function resolveTools(ctx: Ctx, wanted: { names?: string[] | null; ids?: string[] | null }): Promise<ToolRow[]> {
  const names = [...new Set(wanted.names ?? [])]
  const ids = [...new Set(wanted.ids ?? [])]
  if (names.some(isBuiltinName)) await ensureBuiltinTools(ctx)
  const byName = new Map<string, ToolRow>()
  if (names.length > 0) {
    const found = await ctx.db
      .select()
      .from(tools)
      .where(rows.owned(ctx, anyOf(tools.name, names)))
    for (const row of found) byName.set(row.name, row)
  }
  const missing = names.filter((name) => !byName.has(name))
  if (missing.length > 0) throw new AppError('bad_request', `Tools not found by name: ${quoted(missing)}`)
  const byId = await rows.getMany(ctx, ids)
  const unknown = ids.filter((id) => !byId.some((row) => row.id === id))
  if (unknown.length > 0) throw new AppError('bad_request', `Tools not found by id: ${quoted(unknown)}`)
  const all = [...names.flatMap((name) => byName.get(name) ?? []), ...byId]
  return [...new Map(all.map((row) => [row.id, row])).values()]
}
