import type { SyntaxNode } from '@lezer/common'
import { list, literals, type Schema, type Typed, tuple, typed, union, whole } from '../json-schema'
import { childrenOf, partsOf, sourceError, spend, type Work } from '../syntax'
import { declared } from './declarations'
import { literalOf } from './literals'
import type { TypeScriptModule } from './module'
import { joined, objectType } from './objects'
import { utilityType } from './utilities'

/** Where a type stands, for what is said of it when it has no schema, and what was met on the way to it. */
export interface Scope {
  module: TypeScriptModule
  where: string
  depth: number
  /** Declarations on the way to this type: one that is met again is a reference. */
  within: readonly string[]
  /** What the type parameters of a generic declaration stand for, and where that was written. */
  bound: ReadonlyMap<string, { node: SyntaxNode; scope: Scope }>
  work: Work
}

const names: Record<string, Schema> = {
  string: { type: 'string' },
  String: { type: 'string' },
  number: { type: 'number' },
  Number: { type: 'number' },
  bigint: { type: 'integer' },
  boolean: { type: 'boolean' },
  Boolean: { type: 'boolean' },
  any: {},
  unknown: {},
  object: { type: 'object' },
  Object: { type: 'object' },
  Date: { type: 'string', format: 'date-time' },
  URL: { type: 'string', format: 'uri' },
}

export const textOf = (node: SyntaxNode, { module: { text } }: Scope): string => text.slice(node.from, node.to)

export function unknown(node: SyntaxNode, scope: Scope): Error {
  const message = `${scope.where} has the type \`${textOf(node, scope).slice(0, 80)}\`, which has no JSON schema. Use a type of JSON, declare it in the source, or send json_schema`
  return sourceError(message, scope.module.text, node.from)
}

const isUndefined = (node: SyntaxNode, scope: Scope): boolean => node.name === 'VoidType' || textOf(node, scope) === 'undefined'

const operandsOf = (node: SyntaxNode): SyntaxNode[] => childrenOf(node).filter(({ name }) => name !== 'LogicOp')

/** The options of a union, `undefined` left out; any other type is its only option. */
export const optionsOf = (node: SyntaxNode, scope: Scope): SyntaxNode[] =>
  (node.name === 'UnionType' ? operandsOf(node) : [node]).filter((option) => !isUndefined(option, scope))

/** The schema of a type. Throws a 400 that names the place of a type which has none. */
export function typeOf(node: SyntaxNode, outer: Scope): Typed {
  const scope = { ...outer, depth: outer.depth + 1 }
  spend(scope, scope.module.text, node.from)
  switch (node.name) {
    case 'TypeName':
      return named(node, scope, [])
    case 'NullType':
      return { schema: { type: 'null' }, nullable: true }
    case 'LiteralType':
    case 'TemplateType':
      return literalType(node, scope)
    case 'UnionType':
      return union(optionsOf(node, scope).map((option) => typeOf(option, scope)))
    case 'IntersectionType':
      return typed(joined(operandsOf(node).map((part) => whole(typeOf(part, scope)))))
    case 'ParenthesizedType':
      return typeOf(childrenOf(node)[1] ?? node, scope)
    case 'ReadonlyType':
      return typeOf(node.lastChild ?? node, scope)
    case 'ArrayType':
      return typed(list(whole(typeOf(node.firstChild ?? node, scope))))
    case 'TupleType':
      return typed(tupleType(node, scope))
    case 'ObjectType':
      return typed(objectType([node], scope))
    case 'ParameterizedType': {
      const [base, args] = childrenOf(node)
      if (!base || !args) throw unknown(node, scope)
      return named(
        base,
        scope,
        partsOf(args, ['<', '>']).flatMap(([arg]) => arg ?? []),
      )
    }
    default:
      throw unknown(node, scope)
  }
}

function named(node: SyntaxNode, scope: Scope, args: SyntaxNode[]): Typed {
  const name = textOf(node, scope)
  const bound = scope.bound.get(name)
  if (bound) return typeOf(bound.node, { ...bound.scope, depth: scope.depth })
  const own = scope.module.declarations.get(name)
  if (own) return declared(name, own, node, scope, args)
  const known = args.length === 0 && Object.hasOwn(names, name) ? names[name] : undefined
  const type = known ? typed({ ...known }) : utilityType(name, args, scope)
  if (!type) throw unknown(node, scope)
  return type
}

function literalType(node: SyntaxNode, scope: Scope): Typed {
  if (node.name === 'TemplateType') return typed({ type: 'string' })
  const value = literalOf(node, scope.module.text)
  if (value === undefined) throw unknown(node, scope)
  return literals([value])
}

function tupleType(node: SyntaxNode, scope: Scope): Schema {
  const { text } = scope.module
  const parts = partsOf(node, ['[', ']'])
  const items = parts.filter(([first]) => first?.name !== 'Spread')
  if (items.length < parts.length) {
    if (items.length > 0) throw unknown(node, scope)
    return whole(typeOf(parts[0]?.[1] ?? node, scope))
  }
  // The mark is blanked out where the tree was made of.
  const optional = parts.filter((part) => /^\s*\?/.test(text.slice((part[0] as SyntaxNode).to, (part[0] as SyntaxNode).to + 20)))
  return tuple(
    parts.map((part) => whole(typeOf(part.at(-1) ?? node, scope))),
    optional.length,
  )
}
