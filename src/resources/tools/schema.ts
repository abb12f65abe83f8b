import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryList, queryText } from '../../lib/query'
import { ToolReturnMessage } from '../../runtime/wire-schema'
import { SearchMode } from '../indexes/schema'

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

export const toolName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be a function name: letters, digits, _ and -, at most 64')

const argumentsAreObject = "must be 'object': models call tools with named arguments"

/** A function schema as models are shown it. */
const FunctionSchema = z
  .looseObject({
    name: toolName,
    description: z.string().nullish(),
    parameters: z.looseObject({ type: z.literal('object', argumentsAreObject).default('object') }).default({ type: 'object' }),
  })
  .meta({
    description: 'Function schema of the tool. Left out, it is derived from the types and comments of the source.',
    example: { name: 'roll_dice', description: 'Rolls a die.', parameters: { type: 'object', properties: { sides: { type: 'integer' } } } },
  })
export type FunctionSchema = z.output<typeof FunctionSchema>

const sourceCode = z.string().min(1).max(1_000_000).meta({
  description: 'The tool is the last function (Python) or the last exported one (TypeScript).',
  example:
    'def roll_dice(sides: int) -> int:\n    """Rolls a die.\n\n    Args:\n        sides (int): How many sides it has.\n    """\n    return 4\n',
})
const sourceType = z.enum(['python', 'typescript', 'json']).nullish().describe('Language of the source; `python` unless said otherwise.')
const argsSchema = object
  .refine(({ type }) => type === undefined || type === 'object', { path: ['type'], message: argumentsAreObject })
  .nullish()
  .describe('JSON schema of the arguments; takes the place of `json_schema.parameters`, and of what the source says of them.')

const fields = {
  description: z.string().max(10_000).nullish(),
  tags: z.array(z.string().min(1).max(255)).nullish(),
  args_json_schema: argsSchema,
  return_char_limit: z.int().min(1).max(1_000_000).nullish(),
  pip_requirements: z.array(requirement).nullish(),
  npm_requirements: z.array(requirement).nullish(),
  default_requires_approval: z.boolean().nullish(),
  enable_parallel_execution: z.boolean().nullish(),
}

export const ToolCreate = z
  .object({
    source_code: sourceCode,
    source_type: sourceType,
    json_schema: FunctionSchema.nullish(),
    ...fields,
  })
  .refine(({ source_type, json_schema }) => source_type !== 'json' || json_schema, {
    path: ['json_schema'],
    message: 'is required when source_type is json: {"name", "description", "parameters"}',
  })
  .meta({ id: 'ToolCreate' })

/** Fields that are left out or null stay as they are. */
export const ToolUpdate = z
  .object({
    source_code: sourceCode.nullish(),
    source_type: sourceType,
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
export const ToolSearch = z
  .object({
    query: z.string().max(10_000).nullish().describe('What to look for in name, description and tags. Left out: the newest tools.'),
    search_mode: SearchMode.nullish(),
    tags: z.array(z.string()).nullish().describe('Only tools with one of these tags.'),
    tool_types: z.array(ToolType).nullish().describe('Only tools of one of these types.'),
    limit: z.int().min(1).max(100).default(50).describe('Most results, 1 to 100.'),
  })
  .meta({ id: 'ToolSearchRequest' })

export const ToolSearchResult = z
  .object({
    tool: Tool,
    embedded_text: z.string().nullable().describe('The text that was searched.'),
    fts_rank: z.int().nullable().describe('Place among the matches by words, from 1.'),
    vector_rank: z.int().nullable().describe('Place among the matches by meaning, from 1.'),
    combined_score: z
      .number()
      .describe(
        'Reciprocal rank fusion: 1 / (60 + place) by words, times the share of the query that is held, and half of 1 / (60 + place) by meaning; in full where only one of the two searched. 0 without a query.',
      ),
  })
  .meta({ id: 'ToolSearchResult' })
export type ToolSearchResult = z.output<typeof ToolSearchResult>

export const SourceSchemaRequest = z
  .object({ code: sourceCode, source_type: z.enum(['python', 'typescript']).nullish() })
  .meta({ id: 'GenerateSchemaRequest' })

export const DerivedSchema = z
  .object({ name: z.string(), description: z.string(), parameters: object })
  .meta({ id: 'DerivedFunctionSchema' })

export const GenerateTool = z
  .object({
    tool_name: toolName.meta({ example: 'roll_dice' }),
    prompt: z.string().min(1).max(100_000).describe('What the tool is to do.'),
    handle: z.string().min(1).nullish().describe('Model that writes the tool; DEFAULT_MODEL unless given.'),
    starter_code: z.string().max(100_000).nullish().describe('Source to start from.'),
    validation_errors: z.array(z.string()).nullish().describe('What was wrong with an earlier version.'),
    source_type: z.enum(['python', 'typescript']).nullish(),
  })
  .meta({ id: 'GenerateToolInput' })

export const GeneratedTool = z
  .object({
    tool: Tool.describe('The tool. It is not stored: create it to keep it.'),
    sample_args: object.describe('Arguments to try it with.'),
    response: z.string().describe('What the model said besides.'),
  })
  .meta({ id: 'GenerateToolOutput' })
export type GeneratedTool = z.output<typeof GeneratedTool>

export const RunSource = z
  .object({
    source_code: sourceCode,
    args: object.describe('Arguments of the call, by parameter name.'),
    env_vars: z.record(z.string(), z.string()).nullish(),
    name: z.string().nullish().describe('Name in the answer; the function’s own unless given.'),
    source_type: sourceType,
    json_schema: FunctionSchema.nullish(),
    args_json_schema: argsSchema,
    pip_requirements: z.array(requirement).nullish(),
    npm_requirements: z.array(requirement).nullish(),
  })
  .meta({ id: 'ToolRunFromSource' })

export const ToolReturned = ToolReturnMessage
export type ToolReturned = z.output<typeof ToolReturned>

export const RunAttached = z
  .object({ args: object.nullish().describe('Arguments of the call, by parameter name.') })
  .meta({ id: 'ToolExecuteRequest' })

export const ToolExecutionResult = z
  .object({
    status: z.enum(['success', 'error']),
    func_return: z.unknown().describe('What the tool returned; null when it failed.'),
    agent_state: z.null(),
    stdout: z.array(z.string()),
    stderr: z.array(z.string()).describe('Why it failed.'),
    sandbox_config_fingerprint: z.string().nullable(),
  })
  .meta({ id: 'ToolExecutionResult' })
export type ToolExecutionResult = z.output<typeof ToolExecutionResult>
