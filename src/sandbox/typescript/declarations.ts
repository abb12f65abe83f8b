import type { SyntaxNode } from '@lezer/common'
import { described, literals, type Typed, typed, whole } from '../json-schema'
import { childrenOf, partsOf } from '../syntax'
import { readDoc } from './jsdoc'
import { literalOf } from './literals'
import type { Declaration } from './module'
import { joined, objectType } from './objects'
import { type Scope, textOf, typeOf, unknown } from './types'

/** The schema of a type that the source declares. One that refers to itself is a reference to `$defs`. */
export function declared(name: string, own: Declaration, node: SyntaxNode, scope: Scope, args: SyntaxNode[]): Typed {
  const { defs } = scope.work
  const reference = { $ref: `#/$defs/${name}` }
  if (scope.within.includes(name)) {
    if (args.length > 0) throw unknown(node, scope)
    if (!defs.has(name)) defs.set(name, {})
    return typed(reference)
  }
  const parameters = own.nodes[0]?.getChild('TypeParamList')?.getChildren('TypeDefinition') ?? []
  if (parameters.length < args.length) throw unknown(node, scope)
  const bound = new Map(args.map((arg, i) => [textOf(parameters[i] ?? arg, scope), { node: arg, scope }]))
  const type = bodyOf(own, { ...scope, within: [...scope.within, name], bound })
  const schema = type.schema.description ? type.schema : described(type.schema, readDoc(own.comment).description)
  if (!defs.has(name)) return { ...type, schema }
  defs.set(name, whole({ ...type, schema }))
  return typed(reference)
}

function bodyOf({ kind, nodes }: Declaration, scope: Scope): Typed {
  const [first] = nodes
  if (kind === 'alias') return typeOf(first?.getChild('Equals')?.nextSibling ?? (first as SyntaxNode), scope)
  if (kind === 'enum') return literals(nodes.flatMap((node) => enumValues(node, scope)))
  const parents = nodes.flatMap((node) => childrenOf(node).filter(({ name }) => name === 'TypeName' || name === 'ParameterizedType'))
  const own = objectType(
    nodes.flatMap((node) => node.getChild('ObjectType') ?? []),
    scope,
  )
  return typed(parents.length === 0 ? own : joined([...parents.map((parent) => whole(typeOf(parent, scope))), own]))
}

function enumValues(node: SyntaxNode, scope: Scope): unknown[] {
  const values: unknown[] = []
  for (const part of partsOf(node.getChild('EnumBody') ?? node, ['{', '}'])) {
    const [, equals, value] = part
    const last = values.at(-1)
    if (equals && value) values.push(literalOf(value, scope.module.text) ?? textOf(value, scope))
    else values.push(typeof last === 'number' ? last + 1 : 0)
  }
  return values
}
