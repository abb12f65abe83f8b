import { eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { brokenConstraint } from '../../db/errors'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { AppError } from '../../lib/errors'
import { isBuiltinName } from './builtins'
import { type Definition, define, languageOf, toolHash, withArguments } from './definition'
import type { ToolCreate, ToolUpdate } from './schema'
import { tools } from './table'

type ToolRow = Row<typeof tools>

const rows = repository(tools, 'Tool')

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

/** The metadata of a tool as it will be, with the hash of its code. */
async function hashed(row: Partial<ToolRow>): Promise<Pick<ToolRow, 'metadata_'>> {
  const { source_type = 'python', source_code = null, pip_requirements = null, npm_requirements = null, metadata_ = {} } = row
  return { metadata_: { ...metadata_, tool_hash: await toolHash({ source_type, source_code, pip_requirements, npm_requirements }) } }
}

/** Stores a tool under the name of its function; a tool of that name keeps its id and gets what was sent. */
export async function upsertTool(ctx: Ctx, input: z.output<typeof ToolCreate>): Promise<ToolRow> {
  const { json_schema: _, ...sent } = given(input)
  const definition = define({ ...input, source_type: input.source_type ?? 'python' })
  const { name } = definition
  if (isBuiltinName(name))
    throw new AppError('conflict', `'${name}' is the name of a built-in tool. Give yours another name.`, { code: 'name_taken' })
  // A source that was read as Python is Python; a schema that was sent leaves it open what the code is.
  const read = input.json_schema ? {} : { source_type: input.source_type ?? 'python' }
  const fields = { ...sent, ...read, ...definition, args_json_schema: input.args_json_schema ?? {} }
  for (let attempt = 0; ; attempt++) {
    const existing = await named(ctx, name)
    if (existing?.tool_type === 'external_mcp')
      throw new AppError('conflict', `'${name}' is a tool of an MCP server. Give yours another name.`, { code: 'name_taken' })
    if (existing) return rows.update(ctx, existing.id, { ...fields, ...(await hashed({ ...existing, ...fields })) })
    try {
      const made = { source_type: 'python', ...fields }
      return await rows.create(ctx, { ...made, ...(await hashed(made)) })
    } catch (error) {
      // Another request created the name in between: what was sent goes into that row.
      if (attempt > 0 || brokenConstraint(error)?.kind !== 'unique') throw error
    }
  }
}

/** What may be set on a tool whose code is in the server. */
const builtinSettings = ['tags', 'return_char_limit', 'default_requires_approval', 'enable_parallel_execution', 'metadata_']

function assertSettings(tool: ToolRow, fields: string[]): void {
  const fixed = fields.filter((key) => !builtinSettings.includes(key))
  if (fixed.length === 0) return
  const detail = `'${tool.name}' is a built-in tool: ${fixed.join(', ')} cannot be changed. Only ${builtinSettings.join(', ')} can.`
  throw new AppError('bad_request', detail)
}

/** What a tool is after a change. Arguments that were told apart from the source once are so until a schema says otherwise. */
function changedDefinition(tool: ToolRow, input: z.output<typeof ToolUpdate>): Definition {
  const { source_code = tool.source_code ?? '', source_type = tool.source_type, json_schema, args_json_schema, description } = given(input)
  const isNew = source_code !== tool.source_code || source_type !== tool.source_type
  if (json_schema)
    return define(
      { source_code, source_type, json_schema, args_json_schema, description },
      isNew ? { ...tool, name: json_schema.name } : tool,
    )
  if (isNew && languageOf(source_type))
    return define({ source_code, source_type, args_json_schema: args_json_schema ?? tool.args_json_schema, description }, tool)
  const told = description ?? tool.description
  return {
    name: tool.name,
    description: told,
    json_schema: withArguments({ ...tool.json_schema, description: told ?? '' }, args_json_schema),
  }
}

const defining = ['source_code', 'source_type', 'json_schema', 'args_json_schema', 'description']
const code = ['source_code', 'source_type', 'pip_requirements', 'npm_requirements', 'metadata_']

/**
 * Changes a tool. Another source means another schema, unless one is sent with it; its function's name is then the tool's. Only what the
 * request touches is written, so that two requests for different fields do not undo each other.
 */
export async function updateTool(ctx: Ctx, id: string, input: z.output<typeof ToolUpdate>): Promise<ToolRow> {
  const tool = await rows.get(ctx, id)
  const { json_schema, ...sent } = given(input)
  const touched = Object.keys(given(input))
  if (isBuiltinName(tool.name)) {
    assertSettings(tool, touched)
    return rows.update(ctx, id, sent)
  }
  const definition = touched.some((key) => defining.includes(key)) ? changedDefinition(tool, input) : null
  const args = json_schema ? { args_json_schema: sent.args_json_schema ?? {} } : {}
  const fields = { ...sent, ...args, ...definition }
  const hash = touched.some((key) => code.includes(key)) ? await hashed({ ...tool, ...fields }) : {}
  const name = definition?.name ?? tool.name
  if (name !== tool.name && (isBuiltinName(name) || (await named(ctx, name)))) throw nameTaken(name)
  try {
    return await rows.update(ctx, id, { ...fields, ...hash })
  } catch (error) {
    throw brokenConstraint(error)?.kind === 'unique' ? nameTaken(name) : error
  }
}
