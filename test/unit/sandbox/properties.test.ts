import fc from 'fast-check'
import { expect, it } from 'vitest'
import { deriveSchema, functionNames, type Language, type Schema } from '../../../src/sandbox'
import { argumentsProblem } from '../../../src/sandbox/arguments'

/** A type as each language writes it, and what it means. */
interface Type {
  python: string
  typescript: string
  schema: Schema
}

const scalar = fc.constantFrom<Type>(
  { python: 'str', typescript: 'string', schema: { type: 'string' } },
  { python: 'float', typescript: 'number', schema: { type: 'number' } },
  { python: 'bool', typescript: 'boolean', schema: { type: 'boolean' } },
  { python: 'Any', typescript: 'unknown', schema: {} },
)
const word = fc.stringMatching(/^[a-z "'\\#)(\]{}:,]{1,8}$/)
const enumeration = fc.uniqueArray(word, { minLength: 1, maxLength: 3 }).map((values): Type => {
  const quoted = values.map((value) => JSON.stringify(value))
  return { python: `Literal[${quoted.join(', ')}]`, typescript: quoted.join(' | '), schema: { type: 'string', enum: values } }
})
const type: fc.Arbitrary<Type> = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    enumeration,
    tie('type').map(
      ({ python, typescript, schema }): Type => ({
        python: `List[${python}]`,
        typescript: `(${typescript})[]`,
        schema: { type: 'array', items: schema },
      }),
    ),
    tie('type').map(
      ({ python, typescript, schema }): Type => ({
        python: `dict[str, ${python}]`,
        typescript: `Record<string, ${typescript}>`,
        schema: { type: 'object', additionalProperties: Object.keys(schema).length === 0 ? true : schema },
      }),
    ),
    fc.tuple(tie('type'), tie('type')).map(
      ([a, b]): Type => ({
        python: `Tuple[${a.python}, ${b.python}]`,
        typescript: `[${a.typescript}, ${b.typescript}]`,
        schema: { type: 'array', prefixItems: [a.schema, b.schema], minItems: 2, maxItems: 2 },
      }),
    ),
  ),
})).type

const name = fc.stringMatching(/^[a-z]{1,6}_x$/)
const sentence = fc.stringMatching(/^[A-Z][a-z ():,'-]{0,30}[a-z]\.$/)
const parameters = fc.uniqueArray(fc.record({ name, type, description: sentence, isOptional: fc.boolean() }), {
  selector: (parameter) => parameter.name,
  maxLength: 5,
})

interface Tool {
  name: string
  description: string
  parameters: { name: string; type: Type; description: string; isOptional: boolean }[]
}
const tool: fc.Arbitrary<Tool> = fc.record({ name, description: sentence, parameters })

const render: Record<Language, (tool: Tool) => string> = {
  python: ({ name, description, parameters }) => {
    const signature = parameters.map((p) => `${p.name}: ${p.type.python}${p.isOptional ? ' = f(")", (1, [2]))' : ''}`)
    const docs = parameters.map((p) => `        ${p.name}: ${p.description}\n`)
    return `def ${name}(${signature.join(', ')}):\n    """${description}\n\n    Args:\n${docs.join('')}\n    Returns:\n        str: x\n    """\n    return 1\n`
  },
  typescript: ({ name, description, parameters }) => {
    const signature = parameters.map((p) => `${p.name}${p.isOptional ? '?' : ''}: ${p.type.typescript}`)
    const docs = parameters.map((p) => ` * @param ${p.name} - ${p.description}\n`)
    return `/**\n * ${description}\n${docs.join('')} * @returns x\n */\nexport function ${name}(${signature.join(', ')}) {\n  return 1\n}\n`
  },
}

it.each(['python', 'typescript'] as const)('a signature that is written in %s is derived as it was meant', (language) => {
  fc.assert(
    fc.property(tool, (meant) => {
      expect(deriveSchema(render[language](meant), language)).toEqual({
        name: meant.name,
        description: meant.description,
        parameters: {
          type: 'object',
          properties: Object.fromEntries(meant.parameters.map((p) => [p.name, { ...p.type.schema, description: p.description }])),
          required: meant.parameters.filter((p) => !p.isOptional).map((p) => p.name),
        },
      })
    }),
    { numRuns: 200 },
  )
})

const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      'def f',
      '(',
      ')',
      ':',
      '\n',
      '    ',
      '"""',
      "'",
      '"',
      'class A(BaseModel)',
      'x: int',
      ' = ',
      ',',
      '->',
      '[',
      ']',
      '{',
      '}',
      '|',
      '@',
      '*',
    ),
    fc.constantFrom(
      'export ',
      'function g',
      'interface I',
      'type T',
      '<',
      '>',
      '=>',
      '/**',
      '*/',
      '//',
      '#',
      '`',
      '${',
      '?',
      '&',
      '...',
      'enum E',
      'yield',
      '1.',
      'with ',
    ),
    fc.string({ maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  ),
  { maxLength: 60 },
)

it.each(['python', 'typescript'] as const)('no text is more than refused as %s', (language) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map((list) => list.join('')),
      ),
      (text) => {
        try {
          deriveSchema(text, language)
        } catch (error) {
          expect(error).toMatchObject({ kind: 'bad_request', message: expect.stringMatching(/\S/) })
        }
        functionNames(text, language)
      },
    ),
    { numRuns: 800 },
  )
})

it('arguments are judged by the schema, and what is wrong is named', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      count: { type: 'integer', minimum: 1 },
      items: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } },
    },
    required: ['name'],
  }
  const problem = (args: Record<string, unknown>, of: Record<string, unknown> = schema) => argumentsProblem(args, of)
  expect(problem({ name: 'a', count: 2, items: [{ id: 'x' }] })).toBeNull()
  expect(problem({ name: 'a', count: null })).toBeNull()
  expect(problem({})).toBe("argument 'name' is required.")
  expect(problem({ name: null })).toMatch(/^argument 'name': .*"null".*"string"/)
  expect(problem({ name: 'a', other: 1 })).toBe("unknown argument 'other'. The tool takes: name, count, items.")
  expect(problem({ name: 'a', count: 0 })).toMatch(/^argument 'count': /)
  expect(problem({ name: 'a', items: [{ id: 1 }] })).toMatch(/^argument 'items\.0\.id': /)
  expect(problem({ x: 1 }, { type: 'object', additionalProperties: true })).toBeNull()
  expect(problem({ x: 1 }, {})).toMatch(/takes no arguments/)
  expect(problem({ x: 1 }, { properties: { x: { $ref: 'https://elsewhere.example/schema' } } })).toBeNull()
})
