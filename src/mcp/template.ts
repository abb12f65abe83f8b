import { McpError } from './errors'

const placeholder = /\{\{\s*([A-Za-z_]\w*)\s*(?:\|\s*([^}]*?)\s*)?\}\}/g

/** True when a header's value is filled in from variables. */
export const isTemplate = (value: string): boolean => value.search(placeholder) >= 0

/** A header's value with each `{{ NAME }}` and `{{ NAME | default }}` filled in. Throws when a variable without default is not there. */
export const fill = (value: string, variables: Record<string, string>): string =>
  value.replace(placeholder, (_, name: string, fallback: string | undefined) => {
    const found = variables[name] ?? fallback
    if (found === undefined)
      throw new McpError(
        'unavailable',
        `the headers of the MCP server need the variable ${name}, which is neither among the secrets of the agent nor among the environment variables of the local sandbox`,
      )
    return found
  })
