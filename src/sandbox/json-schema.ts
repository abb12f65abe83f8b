/** A JSON schema (2020-12), as far as types of Python and TypeScript need it. */
export interface Schema {
  type?: string
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  prefixItems?: Schema[]
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  enum?: unknown[]
  anyOf?: Schema[]
  format?: string
  $ref?: string
  $defs?: Record<string, Schema>
  [keyword: string]: unknown
}

/** The schema of a tool's arguments. */
export type Parameters = Schema & { type: 'object'; properties: Record<string, Schema>; required: string[] }

/** What a type of the source says: its schema, and whether null (None, undefined) is one of its values. */
export interface Typed {
  schema: Schema
  nullable: boolean
}

export const typed = (schema: Schema): Typed => ({ schema, nullable: false })

/** The schema of a type where a value must stand: null is one of the options. */
export const whole = ({ schema, nullable }: Typed): Schema =>
  nullable && Object.keys(schema).length > 0 && schema.type !== 'null'
    ? { anyOf: [...(schema.anyOf ?? [schema]), { type: 'null' }] }
    : schema

const typeOf = (value: unknown): string => (Number.isInteger(value) ? 'integer' : typeof value)

/** One of some literal values. */
export function literals(values: readonly unknown[]): Typed {
  const known = [...new Set(values.filter((value) => value !== null))]
  const types = new Set(known.map(typeOf))
  const type = types.size === 1 ? [...types][0] : undefined
  return {
    schema: known.length === 0 ? { type: 'null' } : { ...(type ? { type } : {}), enum: known },
    nullable: known.length < values.length,
  }
}

/** Either of some types. Enumerations become one; a lone type beside null is itself. */
export function union(options: readonly Typed[]): Typed {
  const nullable = options.some((option) => option.nullable || option.schema.type === 'null')
  const schemas = options.map(({ schema }) => schema).filter(({ type }) => type !== 'null')
  if (schemas.length === 0) return { schema: { type: 'null' }, nullable: false }
  if (schemas.some((schema) => Object.keys(schema).length === 0)) return { schema: {}, nullable }
  const plain = schemas.filter((schema) => !isEnumeration(schema))
  const values = schemas.flatMap((schema) => (isEnumeration(schema) ? (schema.enum ?? []) : []))
  const enumerated = values.length > 0 ? [literals(values).schema] : []
  const distinct = new Map([...plain.flatMap((schema) => schema.anyOf ?? [schema]), ...enumerated].map((s) => [JSON.stringify(s), s]))
  const [only, ...more] = distinct.values()
  return { schema: only && more.length === 0 ? only : { anyOf: [...distinct.values()] }, nullable }
}

const isEnumeration = (schema: Schema): boolean =>
  schema.enum !== undefined && Object.keys(schema).every((key) => key === 'enum' || key === 'type')

export const list = (items: Schema): Schema => ({ type: 'array', items })

/** An array with a fixed place for each item, of which the last `optional` ones may be missing. */
export const tuple = (items: Schema[], optional = 0): Schema => ({
  type: 'array',
  prefixItems: items,
  minItems: items.length - optional,
  maxItems: items.length,
})

/** One property of an object, or one parameter of a function. */
export interface Property {
  name: string
  schema: Schema
  required: boolean
}

export function objectOf(properties: readonly Property[]): Parameters {
  const required = properties.filter((property) => property.required).map(({ name }) => name)
  return { type: 'object', properties: Object.fromEntries(properties.map(({ name, schema }) => [name, schema])), required }
}

/** A schema with a description; one that it has already stays unless there is another. */
export const described = (schema: Schema, description: string | null | undefined): Schema =>
  description ? { ...schema, description } : schema

/** Parameters with the schemas that they refer to. */
export const withDefs = (parameters: Parameters, defs: ReadonlyMap<string, Schema>): Parameters =>
  defs.size > 0 ? { ...parameters, $defs: Object.fromEntries(defs) } : parameters
