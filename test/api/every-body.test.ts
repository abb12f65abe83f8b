import { describe, expect, it } from 'vitest'
import { idPrefixes } from '../../src/lib/id'
import { admin, type Call, formWith } from '../support/client'
import { bystanders, dump, organizationWithEverything } from '../support/everything'
import type { Operation } from '../support/operations'
import { addressOf, bodyOf, byName, expectProblem, fieldsOf, formOf, names, operations, request, schemas } from '../support/requests'

const others = await bystanders()
const owner = await organizationWithEverything('numbat')
const before = await dump(others)

/** Whoever may send the request: so that nothing but what is wrong in it refuses it. */
const callOf = (operation: Operation): Call => (operation.admin ? admin : owner.call)

const guarded = operations.filter((operation) => !operation.open)
const withBody = guarded.filter((operation) => operation.body)
/** Whether the body is a bare list, whose items have no name in the body. */
const takesList = ({ body }: Operation) => schemas.resolve(body ?? {}).type === 'array'

const propertiesOf = ({ body }: Operation) => Object.entries(body ? (schemas.resolve(body).properties ?? {}) : {})

describe('a request that is wrong is refused with 422, names the field and writes nothing', () => {
  it.each(byName(withBody.filter((operation) => !takesList(operation))))('%s: fields of the wrong type', async (_, operation) => {
    const wrong = propertiesOf(operation).flatMap(([name, schema]) => {
      const value = schemas.wrong(schema)
      return value === undefined ? [] : [{ name, value }]
    })
    expect(wrong.length + Number(propertiesOf(operation).length === 0)).toBeGreaterThan(0)
    for (const { name, value } of wrong) {
      const answer = await request(callOf(operation), operation, owner, { body: { ...bodyOf(operation), [name]: value } })
      expectProblem(answer, 422)
      expect(fieldsOf(answer).map((field) => field.split('.')[0])).toContain(name)
    }
    const all = await request(callOf(operation), operation, owner, {
      body: Object.fromEntries(wrong.map(({ name, value }) => [name, value])),
    })
    expectProblem(all, 422)
    expect(new Set(fieldsOf(all).map((field) => field.split('.')[0]))).toEqual(new Set(wrong.map(({ name }) => name)))
    expect(await dump(others)).toEqual(before)
  })

  it.each(byName(withBody.filter(({ body }) => body && schemas.resolve(body).required?.length)))(
    '%s: required fields left out',
    async (_, operation) => {
      for (const name of schemas.resolve(operation.body ?? {}).required ?? []) {
        const { [name]: _left, ...body } = bodyOf(operation) ?? {}
        const answer = await request(callOf(operation), operation, owner, { body })
        expectProblem(answer, 422)
        expect(fieldsOf(answer)).toContain(name)
      }
      expect(await dump(others)).toEqual(before)
    },
  )

  it.each(byName(withBody))('%s: a body that is neither an object nor the list it takes', async (_, operation) => {
    for (const body of [takesList(operation) ? {} : [], 'text', 7, null]) {
      const answer = await request(callOf(operation), operation, owner, { body })
      expectProblem(answer, 422)
      expect(fieldsOf(answer)).not.toEqual([])
    }
    expect(await dump(others)).toEqual(before)
  })

  it.each(byName(guarded.filter((operation) => addressOf(operation).some((name) => !names.includes(name)))))(
    '%s: ids that are none',
    async (_, operation) => {
      for (const name of addressOf(operation).filter((parameter) => !names.includes(parameter))) {
        for (const value of ['nonsense', `${idPrefixes.ping}-${crypto.randomUUID()}`, "x'; drop table agents; --"]) {
          const answer = await request(callOf(operation), operation, owner, { path: { [name]: value } })
          expectProblem(answer, 422)
          expect(fieldsOf(answer)).toContain(name)
        }
      }
      expect(await dump(others)).toEqual(before)
    },
  )

  const strict = ({ in: place, schema }: Operation['parameters'][number]) =>
    place === 'query' && (schema.enum !== undefined || ['integer', 'number', 'boolean'].includes(String(schema.type)))
  it.each(byName(guarded.filter(({ parameters }) => parameters.some(strict))))('%s: a query that cannot be read', async (_, operation) => {
    for (const { name } of operation.parameters.filter(strict)) {
      const answer = await request(callOf(operation), operation, owner, { query: { [name]: 'certainly-not' } })
      expectProblem(answer, 422)
      expect(fieldsOf(answer)).toContain(name)
    }
  })
})

describe('a body that is not JSON is refused and writes nothing', () => {
  it.each(byName(withBody))('%s', async (_, operation) => {
    const text = (body: string, type: string) => request(callOf(operation), operation, owner, { body: new Blob([body], { type }) })
    for (const body of ['{"name": "Ada"', 'name=Ada']) expectProblem(await text(body, 'application/json'), 400)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      expectProblem(await text(JSON.stringify(bodyOf(operation)), type), 415)
    }
    expect(operation.responses).toMatchObject({ 400: expect.anything(), 415: expect.anything() })
    expect(await dump(others)).toEqual(before)
  })
})

describe('a form that is none, or has not what it must, is refused and writes nothing', () => {
  it.each(byName(guarded.filter(({ form }) => form)))('%s', async (_, operation) => {
    const send = (body: unknown) => request(callOf(operation), operation, owner, { body })
    for (const body of [{ file: 'sample' }, new Blob(['sample'], { type: 'text/plain' })]) expectProblem(await send(body), 415)
    expectProblem(await send(undefined), 415, 422)
    const other = await send(formWith('sample', 'sample.txt', 'text/plain', 'other'))
    expectProblem(other, 422)
    expect(fieldsOf(other)).toEqual(schemas.resolve(operation.form ?? {}).required)
    const whole = (await formOf(operation)?.text()) ?? ''
    const type = formOf(operation)?.type ?? ''
    expectProblem(await send(new Blob([whole], { type: `${type}-of-another` })), 400)
    expect(await dump(others)).toEqual(before)
  })
})
