type Schema = Record<string, unknown>

/** Whether a tool's schema can be used: as it is in strict mode, only without it, or not at all. `reasons` says why. */
export interface SchemaHealth {
  status: 'STRICT_COMPLIANT' | 'NON_STRICT_ONLY' | 'INVALID'
  reasons: string[]
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Characters of JSON that a schema may have. */
const largest = 100_000
const jsonTypes = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
const deepest = 32

/** The schema that a local reference names. */
function resolve(root: Schema, ref: string): unknown {
  const steps = ref
    .slice(2)
    .split('/')
    .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
  return ref.startsWith('#/') ? steps.reduce<unknown>((at, step) => (isSchema(at) ? at[step] : undefined), root) : undefined
}

/** Collects what is wrong with a schema, and what strict mode has no word for. */
class Examination {
  readonly wrong: string[] = []
  readonly loose: string[] = []

  constructor(private readonly root: Schema) {}

  look(schema: unknown, at: string, depth = 0): void {
    if (typeof schema === 'boolean') return void this.loose.push(`${at}: may be anything`)
    if (!isSchema(schema)) return void this.wrong.push(`${at}: is not a schema`)
    if (depth > deepest) return void this.wrong.push(`${at}: is nested too deeply`)
    if (typeof schema.$ref === 'string') this.reference(schema.$ref, at)
    const types = [schema.type ?? []].flat()
    for (const type of types) if (!jsonTypes.includes(String(type))) this.wrong.push(`${at}: has the unknown type '${String(type)}'`)
    if (types.includes('object') || schema.properties !== undefined) this.object(schema, at, depth)
    if (types.includes('array')) {
      if (schema.items === undefined) this.loose.push(`${at}: has items of any kind`)
      else this.look(schema.items, `${at}[]`, depth + 1)
    }
    for (const word of ['anyOf', 'oneOf', 'allOf']) {
      const options = schema[word]
      if (options === undefined) continue
      if (word !== 'anyOf') this.loose.push(`${at}: uses ${word}`)
      if (!Array.isArray(options) || options.length === 0) this.wrong.push(`${at}: ${word} is no list of schemas`)
      else for (const [i, option] of options.entries()) this.look(option, `${at}.${word}[${i}]`, depth + 1)
    }
  }

  private reference(ref: string, at: string): void {
    if (!isSchema(resolve(this.root, ref))) this.wrong.push(`${at}: refers to '${ref}', which is not there`)
  }

  private object(schema: Schema, at: string, depth: number): void {
    const { properties = {}, required = [] } = schema
    if (!isSchema(properties)) return void this.wrong.push(`${at}: properties is not an object`)
    if (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
      return void this.wrong.push(`${at}: required is not a list of names`)
    for (const name of required)
      if (!Object.hasOwn(properties, name)) this.wrong.push(`${at}: requires '${name}', which it does not describe`)
    const optional = Object.keys(properties).filter((name) => !required.includes(name))
    if (optional.length > 0) this.loose.push(`${at}: ${optional.join(', ')} may be left out`)
    if (schema.additionalProperties !== false) this.loose.push(`${at}: additionalProperties is not false`)
    for (const [name, property] of Object.entries(properties)) this.look(property, `${at}.${name}`, depth + 1)
  }
}

/** Examines the input schema of a tool. */
export function schemaHealth(schema: unknown): SchemaHealth {
  if (!isSchema(schema)) return { status: 'INVALID', reasons: ['inputSchema: is not an object'] }
  if (JSON.stringify(schema).length > largest) return { status: 'INVALID', reasons: [`inputSchema: is longer than ${largest} characters`] }
  if ((schema.type ?? 'object') !== 'object') return { status: 'INVALID', reasons: ["inputSchema: type is not 'object'"] }
  const examination = new Examination(schema)
  examination.look({ ...schema, type: 'object' }, 'inputSchema')
  if (examination.wrong.length > 0) return { status: 'INVALID', reasons: examination.wrong }
  return { status: examination.loose.length > 0 ? 'NON_STRICT_ONLY' : 'STRICT_COMPLIANT', reasons: examination.loose }
}

/** Replaces references by what they name; one that leads back to itself stays, and so do those beyond a number no honest schema has. */
class Inlining {
  private left = 500

  constructor(private readonly root: Schema) {}

  of(value: unknown, open: readonly string[] = []): unknown {
    if (Array.isArray(value)) return value.map((item) => this.of(item, open))
    if (!isSchema(value)) return value
    const { $ref: ref, ...beside } = value
    const target = typeof ref === 'string' && !open.includes(ref) && this.left > 0 ? resolve(this.root, ref) : undefined
    if (isSchema(target)) {
      this.left -= 1
      return this.of({ ...target, ...beside }, [...open, String(ref)])
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.of(item, open)]))
  }
}

const refersTo = (value: unknown): boolean => JSON.stringify(value)?.includes('"$ref":') ?? false

/** The input schema of a tool as models are shown it: an object, with references resolved. */
export function parametersOf(schema: Record<string, unknown>): Record<string, unknown> {
  const { $schema: _, $defs, definitions, ...rest } = schema
  const parameters = new Inlining(schema).of(rest) as Schema
  const kept = refersTo(parameters) ? { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) } : {}
  return { ...parameters, type: 'object', properties: parameters.properties ?? {}, ...kept }
}
