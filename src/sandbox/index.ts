import { AppError, isAppError } from '../lib/errors'
import type { Parameters } from './json-schema'
import { readPython } from './python'
import type { ToolSource } from './tool'
import { readTypeScript } from './typescript'

export type { Parameters, Schema } from './json-schema'

/** Languages that a tool can be written in. */
export const languages = ['python', 'typescript'] as const
export type Language = (typeof languages)[number]

/** A function schema as models are shown it. */
export interface DerivedSchema {
  name: string
  description: string | null
  parameters: Parameters
}

const read = (source: string, language: Language): ToolSource => (language === 'python' ? readPython(source) : readTypeScript(source))

const missing: Record<Language, string> = {
  python: 'The source defines no function. The tool is its last function at the top level: `def name(…):`',
  typescript: 'The source exports no function with a name. The tool is the last that it exports: `export function name(…) {…}`',
}

function toolOf(source: string, language: Language): NonNullable<ToolSource['tool']> {
  const { tool } = read(source, language)
  if (!tool) throw new AppError('bad_request', missing[language], { code: 'invalid_source' })
  return tool
}

/**
 * The function schema that the source of a tool means, told by its types and its comments; the source is parsed, never run. Throws a 400
 * with the line and what to do: for a syntax error, and for the first parameter that does not say what it is.
 */
export function deriveSchema(source: string, language: Language): DerivedSchema {
  const tool = toolOf(source, language)
  return { name: tool.name, description: tool.description, parameters: tool.parameters() }
}

/** Name and description of the tool, for a source whose arguments are told apart from it. Throws as `deriveSchema`, but not for arguments. */
export function describeTool(source: string, language: Language): { name: string; description: string | null } {
  const { name, description } = toolOf(source, language)
  return { name, description }
}

/** Names of the functions that could be the tool. Null when the source cannot be read. */
export function functionNames(source: string, language: Language): string[] | null {
  try {
    return read(source, language).names
  } catch (error) {
    if (isAppError(error)) return null
    throw error
  }
}
