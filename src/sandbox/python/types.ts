import type { SyntaxNode } from '@lezer/common'
import { described, list, literals, type Schema, type Typed, tuple, typed, union, whole } from '../json-schema'
import { childrenOf, parse, sourceError, spend, type Work } from '../syntax'
import { python } from './grammar'
import { literalOf } from './literals'
import { classSchema, fieldFacts, isField } from './models'
import { nameOf, type PythonModule } from './module'

/** Where a type stands, for what is said of it when it has no schema, and what was met on the way to it. */
export interface Scope {
  module: PythonModule
  /** The text that positions are offsets into: the module's, or a type that was written as a string. */
  text: string
  /** The offset of that string in the module. */
  quotedAt: number | null
  where: string
  depth: number
  /** Classes on the way to this type: one that is met again is a reference. */
  within: readonly string[]
  work: Work
}

const scalars: Record<string, Schema> = {
  str: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  bytes: { type: 'string' },
  Any: {},
  object: {},
  AnyStr: { type: 'string' },
  Decimal: { type: 'number' },
  Path: { type: 'string' },
  datetime: { type: 'string', format: 'date-time' },
  date: { type: 'string', format: 'date' },
  time: { type: 'string', format: 'time' },
  timedelta: { type: 'string', format: 'duration' },
  UUID: { type: 'string', format: 'uuid' },
  EmailStr: { type: 'string', format: 'email' },
  HttpUrl: { type: 'string', format: 'uri' },
  AnyUrl: { type: 'string', format: 'uri' },
}
const lists = new Set(['list', 'List', 'Sequence', 'MutableSequence', 'Iterable', 'Collection', 'deque', 'Deque'])
const sets = new Set(['set', 'Set', 'frozenset', 'FrozenSet', 'AbstractSet', 'MutableSet'])
const tuples = new Set(['tuple', 'Tuple'])
const maps = new Set(['dict', 'Dict', 'Mapping', 'MutableMapping', 'OrderedDict', 'defaultdict', 'DefaultDict'])
const wrappers = new Set(['Annotated', 'Final', 'Required', 'NotRequired', 'ReadOnly', 'ClassVar', 'InitVar'])

function unknown(node: SyntaxNode, scope: Scope): Error {
  const code = scope.text.slice(node.from, node.to).slice(0, 80)
  const message = `${scope.where} has the type \`${code}\`, which has no JSON schema. Use a type of Python, define it in the source (a pydantic model, dataclass, TypedDict or Enum), or send args_json_schema`
  return sourceError(message, scope.module.text, scope.quotedAt ?? node.from)
}

/** The schema of a type annotation. Throws a 400 that names the place of a type which has none. */
export function typeOf(node: SyntaxNode, outer: Scope): Typed {
  const scope = { ...outer, depth: outer.depth + 1 }
  spend(scope, scope.module.text, scope.quotedAt ?? node.from)
  switch (node.name) {
    case 'None':
      return { schema: { type: 'null' }, nullable: true }
    case 'String':
    case 'ContinuedString':
      return quoted(node, scope)
    case 'ParenthesizedExpression':
      return typeOf(childrenOf(node)[1] ?? node, scope)
    case 'BinaryExpression': {
      const [left, operator, right] = childrenOf(node)
      if (!left || !right || scope.text.slice(operator?.from, operator?.to) !== '|') throw unknown(node, scope)
      return union([typeOf(left, scope), typeOf(right, scope)])
    }
    case 'MemberExpression':
      return node.getChild('[') ? generic(node, scope) : named(node, scope)
    default:
      return named(node, scope)
  }
}

/** A type that was written as a string, because its class comes later. */
function quoted(node: SyntaxNode, scope: Scope): Typed {
  const code = literalOf(node, scope.text)
  if (typeof code !== 'string') throw unknown(node, scope)
  const expression = expressionOf(code)
  if (!expression) throw unknown(node, scope)
  return typeOf(expression.node, { ...scope, text: expression.text, quotedAt: scope.quotedAt ?? node.from })
}

/** A type that was written as a string, parsed; null when it is none. */
function expressionOf(code: string): { node: SyntaxNode; text: string } | null {
  try {
    const { text, tree } = parse(`(${code})`, python)
    const node = tree.topNode.firstChild?.firstChild
    return node ? { node, text } : null
  } catch {
    return null
  }
}

function named(node: SyntaxNode, scope: Scope): Typed {
  const name = nameOf(node, scope.text)
  if (name === null) throw unknown(node, scope)
  const { module } = scope
  const own = module.classes.get(name)
  const schema = own ? classSchema(own, scope) : null
  if (schema) return typed(schema)
  const alias = module.aliases.get(name)
  if (alias && !own) return aliased(alias, scope)
  if (Object.hasOwn(scalars, name)) return typed({ ...scalars[name] })
  if (lists.has(name) || tuples.has(name)) return typed(list({ type: 'string' }))
  if (sets.has(name)) return typed({ ...list({ type: 'string' }), uniqueItems: true })
  if (maps.has(name)) return typed({ type: 'object' })
  throw unknown(node, scope)
}

/** What a name at the top of the module stands for; `NewType('Name', type)` is its type. */
function aliased(node: SyntaxNode, scope: Scope): Typed {
  const { text } = scope.module
  const isNewType = node.name === 'CallExpression' && nameOf(node.firstChild, text) === 'NewType'
  const type = isNewType ? childrenOf(node.getChild('ArgList') ?? node)[3] : node
  return typeOf(type ?? node, { ...scope, text, quotedAt: null })
}

function generic(node: SyntaxNode, scope: Scope): Typed {
  const [base, ...rest] = childrenOf(node)
  const name = nameOf(base, scope.text)
  const args = rest.filter(({ name: token }) => !['[', ']', ','].includes(token))
  const [first, second] = args
  if (name === null || !first) throw unknown(node, scope)
  const inner = (arg: SyntaxNode) => whole(typeOf(arg, scope))
  if (name === 'Optional') return { ...typeOf(first, scope), nullable: true }
  if (name === 'Union') return union(args.map((arg) => typeOf(arg, scope)))
  if (name === 'Literal') return literalType(args, node, scope)
  if (wrappers.has(name)) return args.slice(1).reduce((type, note) => annotated(type, note, scope), typeOf(first, scope))
  if (lists.has(name)) return typed(list(inner(first)))
  if (sets.has(name)) return typed({ ...list(inner(first)), uniqueItems: true })
  if (tuples.has(name)) return typed(second?.name === 'Ellipsis' ? list(inner(first)) : tuple(args.map(inner)))
  if (maps.has(name)) {
    const values = second ? inner(second) : {}
    return typed({ type: 'object', additionalProperties: Object.keys(values).length === 0 ? true : values })
  }
  throw unknown(node, scope)
}

function literalType(args: SyntaxNode[], node: SyntaxNode, scope: Scope): Typed {
  const values = args.map((arg) => literalOf(arg, scope.text))
  if (values.includes(undefined)) throw unknown(node, scope)
  return literals(values)
}

/** A type with what `Annotated` adds to it: a description, or the limits of a pydantic field. */
function annotated(type: Typed, note: SyntaxNode, scope: Scope): Typed {
  const text = literalOf(note, scope.text)
  if (typeof text === 'string') return { ...type, schema: described(type.schema, text) }
  if (!isField(note, scope.text)) return type
  return { ...type, schema: { ...type.schema, ...fieldFacts(note, type.schema, scope.text).keywords } }
}
