import { sha256 } from '../../lib/crypto'
import { AppError } from '../../lib/errors'
import { deriveSchema, describeTool, functionNames, type Language, languages } from '../../sandbox'
import { type FunctionSchema, toolName } from './schema'

/** What was sent of what a tool is. */
export interface Sent {
  source_code: string
  source_type: string
  json_schema?: FunctionSchema | null | undefined
  args_json_schema?: Record<string, unknown> | null | undefined
  description?: string | null | undefined
}

/** What a tool is called, what it says of itself, and what models are shown of it. */
export interface Definition {
  name: string
  description: string | null
  json_schema: Record<string, unknown>
}

export const languageOf = (source_type: string): Language | null => languages.find((language) => language === source_type) ?? null

const argumentsOf = (schema: Sent['args_json_schema']): Record<string, unknown> | null =>
  schema && Object.keys(schema).length > 0 ? { type: 'object', ...schema } : null

/**
 * A schema that is sent is for a function of the source, as far as the source can be read and defines any. `known` is a name that needs
 * no proof, or null when nothing does.
 */
function assertDefined(name: string, source_code: string, language: Language | null, known: string | null): void {
  const names = (language && functionNames(source_code, language)) ?? []
  if (names.includes(name) || (names.length === 0 && (known === null || known === name))) return
  const defined =
    names.length > 0 ? `the source defines ${names.map((each) => `'${each}'`).join(', ')}` : `the tool's function is '${known}'`
  const detail = `json_schema.name is '${name}', but ${defined}. Send the source_code that defines '${name}', or name it as it is.`
  throw new AppError('bad_request', detail, { code: 'name_mismatch' })
}

function derived({ source_code, args_json_schema }: Sent, language: Language) {
  const args = argumentsOf(args_json_schema)
  const schema = args ? { ...describeTool(source_code, language), parameters: args } : deriveSchema(source_code, language)
  const { error } = toolName.safeParse(schema.name)
  if (error)
    throw new AppError('bad_request', `The name of the function, '${schema.name}', ${error.issues[0]?.message}.`, {
      code: 'invalid_source',
    })
  return schema
}

/**
 * The function schema that is sent, else the one that the source means; `args_json_schema` takes the place of its parameters. `stored`
 * is what a tool that is changed was: its description stays when nothing else is said.
 */
export function define(sent: Sent, stored: { name: string; description: string | null } | null = null): Definition {
  const { json_schema, source_code } = sent
  const language = languageOf(sent.source_type)
  if (json_schema) {
    assertDefined(json_schema.name, source_code, language, stored?.name ?? null)
    const description = sent.description ?? json_schema.description ?? stored?.description ?? null
    return {
      name: json_schema.name,
      description,
      json_schema: withArguments({ ...json_schema, description: description ?? '' }, sent.args_json_schema),
    }
  }
  if (!language) throw new AppError('bad_request', 'json_schema is required for a tool whose source_type is neither python nor typescript.')
  const { name, description: told, parameters } = derived(sent, language)
  const description = sent.description ?? told ?? stored?.description ?? null
  return { name, description, json_schema: { name, description: description ?? '', parameters } }
}

/** A function schema with the arguments that were sent apart from it, if any were. */
export function withArguments(schema: Record<string, unknown>, args_json_schema: Sent['args_json_schema']): Record<string, unknown> {
  const parameters = argumentsOf(args_json_schema)
  return parameters ? { ...schema, parameters } : schema
}

/** SHA-256 of all that running a tool depends on, in hex: two tools of one hash run the same code. */
export const toolHash = (tool: {
  source_type: string
  source_code: string | null
  pip_requirements: unknown
  npm_requirements: unknown
}): Promise<string> =>
  sha256(JSON.stringify([tool.source_type, tool.source_code, tool.pip_requirements ?? [], tool.npm_requirements ?? []]))
