import { expect } from 'vitest'
import { type IdKind, idPattern, idPrefixes, newId } from '../../src/lib/id'
import { type Answer, type Call, callAs, formWith } from './client'
import type { Everything } from './everything'
import { type OpenApiDocument, type Operation, operationsOf, schemasOf } from './operations'

const document = (await callAs(null)<OpenApiDocument>('GET', '/openapi.json')).body

const documented = operationsOf(document)

/** Operations that the server documents only to say that it does not have them. */
export const hosted = documented.filter(({ responses }) => responses[501])
/** Every operation that the server serves. */
export const operations = documented.filter(({ responses }) => !responses[501])
export const schemas = schemasOf(document)

/** Bodies that their schemas do not tell: fields of which exactly one is needed, say. */
const bodies: Record<string, Record<string, unknown>> = { LettaStreamingRequest: { input: 'Hello' } }

/** A form that the operation takes: a file in its one required part. */
export const formOf = ({ form }: Operation, name = 'sample.txt'): Blob | undefined =>
  form ? formWith('sample', name, 'text/plain', schemas.resolve(form).required?.[0]) : undefined

/** A body that the operation takes. */
export const bodyOf = ({ body }: Operation): Record<string, unknown> | undefined =>
  body ? (bodies[body.$ref?.split('/').at(-1) ?? ''] ?? (schemas.sample(body) as Record<string, unknown>)) : undefined

const adminIds: Record<string, string> = { orgs: 'organization_id', users: 'user_id' }

/** The name under which a fixture has the value of a path parameter: `{id}` is told by the collection before it. */
export const nameIn = (path: string, parameter: string): string =>
  (parameter === 'id' ? adminIds[path.split('/')[3] ?? ''] : undefined) ?? parameter

/** The path parameters of an operation. */
export const addressOf = ({ parameters }: Operation): string[] =>
  parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)

/** Path parameters that are names: any text is one. */
export const names = [
  'block_label',
  'deployment_id',
  'folder_name',
  'mcp_server_name',
  'mcp_tool_name',
  'source_name',
  'tool_name',
  'transaction_id',
]

/** What a request has instead of the fixture's ids, the required query, and the sample of a body. */
export interface Changes {
  path?: Record<string, string>
  query?: Record<string, string>
  body?: unknown
  headers?: Record<string, string>
}

/** Sends a well-formed request of the operation with the ids of a fixture, but for `changes`. */
export function request(call: Call, operation: Operation, { ids }: Pick<Everything, 'ids'>, changes: Changes = {}): Promise<Answer> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, parameter: string) => {
    const value = changes.path?.[parameter] ?? ids[nameIn(operation.path, parameter)]
    if (value === undefined) throw new Error(`test/support/everything.ts makes nothing for {${parameter}} of ${operation.path}`)
    return encodeURIComponent(value)
  })
  const required = operation.parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  const query = {
    ...Object.fromEntries(required.map(({ name, schema }) => [name, ids[name] ?? String(schemas.sample(schema))])),
    ...changes.query,
  }
  const body = 'body' in changes ? changes.body : (formOf(operation) ?? bodyOf(operation))
  return call(operation.method, `${path}?${new URLSearchParams(query)}`, body, changes.headers)
}

/** An id that nothing has, of the kind of `id`; another label for a label. */
export function missing(id: string): string {
  const kind = (Object.keys(idPrefixes) as IdKind[]).find((name) => idPattern(name).test(id))
  return kind ? newId(kind) : /^\d+$/.test(id) ? '999' : 'nowhere'
}

/** Expects a problem of one of these statuses, told as RFC 9457 does, with a detail in words. */
export function expectProblem(answer: Answer, ...statuses: number[]): void {
  expect(statuses, JSON.stringify(answer.body)).toContain(answer.status)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.body).toMatchObject({
    type: expect.stringMatching(/^\/errors\//),
    title: expect.any(String),
    status: answer.status,
    detail: expect.stringMatching(/\S/),
    code: expect.stringMatching(/^[a-z_]+$/),
    request_id: expect.any(String),
  })
}

/** The fields that a problem says are wrong. */
export const fieldsOf = (answer: Answer): string[] =>
  (answer.body as { errors?: { field: string }[] }).errors?.map(({ field }) => field) ?? []

/** Rows for `it.each`: the name of an operation, and the operation. */
export const byName = (chosen: Operation[]) => chosen.map((operation) => [operation.id, operation] as const)
