import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'

export const toolTypes = [
  'custom',
  'letta_core',
  'letta_memory_core',
  'letta_multi_agent_core',
  'letta_sleeptime_core',
  'letta_voice_sleeptime_core',
  'letta_builtin',
  'letta_files_core',
  'external_langchain',
  'external_composio',
  'external_mcp',
] as const
const ToolType = z.enum(toolTypes)

const object = z.record(z.string(), z.unknown())
const requirement = z.object({ name: z.string().min(1), version: z.string().nullish() })

/** A tool as it is sent. */
export const Tool = z
  .object({
    id: z.string(),
    name: z.string(),
    tool_type: z.string(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    source_type: z.string(),
    source_code: z.string().nullable(),
    json_schema: object.describe('Function schema: name, description and the JSON schema of the parameters.'),
    args_json_schema: object,
    return_char_limit: z.int().describe('Longest result, in characters; longer ones are cut.'),
    pip_requirements: z.array(object).nullable(),
    npm_requirements: z.array(object).nullable(),
    default_requires_approval: z.boolean().nullable(),
    enable_parallel_execution: z.boolean(),
    metadata_: object,
    project_id: z.string().nullable(),
    created_by_id: z.string().nullable(),
    last_updated_by_id: z.string().nullable(),
  })
  .meta({ id: 'Tool' })
export type Tool = z.output<typeof Tool>

const toolName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be a function name: letters, digits, _ and -, at most 64')

const schemaMissing =
  'is required: send the function schema of the tool, {"name", "description", "parameters"}. This server does not derive it from source_code'

/** A function schema as models are shown it. */
const FunctionSchema = z
  .looseObject(
    {
      name: toolName,
      description: z.string().nullish(),
      parameters: z
        .looseObject({ type: z.literal('object', "must be 'object': models call tools with named arguments").default('object') })
        .default({ type: 'object' }),
    },
    { error: ({ input }) => (input === undefined || input === null ? schemaMissing : undefined) },
  )
  .meta({
    description: 'Function schema of the tool.',
    example: { name: 'roll_dice', description: 'Rolls a die.', parameters: { type: 'object', properties: { sides: { type: 'integer' } } } },
  })
export type FunctionSchema = z.output<typeof FunctionSchema>

const fields = {
  description: z.string().max(10_000).nullish(),
  tags: z.array(z.string().min(1).max(255)).nullish(),
  args_json_schema: object.nullish().describe('JSON schema of the arguments; takes the place of `json_schema.parameters`.'),
  return_char_limit: z.int().min(1).max(1_000_000).nullish(),
  pip_requirements: z.array(requirement).nullish(),
  npm_requirements: z.array(requirement).nullish(),
  default_requires_approval: z.boolean().nullish(),
  enable_parallel_execution: z.boolean().nullish(),
}

export const ToolCreate = z
  .object({
    source_code: z.string().min(1).max(1_000_000),
    source_type: z.enum(['python', 'typescript', 'json']).nullish(),
    json_schema: FunctionSchema,
    ...fields,
  })
  .meta({ id: 'ToolCreate' })

/** Fields that are left out or null stay as they are. */
export const ToolUpdate = z
  .object({
    source_code: z.string().min(1).max(1_000_000).nullish(),
    source_type: z.enum(['python', 'typescript', 'json']).nullish(),
    json_schema: FunctionSchema.nullish(),
    ...fields,
    metadata_: object.nullish(),
  })
  .meta({ id: 'ToolUpdate' })

/** Repeated keys or commas between the items, as the SDK documents it for ids and types. */
const commaList = <S extends z.ZodType>(item: S, description: string) =>
  z
    .preprocess((v) => (typeof v === 'string' ? v.split(',').map((part) => part.trim()) : v), queryList(item, description))
    .describe(description)

const filters = {
  name: queryText('Only the tool with this name.'),
  names: queryList(z.string(), 'Only tools with one of these names.'),
  ids: queryList(z.string(), 'Only tools with one of these ids.'),
  tool_ids: commaList(z.string(), 'Only tools with one of these ids.'),
  tool_types: commaList(ToolType, 'Only tools of one of these types.'),
  exclude_tool_types: commaList(ToolType, 'No tools of these types.'),
  return_only_letta_tools: queryFlag('Only built-in tools.'),
  search: queryText('Only tools whose name contains this text, in any case.'),
  project_id: queryText('Only tools of this project.'),
}

export const ToolFilters = z.object(filters)
export type ToolFilters = z.output<typeof ToolFilters>
export const ToolQuery = pageQuery().extend(filters)
export const AgentToolQuery = pageQuery({ limit: 10 })

/** Whether calls of a tool wait for approval, under the two names that clients send. */
export const ApprovalUpdate = z
  .object({
    requires_approval: z.boolean().nullish().describe('Whether calls of the tool wait for approval.'),
    body_requires_approval: z.boolean().nullish().describe('The same, as the SDK sends it.'),
  })
  .meta({ id: 'ModifyApprovalRequest' })
export const ApprovalQuery = z.object({
  requires_approval: queryFlag('Deprecated: the same as in the body, which wins.'),
  query_requires_approval: queryFlag('Deprecated: the same.'),
})
