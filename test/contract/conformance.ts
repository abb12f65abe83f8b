import { z } from 'zod'
import { type OpenApiDocument, operationsOf, type Schema } from '../support/operations'

/** The schema with every object closed: what an answer says must be documented. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, closed(child)]))
  return 'properties' in copy && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy
}

const pattern = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)

/**
 * Checks answers against an OpenAPI document. The result says what is wrong with the JSON that a request was answered with; nothing when
 * it is as documented.
 */
export function conformanceTo(document: OpenApiDocument): (method: string, path: string, status: number, body: unknown) => string[] {
  const local = (schema: unknown) => JSON.parse(JSON.stringify(closed(schema)).replaceAll('#/components/schemas/', '#/$defs/'))
  const $defs = local(document.components.schemas)
  const compiled = new Map<Schema, z.ZodType>()
  const checkerOf = (schema: Schema): z.ZodType => {
    const known = compiled.get(schema)
    if (known) return known
    const made = z.fromJSONSchema({ ...local(schema), $defs })
    compiled.set(schema, made)
    return made
  }
  // Literal paths first: `/v1/agents/count` is no agent.
  const operations = operationsOf(document)
    .map((operation) => ({ ...operation, pattern: pattern(operation.path) }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length)
  return (method, path, status, body) => {
    const where = `${method} ${path} ${status}`
    const operation = operations.find((one) => one.method === method && one.pattern.test(path.replace(/\/$/, '')))
    if (!operation) return [`${where}: no such operation is documented`]
    const content = (operation.responses[status] ?? operation.responses.default)?.content
    const schema = content && Object.entries(content).find(([type]) => /\bjson\b/.test(type))?.[1].schema
    if (!schema) return [`${where}: no such answer is documented`]
    const result = checkerOf(schema).safeParse(body)
    return result.success ? [] : [`${where}: ${z.prettifyError(result.error)}`]
  }
}
