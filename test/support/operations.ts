/** A JSON schema, as far as the OpenAPI document uses it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  example?: unknown
  minimum?: number
  format?: string
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  required?: string[]
  properties?: Record<string, Schema>
}

type Content = Record<string, { schema: Schema }>
type Response = { content?: Content }

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

interface DocumentedOperation {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, Response & { $ref?: string }>
  security?: unknown[]
}

/** The parts of an OpenAPI document that tests read. */
export interface OpenApiDocument {
  paths: Record<string, Record<string, DocumentedOperation>>
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> }
}

/** One operation of the document. `body` is the schema of its JSON body, `form` that of its multipart form, if it takes one. */
export interface Operation {
  id: string
  method: string
  path: string
  parameters: Parameter[]
  body: Schema | null
  form: Schema | null
  responses: Record<string, Response>
  /** Served to anyone. */
  open: boolean
  /** Served to the operator only. */
  admin: boolean
}

export const operationsOf = (document: OpenApiDocument): Operation[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content['application/json']?.schema ?? null,
      form: operation.requestBody?.content['multipart/form-data']?.schema ?? null,
      responses: Object.fromEntries(
        Object.entries(operation.responses).map(([status, { $ref, ...response }]) => [
          status,
          ($ref && document.components.responses[$ref.replace('#/components/responses/', '')]) || response,
        ]),
      ),
      open: operation.security?.length === 0,
      admin: path.startsWith('/v1/admin/'),
    })),
  )

const jsonTypes = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const
type JsonType = (typeof jsonTypes)[number]

const typeOf = (value: unknown): JsonType =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : (typeof value as Exclude<JsonType, 'null' | 'array'>)

/** What can be said about values of the schemas of a document. */
export function schemasOf(document: OpenApiDocument) {
  const resolve = (schema: Schema): Schema => {
    const name = schema.$ref?.replace('#/components/schemas/', '')
    const found = name === undefined ? schema : document.components.schemas[name]
    if (!found) throw new Error(`the document has no schema '${name}'`)
    return found
  }

  /** The JSON types that a value of the schema may have; all of them when it does not say. */
  function typesOf(given: Schema): Set<JsonType> {
    const schema = resolve(given)
    const options = schema.anyOf ?? schema.oneOf
    if (options) return new Set(options.flatMap((option) => [...typesOf(option)]))
    if (schema.allOf) return new Set(jsonTypes.filter((type) => schema.allOf?.every((part) => typesOf(part).has(type))))
    if (schema.const !== undefined) return new Set([typeOf(schema.const)])
    if (schema.enum) return new Set(schema.enum.map(typeOf))
    if (schema.type === undefined) return new Set(jsonTypes)
    return new Set([schema.type].flat().map((type) => (type === 'integer' ? 'number' : type) as JsonType))
  }

  /** A value of another type than the schema has; undefined when it has them all. */
  function wrong(schema: Schema): unknown {
    const types = typesOf(schema)
    return [{ wrong: 'type' }, 'wrong type', true, 0.5, ['wrong type']].find((value) => !types.has(typeOf(value)))
  }

  /** A value of the schema: its example, else the least that it requires. */
  function sample(given: Schema): unknown {
    const schema = resolve(given)
    if (schema.example !== undefined) return schema.example
    if (schema.const !== undefined) return schema.const
    if (schema.enum) return schema.enum[0]
    const options = schema.anyOf ?? schema.oneOf ?? schema.allOf
    if (options?.[0]) return sample(options[0])
    switch ([schema.type].flat()[0]) {
      case 'object':
        return Object.fromEntries((schema.required ?? []).map((name) => [name, sample(schema.properties?.[name] ?? {})]))
      case 'array':
        return schema.items ? [sample(schema.items)] : []
      case 'string':
        return schema.format === 'date-time' ? new Date(Date.now() + 60_000).toISOString() : 'sample'
      case 'integer':
      case 'number':
        return schema.minimum ?? 1
      case 'boolean':
        return true
      default:
        return null
    }
  }

  return { resolve, wrong, sample }
}
