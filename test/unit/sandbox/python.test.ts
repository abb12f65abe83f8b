import { describe, expect, it } from 'vitest'
import { deriveSchema, describeTool, functionNames } from '../../../src/sandbox'

const derive = (source: string) => deriveSchema(source, 'python')
const refusal = (source: string): string => {
  try {
    return `no refusal: ${JSON.stringify(derive(source))}`
  } catch (error) {
    expect(error).toMatchObject({ kind: 'bad_request', extra: { code: 'invalid_source' } })
    return (error as Error).message
  }
}

/** A tool with one parameter `x`, documented, of this type and perhaps default. */
const withType = (annotation: string, before = '') =>
  `${before}\ndef f(x: ${annotation}):\n    """Does it.\n\n    Args:\n        x: An x.\n    """\n`
const schemaOf = (annotation: string, before = '') => {
  const { parameters } = derive(withType(annotation, before))
  const { description: _, ...schema } = parameters.properties.x ?? {}
  return parameters.$defs ? { ...schema, $defs: parameters.$defs } : schema
}
const isRequired = (annotation: string) => derive(withType(annotation)).parameters.required.includes('x')

describe('a Python tool', () => {
  it('is told by its signature and its docstring', () => {
    const source = `import requests
from typing import List, Optional

@retry(times=(1 + 2))
async def search_papers(query: str, limit: int = 10, tags: Optional[List[str]] = None) -> str:
    """
    Searches papers by title.

    Looks in titles and abstracts, newest first.

    Args:
        query (str): What to look for.
            Several words are all needed:
              like this.
        limit (int, optional): Most results. Defaults to 10.
        tags (Optional[List[str]]): Only papers
            with one of these tags.

    Returns:
        str: The titles, one in a line.

    Raises:
        ValueError: never
    """
    return requests.get(f"https://x/?q={query}").text
`
    expect(derive(source)).toEqual({
      name: 'search_papers',
      description: 'Searches papers by title.\n\nLooks in titles and abstracts, newest first.',
      parameters: {
        type: 'object',
        properties: {
          query: { type: 'string', description: 'What to look for.\nSeveral words are all needed:\n  like this.' },
          limit: { type: 'integer', description: 'Most results. Defaults to 10.' },
          tags: { type: 'array', items: { type: 'string' }, description: 'Only papers\nwith one of these tags.' },
        },
        required: ['query'],
      },
    })
  })

  it('is the last function at the top level, not one within another function or a class', () => {
    const source = `def helper(a: int) -> int:
    return a

def add(x: int, y: int) -> int:
    """Adds.

    Args:
        x: The first.
        y: The second.
    """
    def inner(z): return z
    return helper(x) + y

class Box:
    def put(self, thing): pass

if __name__ == "__main__":
    print(add(1, 2))
`
    expect(derive(source)).toMatchObject({
      name: 'add',
      parameters: { properties: { x: { type: 'integer' }, y: { type: 'integer' } }, required: ['x', 'y'] },
    })
    expect(functionNames(source, 'python')).toEqual(['helper', 'add'])
  })

  it('leaves out what no caller passes: self, agent_state, *args and **kwargs', () => {
    const source = `def f(self, agent_state: "AgentState", a: int, /, *args: int, b: str = 'x', **kwargs):
    """Does it.

    Args:
        a: An a.
        b: A b.
    """`
    expect(Object.keys(derive(source).parameters.properties)).toEqual(['a', 'b'])
    expect(derive(source).parameters.required).toEqual(['a'])
  })

  it('may have no arguments, and no docstring then', () => {
    const none = { type: 'object', properties: {}, required: [] }
    expect(derive('def ping(): pass')).toEqual({ name: 'ping', description: null, parameters: none })
    expect(derive("def ping():\n    '''Pings.'''")).toEqual({ name: 'ping', description: 'Pings.', parameters: none })
  })

  it('is read as Python reads it: quotes, prefixes, comments, continued lines, brackets in defaults, any line ends', () => {
    const source = [
      '\ufeff# def not_me(): pass',
      'TEXT = """',
      'def nor_me(): pass',
      '"""',
      'def f(  # the tool',
      "    a: str = ')(',  # a comma, a bracket )",
      '    b: "int" = (1, (2, 3))[0],',
      '    c: float \\',
      '      = 1.,',
      '):',
      '    r\'\'\'Does \\d it """ so.',
      '',
      '    Args:',
      '        a (str): An "a".',
      '        b (Tuple[int, (str)]): A b: with a colon.',
      '        c: A c.',
      "    '''",
      '    yield',
      "    with (open('x') as f, open('y') as self.g):",
      '        x = 24.*3600.',
      '    return f\'{a!r:>{b}} {"x"}\'',
      '',
    ].join('\r\n')
    expect(derive(source)).toMatchObject({
      name: 'f',
      description: 'Does \\d it """ so.',
      parameters: {
        properties: {
          a: { type: 'string', description: 'An "a".' },
          b: { type: 'integer', description: 'A b: with a colon.' },
          c: { type: 'number', description: 'A c.' },
        },
        required: [],
      },
    })
  })

  it('has its description read from any form of Google’s docstrings', () => {
    const described = (lines: string) => derive(`def f(x: int, y: int = 1):\n    """${lines}"""`)
    const both = { x: { type: 'integer', description: 'An x.' }, y: { type: 'integer', description: 'A y.' } }
    for (const lines of [
      'Sum.\n\n    Args:\n        x: An x.\n        y: A y.\n    ',
      'Sum.\n\n    Args:\n      x (int): An x.\n\n      y (int, optional): A y.\n\n    Returns: int: the sum',
      '\n    Sum.\n\n    Parameters:\n    x: An x.\n    y: A y.\n\n    Returns:\n    int: x\n    ',
      'Sum.\n\n    Arguments:\n\tx: An x.\n\ty: A y.\n    Yields:\n\tnothing',
    ]) {
      expect(described(lines)).toMatchObject({ description: 'Sum.', parameters: { properties: both } })
    }
    const examples = 'Sum.\n\n    Args:\n        x: An x.\n        y: A y.\n\n    Examples:\n        >>> f(1)\n        2\n    '
    expect(described(examples).description).toBe('Sum.\n\nExamples:\n    >>> f(1)\n    2')
    expect(described('Args:\n        x: An x.\n        y: A y.\n    ').description).toBeNull()
    expect(described('Sum.\n\n    Note:\n        kept\n\n    Args:\n        x: An x.\n        y: A y.\n').description).toBe(
      'Sum.\n\nNote:\n    kept',
    )
  })
})

describe('a type of Python', () => {
  it.each([
    ['str', { type: 'string' }],
    ['int', { type: 'integer' }],
    ['float', { type: 'number' }],
    ['bool', { type: 'boolean' }],
    ['Any', {}],
    ['typing.Any', {}],
    ['list', { type: 'array', items: { type: 'string' } }],
    ['List[int]', { type: 'array', items: { type: 'integer' } }],
    ['t.Sequence[list[str]]', { type: 'array', items: { type: 'array', items: { type: 'string' } } }],
    ['list[Optional[int]]', { type: 'array', items: { anyOf: [{ type: 'integer' }, { type: 'null' }] } }],
    ['set[str]', { type: 'array', items: { type: 'string' }, uniqueItems: true }],
    ['dict', { type: 'object' }],
    ['Dict[str, int]', { type: 'object', additionalProperties: { type: 'integer' } }],
    ['dict[str, Any]', { type: 'object', additionalProperties: true }],
    ['Tuple[int, str]', { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 }],
    ['tuple[float, ...]', { type: 'array', items: { type: 'number' } }],
    ['Optional[str]', { type: 'string' }],
    ['str | None', { type: 'string' }],
    ['"str | None"', { type: 'string' }],
    ['Union[int, str]', { anyOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['int | str | None', { anyOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['Literal["a", \'b\', None]', { type: 'string', enum: ['a', 'b'] }],
    ['Literal[1, -2]', { type: 'integer', enum: [1, -2] }],
    ['Literal["a", 1, True]', { enum: ['a', 1, true] }],
    ['Literal["a"] | Literal["b"]', { type: 'string', enum: ['a', 'b'] }],
    ['datetime.datetime', { type: 'string', format: 'date-time' }],
    ['date', { type: 'string', format: 'date' }],
    ['UUID', { type: 'string', format: 'uuid' }],
    ['Annotated[int, Field(ge=1, lt=10)]', { type: 'integer', minimum: 1, exclusiveMaximum: 10 }],
  ])('%s has its schema', (annotation, schema) => expect(schemaOf(annotation)).toEqual(schema))

  it('makes an argument optional by a default or by None, and by nothing else', () => {
    expect(['int', 'Any', 'Union[int, str]', 'list[Optional[int]]', 'Literal["a"]'].filter(isRequired)).toHaveLength(5)
    expect(
      ['int = 1', 'Optional[int]', 'int | None', 'Union[int, None, str]', 'Literal["a", None]', 'str = None'].filter(isRequired),
    ).toEqual([])
  })

  it('is what the source says the name stands for', () => {
    expect(schemaOf('Names', 'Names = List[str]')).toEqual({ type: 'array', items: { type: 'string' } })
    expect(schemaOf('Names', 'type Names = dict[str, Ids]\nIds: TypeAlias = "list[int]"')).toEqual({
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'integer' } },
    })
    expect(schemaOf('UserId', "UserId = NewType('UserId', int)")).toEqual({ type: 'integer' })
  })

  it('is an object for a pydantic model, with what its fields say', () => {
    const models = `
from pydantic import BaseModel, Field

class Item(BaseModel):
    """A thing in stock.

    Attributes:
        note: What to know of it.
    """
    model_config = ConfigDict(extra="forbid")
    KINDS: ClassVar[list] = []
    sku: str = Field(..., description="Stock " "keeping unit.", min_length=3, pattern=r"^\\w+$")
    price: float = Field(gt=0, description='In euros.')
    note: Optional[str] = None
    count: int = Field(default=1, ge=1)
    labels: list[str] = Field(default_factory=list, max_length=5)
    owner: Optional[str]
    size: Annotated[int, "In centimetres."] = 3
    from_: str = Field(alias="from")
    _secret: int = 1

    def total(self): return self.price * self.count

class Order(Item):
    items: List[Item]
`
    const item = {
      sku: { type: 'string', description: 'Stock keeping unit.', minLength: 3, pattern: '^\\w+$' },
      price: { type: 'number', description: 'In euros.', exclusiveMinimum: 0 },
      note: { type: 'string', description: 'What to know of it.' },
      count: { type: 'integer', minimum: 1 },
      labels: { type: 'array', items: { type: 'string' }, maxItems: 5 },
      owner: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      size: { type: 'integer', description: 'In centimetres.' },
      from: { type: 'string' },
    }
    const required = ['sku', 'price', 'owner', 'from']
    const itemSchema = { type: 'object', properties: item, required, description: 'A thing in stock.' }
    expect(schemaOf('list[Item]', models)).toEqual({ type: 'array', items: itemSchema })
    expect(schemaOf('"Order"', models)).toEqual({
      type: 'object',
      properties: { ...item, items: { type: 'array', items: itemSchema } },
      required: [...required, 'items'],
    })
  })

  it('is an object for a dataclass, a TypedDict and a NamedTuple too', () => {
    const point = { type: 'object', properties: { x: { type: 'integer' }, y: { type: 'integer' } } }
    const both = (before: string) => schemaOf('Point', before)
    expect(both('@dataclasses.dataclass(frozen=True)\nclass Point:\n    x: int\n    y: int = field(default=0)\n')).toEqual({
      ...point,
      required: ['x'],
    })
    expect(both('class Point(TypedDict):\n    x: int\n    y: NotRequired[int]\n')).toEqual({ ...point, required: ['x'] })
    expect(both('class Point(TypedDict, total=False):\n    x: int\n    y: Required[int]\n')).toEqual({ ...point, required: ['y'] })
    expect(both('class Point(NamedTuple):\n    x: int\n    y: int = 0\n')).toEqual({ ...point, required: ['x'] })
  })

  it('is an enumeration for an Enum', () => {
    const of = (body: string, base: string) =>
      schemaOf('Color', `class Color(${base}):\n    """Colors."""\n${body}\n    def x(self): pass\n`)
    expect(of("    RED = 'red'\n    BLUE = 'blue'", 'str, Enum')).toEqual({ type: 'string', enum: ['red', 'blue'] })
    expect(of('    RED = 1\n    BLUE = 2', 'IntEnum')).toEqual({ type: 'integer', enum: [1, 2] })
    expect(of('    RED = auto()\n    BLUE = auto()', 'enum.StrEnum')).toEqual({ type: 'string', enum: ['red', 'blue'] })
    expect(of('    RED = auto()\n    BLUE = auto()', 'Enum')).toEqual({ type: 'integer', enum: [1, 2] })
  })

  it('refers to itself where a model does', () => {
    const node = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/Node' } } }, required: ['children'] }
    expect(schemaOf('Node', 'class Node(BaseModel):\n    children: List["Node"]\n')).toEqual({
      $ref: '#/$defs/Node',
      $defs: { Node: node },
    })
  })
})

describe('a Python source is refused', () => {
  it('for a syntax error, with its line', () => {
    for (const [source, line] of [
      ['def f(:\n    pass', 1],
      ['x = 1\n\ndef f(a: int) return a', 3],
      ['def f():\nreturn 1\n', 2],
      ['def f():\n    x = "never closed\n    return x', 2],
      ['def f():\n    """never closed\n', 2],
      ['def f():\n    x = = 2\n', 2],
      ['def f(a: int', 1],
    ] as const) {
      expect(refusal(source)).toMatch(/syntax error/)
      expect([source, refusal(source)]).toEqual([source, expect.stringContaining(`(line ${line} of the source)`)])
    }
  })

  it('when there is no function to call', () => {
    for (const source of ['', 'x = 1', '# def f(): pass', 'class A:\n    def f(self): pass', '"""def f(): pass"""'])
      expect(refusal(source)).toMatch(/defines no function.*`def name/)
  })

  it('for an argument without a type or a description, naming the function, the argument and what to do', () => {
    const untyped = 'def f(a: int, b):\n    """Does.\n\n    Args:\n        a: An a.\n        b: A b.\n    """'
    expect(refusal(untyped)).toBe(
      "Parameter 'b' of function 'f' has no type annotation. Write its type, for example `b: str` (line 1 of the source)",
    )
    const undocumented = 'def f(\n    a: int,\n    b: int,\n):\n    """Does.\n\n    Args:\n        a: An a.\n    """'
    expect(refusal(undocumented)).toMatch(/^Parameter 'b' of function 'f' has no description.*under "Args:".*\(line 3 of the source\)$/)
    expect(refusal('def f(a: int):\n    return a')).toMatch(/^Parameter 'a' of function 'f' has no description/)
  })

  it('for a type that has no schema, naming it', () => {
    for (const annotation of [
      'Foo',
      'requests.Session',
      'Callable[[int], str]',
      '"Foo["',
      'lambda: 1',
      'list[Foo]',
      'Literal[FOO]',
      '5',
      'a & b',
    ])
      expect(refusal(withType(annotation))).toMatch(
        /^Parameter 'x' of function 'f' has the type `.+`, which has no JSON schema.*\(line 2 of the source\)$/,
      )
    expect(refusal(withType('A', 'class A(BaseModel):\n    y: int\n    z: Foo'))).toMatch(
      /^Parameter 'x' of function 'f', field 'z' has the type `Foo`.*\(line 3 of the source\)$/,
    )
    expect(refusal(withType('A', 'class A:\n    y: int'))).toMatch(/has the type `A`/)
  })

  it('when types never end, or the source is not what people write', () => {
    expect(refusal(withType('A', 'A = list["B"]\nB = list["A"]'))).toMatch(/nested too deeply/)
    const models = Array.from({ length: 30 }, (_, i) => `class A${i + 1}(BaseModel):\n    a: A${i}\n    b: A${i}\n`)
    expect(refusal(withType('A30', `class A0(BaseModel):\n    x: int\n${models.join('')}`))).toMatch(/too large a type/)
    expect(refusal(`x = ${'('.repeat(300)}`)).toMatch(/over 200 brackets/)
    expect(refusal('-'.repeat(5000))).toMatch(/over a thousand times/)
    expect(refusal(`x = 1\n${'# comment\n'.repeat(6000)}`)).toMatch(/at most 50000/)
  })
})

it('a source whose arguments are told apart from it needs no annotations and no “Args:”', () => {
  const source = 'def manage(self, data: Entry, change) -> bool:\n    """Updates the stock."""\n    return True\n'
  expect(describeTool(source, 'python')).toEqual({ name: 'manage', description: 'Updates the stock.' })
  expect(functionNames('def f(:', 'python')).toBeNull()
})
