/**
 * What is wrong with arguments that a tool rule sets, judged by the tool's parameter schema: an unknown name, a value of another
 * type, or one outside an enumeration. Null when nothing is.
 */
export function prefillProblem(args: Record<string, unknown>, parameters: Record<string, unknown>): string | null {
  const properties = recordOf(parameters.properties)
  for (const [name, value] of Object.entries(args)) {
    if (!Object.hasOwn(properties, name)) return `unknown parameter '${name}'`
    const schema = recordOf(properties[name])
    const types = [schema.type].flat().filter((type) => typeof type === 'string')
    if (types.length > 0 && !types.some((type) => isOfType(value, type))) return `parameter '${name}' must be of type ${types.join(' or ')}`
    if (Array.isArray(schema.enum) && !schema.enum.includes(value))
      return `parameter '${name}' must be one of ${JSON.stringify(schema.enum)}`
  }
  return null
}

/** The tool error for arguments of a rule that do not fit the tool. */
export const prefillError = (source: string, problem: string): string =>
  `Invalid prefilled tool arguments from tool rules (source=${source}): ${problem}.`

const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}
