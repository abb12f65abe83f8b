type Schema = Record<string, unknown>

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
const properties = (schema: Schema): [string, Schema][] =>
  isObject(schema.properties) ? Object.entries(schema.properties).filter((entry): entry is [string, Schema] => isObject(entry[1])) : []
const required = (schema: Schema): unknown[] => (Array.isArray(schema.required) ? schema.required : [])
const types = (schema: Schema): unknown[] => (Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type])
const allowsNull = (schema: Schema): boolean =>
  types(schema).includes('null') || (Array.isArray(schema.anyOf) && schema.anyOf.some((one) => isObject(one) && allowsNull(one)))

function nullable(schema: Schema): Schema {
  if (allowsNull(schema)) return schema
  if (Array.isArray(schema.enum) || schema.type === undefined) return { anyOf: [schema, { type: 'null' }] }
  return { ...schema, type: [...types(schema), 'null'] }
}

/**
 * A tool schema in the form that strict mode demands: closed objects whose every key is required, the optional ones nullable.
 * Null when the schema cannot be put so (free-form objects, references): such a tool is sent without strict mode.
 */
export function strictSchema(schema: Schema): Schema | null {
  if (['$ref', 'oneOf', 'allOf', 'not', 'patternProperties'].some((key) => key in schema)) return null
  const result: Schema = { ...schema }
  delete result.default
  if (Array.isArray(schema.anyOf)) {
    const options = schema.anyOf.map((one) => (isObject(one) ? strictSchema(one) : null))
    if (options.includes(null)) return null
    result.anyOf = options
  }
  if (types(schema).includes('array')) {
    const items = isObject(schema.items) ? strictSchema(schema.items) : null
    if (!items) return null
    result.items = items
  }
  if (types(schema).includes('object')) {
    if (!isObject(schema.properties) || (schema.additionalProperties ?? false) !== false) return null
    const entries = properties(schema).map(([key, value]): [string, Schema | null] => [key, strictSchema(value)])
    if (entries.some(([, value]) => value === null)) return null
    const needed = required(schema)
    result.properties = Object.fromEntries(entries.map(([key, value]) => [key, needed.includes(key) ? value : nullable(value ?? {})]))
    result.required = entries.map(([key]) => key)
    result.additionalProperties = false
  }
  return result
}

/** The arguments of a strict call as the tool's own schema means them: a null for an optional key that takes no null is left out. */
export function withoutForcedNulls(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value) && isObject(schema.items)) {
    const items = schema.items
    return value.map((item) => withoutForcedNulls(item, items))
  }
  if (!isObject(value)) return value
  const known = new Map(properties(schema))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const own = known.get(key)
      if (!own) return [[key, item]]
      if (item === null && !required(schema).includes(key) && !allowsNull(own)) return []
      return [[key, withoutForcedNulls(item, own)]]
    }),
  )
}
