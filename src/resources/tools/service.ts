import { and, eq, not, type SQL, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { brokenConstraint } from '../../db/errors'
import { among, anyOf, containsText, repository } from '../../db/repository'
import { insertRows, type Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { builtinTools, isBuiltinName } from './builtins'
import type { FunctionSchema, ToolCreate, ToolFilters, ToolUpdate } from './schema'
import { tools } from './table'

export { agentToolService, attachTools, detachTools, toolsOfAgents } from './attach'
export { builtinTools, defaultToolNames, isBuiltinName } from './builtins'

type ToolRow = Row<typeof tools>

const rows = repository(tools, 'Tool')

/** Inserts the built-in tools that the organization lacks: those it never had, and those it deleted. One statement. */
export async function ensureBuiltinTools(ctx: Ctx): Promise<void> {
  const { organization_id, user_id } = ctx.actor
  const wanted = builtinTools.map((tool) => ({ ...tool, organization_id, created_by_id: user_id, last_updated_by_id: user_id }))
  await insertRows(ctx.env.DB, tools, wanted, 'on conflict do nothing').run()
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

/** The function schema as it is kept: with the arguments that were sent apart, and always with a description or none. */
const schemaOf = (schema: FunctionSchema, args: Record<string, unknown> | null | undefined, description: string | null) => ({
  ...schema,
  description: description ?? schema.description ?? '',
  ...(args && Object.keys(args).length > 0 ? { parameters: args } : {}),
})

/** What of an input is there: null means "leave it", as in the Letta API. */
const given = <I extends object>(input: I) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof I]?: NonNullable<I[K]>
  }

async function named(ctx: Ctx, name: string): Promise<ToolRow | undefined> {
  const [row] = await ctx.db
    .select()
    .from(tools)
    .where(rows.owned(ctx, eq(tools.name, name)))
    .limit(1)
  return row
}

const nameTaken = (name: string) =>
  new AppError('bad_request', `A tool named '${name}' exists already. Choose another name.`, { code: 'name_taken' })

/** Stores a tool under the name in its function schema; a tool of that name keeps its id and gets what was sent. */
async function upsert(ctx: Ctx, input: z.output<typeof ToolCreate>): Promise<ToolRow> {
  const { name } = input.json_schema
  if (isBuiltinName(name))
    throw new AppError('conflict', `'${name}' is the name of a built-in tool. Give yours another name in json_schema.name.`, {
      code: 'name_taken',
    })
  for (let attempt = 0; ; attempt++) {
    const existing = await named(ctx, name)
    const description = input.description ?? input.json_schema.description ?? null
    const json_schema = schemaOf(input.json_schema, input.args_json_schema, description)
    if (existing) return rows.update(ctx, existing.id, { ...given(input), description, json_schema })
    try {
      const { json_schema: _, ...rest } = given(input)
      return await rows.create(ctx, { source_type: 'python', ...rest, name, description, json_schema })
    } catch (error) {
      // Another request created the name in between: what was sent goes into that row.
      if (attempt > 0 || brokenConstraint(error)?.kind !== 'unique') throw error
    }
  }
}

/** What may be set on a tool whose code is in the server. */
const builtinSettings = ['tags', 'return_char_limit', 'default_requires_approval', 'enable_parallel_execution', 'metadata_']

async function update(ctx: Ctx, id: string, input: z.output<typeof ToolUpdate>): Promise<ToolRow> {
  const tool = await rows.get(ctx, id)
  const { json_schema, ...rest } = given(input)
  if (isBuiltinName(tool.name)) {
    const fixed = Object.keys(given(input)).filter((key) => !builtinSettings.includes(key))
    if (fixed.length > 0)
      throw new AppError(
        'bad_request',
        `'${tool.name}' is a built-in tool: ${fixed.join(', ')} cannot be changed. Only ${builtinSettings.join(', ')} can.`,
      )
    return rows.update(ctx, id, rest)
  }
  const name = json_schema?.name ?? tool.name
  if (name !== tool.name) {
    if (rest.source_code === undefined)
      throw new AppError(
        'bad_request',
        `json_schema.name is '${name}', but the tool's function is '${tool.name}'. Send the source_code that defines '${name}' with it.`,
      )
    if (isBuiltinName(name) || (await named(ctx, name))) throw nameTaken(name)
  }
  const kept = { ...(tool.json_schema as FunctionSchema), name }
  const description = rest.description ?? json_schema?.description ?? tool.description
  const schema = schemaOf(json_schema ?? kept, rest.args_json_schema, description)
  try {
    return await rows.update(ctx, id, { ...rest, name, description, json_schema: schema })
  } catch (error) {
    throw brokenConstraint(error)?.kind === 'unique' ? nameTaken(name) : error
  }
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
  create: upsert,
  upsert,
  update,

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
