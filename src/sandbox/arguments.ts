import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema'

/** Keywords whose errors only say that there is another one further in. */
const outer = new Set(['properties', 'items', 'prefixItems', 'additionalProperties', '$ref', 'allOf'])

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function told({ instanceLocation, error }: OutputUnit): string {
  const path = instanceLocation.replace(/^#\/?/, '').replaceAll('/', '.')
  return path ? `argument '${path}': ${error}` : error.replaceAll('Instance', 'The arguments').replaceAll('does not', 'do not')
}

/**
 * What is wrong with arguments, judged by the parameter schema of a tool; null when nothing is. An argument that the schema does not
 * name is wrong unless it says otherwise; null for one that is not required is as if left out. A schema that cannot be read judges nothing.
 */
export function argumentsProblem(args: Record<string, unknown>, parameters: Record<string, unknown>): string | null {
  const properties = isObject(parameters.properties) ? parameters.properties : {}
  const required = Array.isArray(parameters.required) ? parameters.required : []
  const isClosed = !(
    'additionalProperties' in parameters ||
    'patternProperties' in parameters ||
    'allOf' in parameters ||
    '$ref' in parameters
  )
  const unknown = Object.keys(args).find((name) => !Object.hasOwn(properties, name))
  if (isClosed && unknown !== undefined) {
    const names = Object.keys(properties)
    return `unknown argument '${unknown}'. ${names.length > 0 ? `The tool takes: ${names.join(', ')}.` : 'The tool takes no arguments.'}`
  }
  const missing = required.find((name) => !Object.hasOwn(args, name))
  if (missing !== undefined) return `argument '${missing}' is required.`
  const given = Object.fromEntries(Object.entries(args).filter(([name, value]) => value !== null || required.includes(name)))
  try {
    const { errors } = new Validator(parameters as Schema, '2020-12', false).validate(given)
    const first = errors.find(({ keyword }) => !outer.has(keyword))
    return first ? told(first) : null
  } catch {
    return null
  }
}
