import { describe, expect, it } from 'vitest'
import { readResult } from '../../../src/mcp/result'
import { parametersOf, schemaHealth } from '../../../src/mcp/schema'
import { fill, isTemplate } from '../../../src/mcp/template'
import { candidates } from '../../../src/resources/mcp-servers/names'

const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({ type: 'object', properties, ...more })

describe('the health of a schema', () => {
  it('is strict when every object is closed and every field required', () => {
    const schema = object(
      { a: { type: 'string' }, b: { type: 'array', items: { type: 'integer' } } },
      { required: ['a', 'b'], additionalProperties: false },
    )
    expect(schemaHealth(schema)).toEqual({ status: 'STRICT_COMPLIANT', reasons: [] })
  })

  it.each([
    ['an open object', object({}), 'additionalProperties'],
    ['an optional field', object({ a: { type: 'string' } }, { additionalProperties: false }), 'a may be left out'],
    ['a choice', object({ a: { oneOf: [{ type: 'string' }] } }, { required: ['a'], additionalProperties: false }), 'uses oneOf'],
    ['anything', object({ a: true }, { required: ['a'], additionalProperties: false }), 'may be anything'],
  ])('is not strict with %s', (_, schema, reason) => {
    const { status, reasons } = schemaHealth(schema)
    expect([status, reasons.join()]).toEqual(['NON_STRICT_ONLY', expect.stringContaining(reason)])
  })

  it.each([
    ['no schema', 'text', 'is not an object'],
    ['another type', { type: 'string' }, "type is not 'object'"],
    ['properties that are none', { type: 'object', properties: [] }, 'properties is not an object'],
    ['a property that is none', object({ a: 7 }), 'inputSchema.a: is not a schema'],
    ['an unknown type', object({ a: { type: 'text' } }), "unknown type 'text'"],
    ['a required field that is not described', object({}, { required: ['a'] }), "requires 'a'"],
    ['a reference to nothing', object({ a: { $ref: '#/$defs/A' } }), "refers to '#/$defs/A'"],
    ['a reference to elsewhere', object({ a: { $ref: 'https://example.com/a.json' } }), 'not there'],
    ['too much', object({ a: { type: 'string', description: 'x'.repeat(100_001) } }), 'longer than'],
  ])('is bad with %s', (_, schema, reason) => {
    const { status, reasons } = schemaHealth(schema)
    expect([status, reasons.join()]).toEqual(['INVALID', expect.stringContaining(reason)])
  })
})

describe('the parameters that models are shown', () => {
  it('are an object, also when the server left that out', () => {
    expect(parametersOf({ $schema: 'https://json-schema.org/draft/2020-12/schema' })).toEqual({ type: 'object', properties: {} })
  })

  it('have references resolved, and definitions only for those that lead back to themselves', () => {
    const person = { type: 'object', properties: { name: { $ref: '#/$defs/Name' } } }
    const flat = object({ a: { $ref: '#/$defs/Person', description: 'Who.' } }, { $defs: { Person: person, Name: { type: 'string' } } })
    expect(parametersOf(flat)).toEqual(object({ a: { type: 'object', properties: { name: { type: 'string' } }, description: 'Who.' } }))
    const tree = { type: 'object', properties: { next: { $ref: '#/$defs/Tree' } } }
    expect(parametersOf(object({ a: { $ref: '#/$defs/Tree' } }, { $defs: { Tree: tree } }))).toEqual(
      object({ a: tree }, { $defs: { Tree: tree } }),
    )
  })

  it('stay small when references multiply', () => {
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`D${i}`, object({ a: { $ref: `#/$defs/D${i + 1}` }, b: { $ref: `#/$defs/D${i + 1}` } })]),
    )
    const schema = object({ a: { $ref: '#/$defs/D0' } }, { $defs: { ...many, D40: { type: 'string' } } })
    expect(JSON.stringify(parametersOf(schema)).length).toBeLessThan(100_000)
  })
})

describe('the result of a call', () => {
  it('is its text, part by part', () => {
    const content = [
      { type: 'text' as const, text: 'one' },
      { type: 'text' as const, text: 'two' },
    ]
    expect(readResult({ content })).toEqual({ status: 'success', text: 'one\ntwo' })
    expect(readResult({ content, isError: true }).status).toBe('error')
    expect(readResult({ content: [] }).text).toBe('Empty response from tool')
    expect(readResult({ content: [], structuredContent: { a: 1 } }).text).toBe('{"a":1}')
  })

  it('tells only the size of large binary parts', () => {
    const data = 'A'.repeat(8000)
    expect(JSON.parse(readResult({ content: [{ type: 'image', data, mimeType: 'image/png' }] }).text)).toEqual({
      type: 'image',
      mimeType: 'image/png',
      bytes: 6000,
    })
    const resource = { uri: 'file:///a', blob: data }
    expect(JSON.parse(readResult({ content: [{ type: 'resource', resource }] }).text)).toEqual({
      type: 'resource',
      resource: { uri: 'file:///a', bytes: 6000 },
    })
  })
})

describe('a header with variables', () => {
  it('is filled in, with the default where there is none', () => {
    expect(fill('Bearer {{ TOKEN }}', { TOKEN: 'abc' })).toBe('Bearer abc')
    expect(fill('{{A|none}}-{{ B | other word }}', { A: 'a' })).toBe('a-other word')
    expect([isTemplate('{{ A }}'), isTemplate('{ A }'), isTemplate('')]).toEqual([true, false, false])
  })

  it('that needs an unknown variable is no header', () => {
    expect(() => fill('{{ TOKEN }}', {})).toThrow('the variable TOKEN')
  })
})

it('a tool is named as its server names it, then with the server’s name, always as a function', () => {
  expect(candidates('my server', 'get.weather/now').slice(0, 3)).toEqual([
    'get_weather_now',
    'my_server_get_weather_now',
    'my_server_get_weather_now_2',
  ])
  expect(candidates('s', '1st')[0]).toBe('_1st')
  expect(candidates('s', 'memory_insert')[0]).toBe('s_memory_insert')
  for (const name of candidates('s'.repeat(90), 't'.repeat(90))) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/)
})
