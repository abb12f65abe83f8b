import { describe, expect, it } from 'vitest'
import { deriveSchema, functionNames } from '../../../src/sandbox'

const derive = (source: string) => deriveSchema(source, 'typescript')
const refusal = (source: string): string => {
  try {
    return `no refusal: ${JSON.stringify(derive(source))}`
  } catch (error) {
    expect(error).toMatchObject({ kind: 'bad_request', extra: { code: 'invalid_source' } })
    return (error as Error).message
  }
}
const schemaOf = (type: string, before = '') => {
  const { parameters } = derive(`${before}\nexport function f(x: ${type}) {}`)
  return parameters.$defs ? { ...parameters.properties.x, $defs: parameters.$defs } : parameters.properties.x
}

describe('a TypeScript tool', () => {
  it('is told by its signature and its JSDoc', () => {
    const source = `import axios from 'axios'

/**
 * Finds books.
 *
 * Looks in titles: newest first.
 *
 * @param query - What to look for,
 *   in any language.
 * @param {number} [limit=10] Most results.
 * @param options How to search.
 * @param options.exact Whether every word counts.
 * @returns {Promise<string>} The titles.
 */
export async function findBooks(
  query: string, // the words
  limit: number = Math.max(1, (2)),
  sort?: 'asc' | 'desc',
  options: { exact?: boolean; /** Of which years. */ years: [number, number] } = { years: [0, 1] },
): Promise<string> {
  try {
    return (await axios.get<string>(\`https://x/?q=\${query}\`)).data
  } catch (error: any) {
    const isText = (value: unknown): value is string => typeof value === 'string'
    return isText(error) ? error : ''
  }
}
`
    expect(derive(source)).toEqual({
      name: 'findBooks',
      description: 'Finds books.\n\nLooks in titles: newest first.',
      parameters: {
        type: 'object',
        properties: {
          query: { type: 'string', description: 'What to look for,\nin any language.' },
          limit: { type: 'number', description: 'Most results.' },
          sort: { type: 'string', enum: ['asc', 'desc'] },
          options: {
            type: 'object',
            properties: {
              exact: { type: 'boolean', description: 'Whether every word counts.' },
              years: {
                type: 'array',
                prefixItems: [{ type: 'number' }, { type: 'number' }],
                minItems: 2,
                maxItems: 2,
                description: 'Of which years.',
              },
            },
            required: ['years'],
            description: 'How to search.',
          },
        },
        required: ['query'],
      },
    })
  })

  it('is the last function that the source exports, however it does', () => {
    const named = (source: string) => derive(source).name
    expect(named('function help(a) {}\nexport function one() {}\nexport function two() {}\nfunction after(a) {}')).toBe('two')
    expect(named('export const arrow = async (a: string): Promise<void> => {}')).toBe('arrow')
    expect(named('export const whole = function inner(a: string) {}')).toBe('whole')
    expect(named('function late(a: string) {}\nexport { late }')).toBe('late')
    expect(named('function late(a: string) {}\nexport { late as renamed, type T }\ntype T = 1')).toBe('renamed')
    expect(named('function late(a: string) {}\nexport { late as default }')).toBe('late')
    expect(named('const late = (a: string) => 1\nexport default late')).toBe('late')
    expect(named('export default function main(a: string) {}')).toBe('main')
    expect(named('/** One. */\nexport function one(this: Window, ...rest: string[]) {}')).toBe('one')
    expect(functionNames('function a() {}\nexport function b() {}\nexport function c() {}', 'typescript')).toEqual(['b', 'c'])
  })
})

describe('a type of TypeScript', () => {
  it.each([
    ['string', { type: 'string' }],
    ['number', { type: 'number' }],
    ['boolean', { type: 'boolean' }],
    ['any', {}],
    ['unknown', {}],
    ['object', { type: 'object' }],
    ['Date', { type: 'string', format: 'date-time' }],
    ['string[]', { type: 'array', items: { type: 'string' } }],
    ['readonly (string | null)[]', { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } }],
    ['Array<number[]>', { type: 'array', items: { type: 'array', items: { type: 'number' } } }],
    ['Set<string>', { type: 'array', items: { type: 'string' }, uniqueItems: true }],
    ['[string, number?]', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], minItems: 1, maxItems: 2 }],
    ['[first: string, second: number]', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], minItems: 2, maxItems: 2 }],
    ['[...number[]]', { type: 'array', items: { type: 'number' } }],
    ['\'a\' | "b"', { type: 'string', enum: ['a', 'b'] }],
    ['1 | -2', { type: 'integer', enum: [1, -2] }],
    ['true', { type: 'boolean', enum: [true] }],
    ['string | number', { anyOf: [{ type: 'string' }, { type: 'number' }] }],
    ['string | null', { anyOf: [{ type: 'string' }, { type: 'null' }] }],
    ["'a' | number | 'b'", { anyOf: [{ type: 'number' }, { type: 'string', enum: ['a', 'b'] }] }],
    ['`id-$' + '{string}`', { type: 'string' }],
    ['Record<string, number>', { type: 'object', additionalProperties: { type: 'number' } }],
    ['Record<string, unknown>', { type: 'object', additionalProperties: true }],
    [
      "Record<'a' | 'b', 1>",
      { type: 'object', properties: { a: { type: 'integer', enum: [1] }, b: { type: 'integer', enum: [1] } }, required: ['a', 'b'] },
    ],
    ['{ [key: string]: boolean }', { type: 'object', properties: {}, required: [], additionalProperties: { type: 'boolean' } }],
    ["{ 'a-b'?: string; c: null }", { type: 'object', properties: { 'a-b': { type: 'string' }, c: { type: 'null' } }, required: ['c'] }],
    [
      '{ a: 1 } & { b: string }',
      { type: 'object', properties: { a: { type: 'integer', enum: [1] }, b: { type: 'string' } }, required: ['a', 'b'] },
    ],
  ])('%s has its schema', (type, schema) => expect(schemaOf(type)).toEqual(schema))

  it('makes an argument optional by a question mark, a default or undefined', () => {
    const required = (parameter: string) => derive(`export function f(${parameter}) {}`).parameters.required
    for (const parameter of ['x?: string', "x: string = 'a'", 'x: string | undefined', 'x?: string | null'])
      expect(required(parameter)).toEqual([])
    for (const parameter of ['x: string', 'x: string | null', 'x: any']) expect(required(parameter)).toEqual(['x'])
  })

  it('is what the source declares: interfaces, aliases, enums, generics', () => {
    const declarations = `
interface Base { readonly id: string | null }
/** An item. */
export interface Item<T> extends Base { /** How many. */ count: number; value: T; onChange?(): void }
export type Color = 'red' | 'blue'
enum Size { Small, Large = 5, Huge }
const enum Shape { Round = 'round', Square = "square" }
interface Base { name?: string }
`
    const base = { id: { anyOf: [{ type: 'string' }, { type: 'null' }] }, name: { type: 'string' } }
    expect(schemaOf('Item<Color[]>', declarations)).toEqual({
      type: 'object',
      properties: {
        ...base,
        count: { type: 'number', description: 'How many.' },
        value: { type: 'array', items: { type: 'string', enum: ['red', 'blue'] } },
      },
      required: ['id', 'count', 'value'],
      description: 'An item.',
    })
    expect(schemaOf('Size', declarations)).toEqual({ type: 'integer', enum: [0, 5, 6] })
    expect(schemaOf('Shape', declarations)).toEqual({ type: 'string', enum: ['round', 'square'] })
    expect(schemaOf('Partial<Base>', declarations)).toEqual({ type: 'object', properties: base, required: [] })
    expect(schemaOf('Required<Base>', declarations)).toMatchObject({ required: ['id', 'name'] })
    expect(schemaOf("Pick<Base, 'name'>", declarations)).toEqual({ type: 'object', properties: { name: { type: 'string' } }, required: [] })
    expect(schemaOf("Omit<Base, 'name'>", declarations)).toEqual({ type: 'object', properties: { id: base.id }, required: ['id'] })
  })

  it('refers to itself where a declaration does', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/Node' } }, required: [] }
    expect(schemaOf('Node', 'interface Node { next?: Node }')).toEqual({ $ref: '#/$defs/Node', $defs: { Node: node } })
  })
})

describe('a TypeScript source is refused', () => {
  it('for a syntax error, with its line', () => {
    for (const [source, line] of [
      ['export function f(', 1],
      ['const a = 1\nexport function f(a: ) {}', 2],
      ['export function f() {\n  const = 1\n}', 2],
      ["export function f() {\n  return 'open\n}", 2],
    ] as const) {
      expect([source, refusal(source)]).toEqual([source, expect.stringContaining(`(line ${line} of the source)`)])
      expect(refusal(source)).toMatch(/syntax error/)
    }
  })

  it('when it exports no function with a name', () => {
    for (const source of [
      '',
      'function f() {}',
      'export const a = 1',
      'export default function (a: string) {}',
      'export class A { f() {} }',
      "export { f } from 'x'",
    ])
      expect(refusal(source)).toMatch(/exports no function.*`export function name/)
  })

  it('for an argument without a type or a name, and for a type without a schema, naming them', () => {
    expect(refusal('export function f(a) {}')).toMatch(/^Parameter 'a' of function 'f' has no type.*`a: string`/)
    expect(refusal('export function f({ a }: { a: string }) {}')).toMatch(/^A parameter of function 'f' has no name/)
    for (const type of [
      'Foo',
      '() => void',
      'Promise<string>',
      'keyof Foo',
      'typeof x',
      'Map<string, string>',
      'Foo.Bar',
      'Partial<string>',
      'symbol',
    ])
      expect([type, refusal(`\nexport function f(x: ${type}) {}`)]).toEqual([
        type,
        expect.stringMatching(/^Parameter 'x' of function 'f' has the type `.+`, which has no JSON schema.*\(line 2 of the source\)$/),
      ])
    expect(refusal('interface A { b: { c: Foo } }\nexport function f(a: A) {}')).toMatch(
      /^Parameter 'a' of function 'f', property 'b', property 'c' has/,
    )
  })

  it('when types never end', () => {
    const generics = `type A<T> = { a: T; b: T }\nexport function f(a: ${'A<'.repeat(11)}string${'>'.repeat(11)}) {}`
    expect(refusal(generics)).toMatch(/too large a type/)
    expect(refusal(`export function f(a: ${'A<'.repeat(60)}string${'>'.repeat(60)}) {}\ntype A<T> = T[]`)).toMatch(/nested too deeply/)
  })
})
