import { describe, expect, it } from 'vitest'
import { type IdKind, idPrefixes, newId } from '../../src/lib/id'
import { type Answer, admin, type Call, callAs } from '../support/client'
import { dump, type Everything, organizationWithEverything } from '../support/everything'
import { type OpenApiDocument, type Operation, operationsOf, schemasOf } from '../support/operations'

const document = (await callAs(null)<OpenApiDocument>('GET', '/openapi.json')).body
const { resolve, sample, wrong } = schemasOf(document)
const operations = operationsOf(document)
const guarded = operations.filter((operation) => !operation.open)
const ofMembers = guarded.filter((operation) => !operation.admin)

const owner = await organizationWithEverything('quagga')
const stranger = await organizationWithEverything('dodo')
const untouched = await dump()

/** Bodies that their schemas do not tell: fields of which exactly one is needed, say. */
const bodies: Record<string, unknown> = { LettaStreamingRequest: { input: 'Hello' } }

const bodyOf = ({ body }: Operation): Record<string, unknown> | undefined => {
  if (!body) return undefined
  return (bodies[body.$ref?.split('/').at(-1) ?? ''] ?? sample(body)) as Record<string, unknown>
}

const adminIds: Record<string, string> = { orgs: 'organization_id', users: 'user_id' }
/** The name that the value of a path parameter has in a fixture: `{id}` is told by the collection before it. */
const nameIn = (path: string, parameter: string) => (parameter === 'id' ? adminIds[path.split('/')[3] ?? ''] : parameter) ?? parameter

const pathParameters = ({ parameters }: Operation) => parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)

interface Changes {
  path?: Record<string, string>
  query?: Record<string, string>
  body?: unknown
}

/** Sends a well-formed request of the operation with the ids of an organization, but for `changes`. */
function send(call: Call, operation: Operation, { ids }: Pick<Everything, 'ids'>, changes: Changes = {}): Promise<Answer> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, parameter: string) => {
    const value = changes.path?.[parameter] ?? ids[nameIn(operation.path, parameter)]
    if (value === undefined) throw new Error(`test/support/everything.ts makes nothing for {${parameter}} of ${operation.path}`)
    return encodeURIComponent(value)
  })
  const required = operation.parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  const query = { ...Object.fromEntries(required.map(({ name, schema }) => [name, ids[name] ?? String(sample(schema))])), ...changes.query }
  const body = 'body' in changes ? changes.body : bodyOf(operation)
  return call(operation.method, `${path}?${new URLSearchParams(query)}`, body)
}

/** An id that nothing has, of the kind of `id`; another label for a label. */
function missing(id: string): string {
  const kind = (Object.keys(idPrefixes) as IdKind[]).find((name) => id.startsWith(`${idPrefixes[name]}-`))
  return kind ? newId(kind) : /^\d+$/.test(id) ? '999' : 'nowhere'
}

/** Expects a problem of this status, told as RFC 9457 does, in words. */
function expectProblem(answer: Answer, status: number | number[]): void {
  expect([status].flat(), JSON.stringify(answer.body)).toContain(answer.status)
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

const fieldsOf = (answer: Answer): string[] => (answer.body as { errors?: { field: string }[] }).errors?.map(({ field }) => field) ?? []

const each = (chosen: Operation[]) => chosen.map((operation) => [operation.id, operation] as const)

describe('the document', () => {
  it('names each operation once', () => {
    const ids = operations.map(({ id }) => id)
    expect(operations.length).toBeGreaterThan(90)
    expect(ids.filter((id, i) => !/^[a-z]+(_[a-z]+)+$/.test(id) || ids.indexOf(id) !== i)).toEqual([])
  })

  it('tells of every operation how it is refused', () => {
    const untold = guarded.filter(({ responses }) => ['401', '404', '422'].some((status) => !responses[status]?.content?.['application/problem+json']))
    expect(untold.map(({ id }) => id)).toEqual([])
  })

  it('has an owner for every path parameter', () => {
    const known = operations.flatMap((operation) => pathParameters(operation).map((name) => owner.ids[nameIn(operation.path, name)]))
    expect(known).not.toContain(undefined)
  })
})

describe('without a key', () => {
  it.each(each(operations.filter(({ open }) => open)))('%s answers', async (_, operation) => {
    expect((await send(callAs(null), operation, owner)).status).toBe(200)
  })

  it.each(each(guarded))('%s answers 401', async (_, operation) => {
    const wrongKeys = [null, 'sk-unknown', ...(operation.admin ? [owner.key] : ['test-admin-key'])]
    for (const key of wrongKeys) {
      const answer = await send(callAs(key), operation, owner)
      expectProblem(answer, 401)
      expect(answer.body).toMatchObject({ code: 'unauthenticated' })
    }
  })

  it('nothing was written', async () => expect(await dump()).toEqual(untouched))
})

describe('with the key of another organization', () => {
  const addressed = ofMembers.filter((operation) => pathParameters(operation).some((name) => !['version', 'block_label'].includes(name)))

  it.each(each(addressed))('%s answers 404, as for what is not there', async (_, operation) => {
    const own = pathParameters(operation)
    const mine = Object.fromEntries(own.map((name) => [name, stranger.ids[name] ?? '']))
    for (const name of own.filter((parameter) => owner.ids[parameter] !== stranger.ids[parameter])) {
      const foreign = await send(stranger.call, operation, owner, { path: { ...mine, [name]: owner.ids[name] ?? '' } })
      const absent = missing(owner.ids[name] ?? '')
      const unknown = await send(stranger.call, operation, stranger, { path: { ...mine, [name]: absent } })
      for (const answer of [foreign, unknown]) {
        expectProblem(answer, 404)
        expect(answer.body.detail).not.toMatch(/^No route/)
      }
      expect(foreign.body.detail.replace(owner.ids[name], absent)).toBe(unknown.body.detail)
    }
    expectProblem(await send(stranger.call, operation, owner), 404)
    expect(await dump()).toEqual(untouched)
  })

  it.each(each(ofMembers.filter(({ method, path }) => method === 'GET' && !path.includes('{'))))('%s shows nothing of it', async (_, operation) => {
    const filters = operation.parameters.filter(({ name }) => owner.ids[name] !== undefined || owner.ids[name.replace(/s$/, '')] !== undefined)
    const queries = [{}, ...filters.map(({ name }) => ({ [name]: owner.ids[name] ?? owner.ids[name.replace(/s$/, '')] ?? '' }))]
    for (const query of queries) {
      const answer = await send(stranger.call, operation, stranger, { query })
      expect(JSON.stringify(answer.body)).not.toContain('quagga')
      if (answer.status !== 200) expectProblem(answer, [400, 404, 422])
    }
  })
})
