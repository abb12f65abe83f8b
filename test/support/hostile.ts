import fc from 'fast-check'
import { type IdKind, newId } from '../../src/lib/id'
import type { Operation, Schema } from './operations'
import { addressOf, formOf, nameIn, schemas } from './requests'

/** A request that nobody should send. */
export interface Hostile {
  path: Record<string, string>
  query: [string, string][]
  headers: Record<string, string>
  body: unknown
}

const deep = (levels: number): unknown => {
  let value: unknown = 'end'
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { deeper: value }
  return value
}

/** Texts that servers stumble over: empty, long, not quite Unicode, in the syntax of something else. */
const texts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e',
  'null',
  '-1',
  '9'.repeat(400),
  "x'; drop table agents; --",
  '" or 1=1',
  '*',
  'NEAR(',
  '%',
  '../../etc/passwd',
  '{{7*7}}',
  '2026-99-99',
  '2026-01-01T00:00:00Z',
  '+999999-01-01T00:00:00Z',
  'http://169.254.169.254/',
  '__proto__',
  'ı'.repeat(300),
  'x'.repeat(120_000),
]

const values: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 53,
  {},
  [],
  [[]],
  [null],
  JSON.parse('{"__proto__": {"admin": true}, "constructor": {}}'),
]

/** What may stand anywhere. */
const anything = (ids: string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...values) },
    { weight: 3, arbitrary: fc.constantFrom(...texts) },
    { weight: 2, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        deep(50),
        deep(2_000),
        Array.from({ length: 1_500 }, (_, i) => i),
      ),
    },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  )

/** Values of a schema, now and then with something else in them. */
export function valuesOf(given: Schema, ids: string[], depth = 0): fc.Arbitrary<unknown> {
  const schema = schemas.resolve(given)
  const other = anything(ids)
  const mostly = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ weight: 6, arbitrary }, { weight: 1, arbitrary: other })
  if (depth > 6) return other
  if (schema.const !== undefined) return mostly(fc.constant(schema.const))
  if (schema.enum) return mostly(fc.constantFrom(...schema.enum))
  const options = schema.anyOf ?? schema.oneOf
  if (options) return fc.oneof(...options.map((option) => valuesOf(option, ids, depth + 1)))
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => [name, valuesOf(field, ids, depth + 1)] as const)
      const record = fc.record(Object.fromEntries(fields), { requiredKeys: fc.sample(fc.subarray(schema.required ?? []), 1)[0] ?? [] })
      const known = fields.length === 0 ? fc.dictionary(fc.string({ maxLength: 10 }), other, { maxKeys: 3 }) : record
      return mostly(
        fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: known.map((value) => ({ ...value, unknown_field: 1 })) }),
      )
    }
    case 'array':
      return mostly(fc.array(schema.items ? valuesOf(schema.items, ids, depth + 1) : other, { maxLength: 3 }))
    case 'integer':
      return mostly(fc.integer({ min: -2, max: 2_000 }))
    case 'number':
      return mostly(fc.double({ noNaN: true }))
    case 'boolean':
      return mostly(fc.boolean())
    case 'string':
      return mostly(fc.oneof(fc.constantFrom('sample', ...ids), fc.string({ maxLength: 20 })))
    default:
      return other
  }
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'))

/** Bodies that are not what the content type says. */
const broken = [
  new Blob(['{"name": '], { type: 'application/json' }),
  new Blob([''], { type: 'application/json' }),
  new Blob([new Uint8Array([0xff, 0xfe, 0x00, 0xc3, 0x28])], { type: 'application/json' }),
  new Blob(['[1]'], { type: 'application/json; charset=utf-16' }),
  new Blob(['{}'], { type: '' }),
]
const brokenForms = [
  new Blob(['--x\r\nContent-Disposition: form-data; name="file"'], { type: 'multipart/form-data; boundary=x' }),
  new Blob(['--x--'], { type: 'multipart/form-data; boundary=x' }),
  new Blob(['--x--'], { type: 'multipart/form-data' }),
]

const usable = (text: string) => text.slice(0, 2_000).toWellFormed()
const headerText = (text: string) => text.replace(/[^\x20-\x7e]/g, '').slice(0, 200)

/**
 * Requests of an operation with the ids of `mine`, of `theirs` or of nobody in every place, well-formed here and there. A deletion
 * never names what is `mine`, so that one fixture serves them all.
 */
export function requestsOf(operation: Operation, mine: Record<string, string>, theirs: Record<string, string>): fc.Arbitrary<Hostile> {
  // Ids only: a name of theirs would be stored as mine, and be found there later.
  const ids = [...Object.values(theirs), ...Object.values(mine)].filter((id) => id.length > 36).concat('nobody')
  const destructive = operation.method === 'DELETE' || /delete|close|revoke|archive/.test(operation.id)
  const idOf = (parameter: string) => {
    const name = nameIn(operation.path, parameter)
    const nobody = `${(mine[name] ?? 'x-').slice(0, -36)}${newId('ping' satisfies IdKind).slice(-36)}`
    const wrong = fc
      .constantFrom(theirs[name] ?? 'x', nobody, ...texts.filter((text) => text.trim() && text !== '../../etc/passwd'))
      .map(usable)
    return destructive ? wrong : fc.oneof({ weight: 3, arbitrary: fc.constant(mine[name] ?? 'x') }, { weight: 2, arbitrary: wrong })
  }
  const queries = operation.parameters.filter((parameter) => parameter.in === 'query')
  const pair = (name: string, schema: Schema) => valuesOf(schema, ids).map((value): [string, string] => [name, usable(asText(value))])
  const header = fc.constantFrom(...texts, ...ids).map(headerText)
  const named = fc.constantFrom(...texts).map((name) => formOf(operation, headerText(name).replace(/"/g, '')))
  const body = operation.form
    ? fc.oneof(
        { weight: 4, arbitrary: named },
        { weight: 1, arbitrary: fc.constantFrom<unknown>(...brokenForms, ...broken, undefined, {}) },
      )
    : operation.body
      ? fc.oneof(
          { weight: 8, arbitrary: valuesOf(operation.body, ids) },
          { weight: 1, arbitrary: fc.constantFrom<unknown>(...broken, undefined) },
        )
      : fc.oneof(
          { weight: 3, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.constantFrom<unknown>(...broken, ...brokenForms, {}, { a: 1 }) },
        )
  return fc.record({
    path: fc.record(Object.fromEntries(addressOf(operation).map((name) => [name, idOf(name)]))),
    query: fc
      .subarray(queries)
      .chain((chosen) => fc.tuple(...chosen.map(({ name, schema }) => pair(name, schema))))
      .map((pairs) => pairs as [string, string][]),
    headers: fc.record({ 'if-match': header, 'idempotency-key': header, 'x-project-id': header }, { requiredKeys: [] }),
    body: operation.method === 'GET' || operation.method === 'HEAD' ? fc.constant(undefined) : body,
  })
}
