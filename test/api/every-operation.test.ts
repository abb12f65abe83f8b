import { describe, expect, it } from 'vitest'
import { type Answer, callAs } from '../support/client'
import { bystanders, dump, organizationWithEverything } from '../support/everything'
import type { Operation } from '../support/operations'
import { addressOf, bodyOf, byName, expectProblem, missing, nameIn, names, operations, request, schemas } from '../support/requests'

const others = await bystanders()
const owner = await organizationWithEverything('quagga')
const stranger = await organizationWithEverything('dodo')
const ownIds = ['quagga', ...Object.values(owner.ids).filter((id) => id.length > 36)]
/** Every row that is the owner's, or names something of the owner's. */
const owned = async () => {
  const tables = Object.entries(await dump(others))
  return Object.fromEntries(tables.map(([name, rows]) => [name, rows.filter((row) => ownIds.some((id) => row.includes(id)))]))
}
const before = await owned()

/** Expects an answer without a trace of the owner; a refusal may repeat the id that was sent. */
function expectNothing(answer: Answer): void {
  if (answer.status !== 200) expectProblem(answer, 400, 404, 422)
  const text = JSON.stringify(answer.body)
  expect(ownIds.filter((id) => text.includes(id))).toEqual(answer.status === 200 ? [] : expect.not.arrayContaining(['quagga']))
}

const guarded = operations.filter((operation) => !operation.open)
const ofMembers = guarded.filter((operation) => !operation.admin)

/** The id of the owner that a query parameter or a field of a body can name: `agent_id`, `block_ids`, … */
const ownersId = (name: string): string | undefined =>
  names.includes(name) ? undefined : (owner.ids[name] ?? owner.ids[name.replace(/s$/, '')])

describe('the document', () => {
  it('names each operation once', () => {
    const ids = operations.map(({ id }) => id)
    expect(operations.length).toBeGreaterThan(90)
    expect(ids.filter((id, i) => !/^[a-z]+(_[a-z]+)+$/.test(id) || ids.indexOf(id) !== i)).toEqual([])
  })

  it('tells of every operation how it is refused', () => {
    const told = ({ responses }: Operation, status: string) => responses[status]?.content?.['application/problem+json']
    const untold = guarded.filter((operation) => ['401', '404', '422'].some((status) => !told(operation, status)))
    expect(untold.map(({ id }) => id)).toEqual([])
  })

  it('has a row for every path parameter in the fixture of this test', () => {
    const known = operations.flatMap((operation) => addressOf(operation).map((name) => owner.ids[nameIn(operation.path, name)]))
    expect(known).not.toContain(undefined)
  })
})

describe('without a key', () => {
  it.each(byName(operations.filter(({ open }) => open)))('%s answers', async (_, operation) => {
    expect((await request(callAs(null), operation, owner)).status).toBe(200)
  })

  it.each(byName(guarded))('%s answers 401', async (_, operation) => {
    for (const key of [null, 'sk-unknown', operation.admin ? owner.key : 'test-admin-key']) {
      const answer = await request(callAs(key), operation, owner)
      expectProblem(answer, 401)
      expect(answer.body).toMatchObject({ code: 'unauthenticated' })
    }
  })

  it('nothing is written', async () => expect(await owned()).toEqual(before))
})

describe('with the key of another organization', () => {
  // A label, a name or a version names something only within its block, agent or organization, the name of a transaction nothing at all.
  const within = ['version', 'block_label', 'folder_name', 'source_name', 'tool_name', 'transaction_id']
  const addressed = ofMembers.filter((operation) => addressOf(operation).some((name) => !within.includes(name)))

  it.each(byName(addressed))('%s answers 404, the same as for what is not there, and changes nothing', async (_, operation) => {
    for (const name of addressOf(operation).filter((parameter) => !within.includes(parameter))) {
      const [theirs, nobodys] = [owner.ids[name] ?? '', missing(owner.ids[name] ?? '')]
      const foreign = await request(stranger.call, operation, stranger, { path: { [name]: theirs } })
      const absent = await request(stranger.call, operation, stranger, { path: { [name]: nobodys } })
      expectProblem(foreign, 404)
      expect(foreign.body).toMatchObject({ detail: expect.not.stringMatching(/^No route/) })
      const anonymous = (body: unknown) =>
        JSON.stringify(body)
          .replaceAll(theirs, '…')
          .replaceAll(nobodys, '…')
          .replace(/"request_id":"[^"]*"/, '')
      expect(anonymous(absent.body)).toBe(anonymous(foreign.body))
    }
    expectProblem(await request(stranger.call, operation, owner), 404)
    expect(await owned()).toEqual(before)
  })

  it.each(byName(ofMembers.filter(({ path }) => path.startsWith('/v1/conversations/{conversation_id}/'))))(
    '%s does not find an agent’s own context',
    async (_, operation) => {
      const agent_id = owner.ids.agent_id ?? ''
      const body = bodyOf(operation)
      const named = { path: { conversation_id: 'default' }, query: { agent_id }, ...(body ? { body: { ...body, agent_id } } : {}) }
      expectProblem(await request(stranger.call, operation, stranger, named), 404)
      expectProblem(await request(stranger.call, operation, stranger, { path: { conversation_id: agent_id } }), 404)
      expect(await owned()).toEqual(before)
    },
  )

  it.each(byName(ofMembers.filter(({ method }) => method === 'GET')))(
    '%s shows nothing of it, whatever it is asked for',
    async (_, operation) => {
      const named = operation.parameters.flatMap(({ in: place, name }) =>
        place === 'query' && ownersId(name) ? [{ [name]: ownersId(name) ?? '' }] : [],
      )
      for (const query of [{}, ...named, { after: owner.ids.agent_id ?? '' }]) {
        const answer = await request(stranger.call, operation, stranger, { query })
        expectNothing(answer)
      }
    },
  )

  const fields = (operation: Operation) => Object.keys(operation.body ? (schemas.resolve(operation.body).properties ?? {}) : {})
  it.each(byName(ofMembers.filter((operation) => fields(operation).some(ownersId))))('%s takes nothing of it up', async (_, operation) => {
    for (const field of fields(operation).filter(ownersId)) {
      const value = owner.ids[field] ?? [ownersId(field)]
      const answer = await request(stranger.call, operation, stranger, { body: { ...bodyOf(operation), [field]: value } })
      expectNothing(answer)
      expect(await owned()).toEqual(before)
    }
  })
})
