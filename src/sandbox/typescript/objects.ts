import type { SyntaxNode } from '@lezer/common'
import { described, objectOf, type Property, type Schema, whole } from '../json-schema'
import { childrenOf } from '../syntax'
import { readDoc } from './jsdoc'
import { nameOfProperty } from './literals'
import { commentBefore } from './module'
import { optionsOf, type Scope, typeOf } from './types'

/** The properties of object types as one object. */
export function objectType(nodes: SyntaxNode[], scope: Scope): Schema {
  const { text } = scope.module
  const members = nodes.flatMap(childrenOf)
  const open = members.find(({ name }) => name === 'IndexSignature')?.lastChild?.lastChild
  const properties = members.flatMap((member): Property[] => {
    if (member.name !== 'PropertyType') return []
    const key = childrenOf(member).find(({ name }) => ['PropertyDefinition', 'String', 'Number'].includes(name))
    if (!key) return []
    const name = nameOfProperty(key, text)
    const inside = { ...scope, where: `${scope.where}, property '${name}'` }
    const property = propertyOf(name, member.getChild('TypeAnnotation'), member.getChild('Optional') !== null, inside)
    return [{ ...property, schema: described(property.schema, readDoc(commentBefore(member, text)).description) }]
  })
  const values = open ? whole(typeOf(open, scope)) : null
  return { ...objectOf(properties), ...(values ? { additionalProperties: Object.keys(values).length === 0 ? true : values } : {}) }
}

/** A property or parameter of an annotated type; without an annotation it may be anything. */
export function propertyOf(name: string, annotation: SyntaxNode | null, isOptional: boolean, scope: Scope): Property {
  const node = annotation?.lastChild
  if (!node) return { name, schema: {}, required: !isOptional }
  const required = !isOptional && optionsOf(node, scope).length === (node.name === 'UnionType' ? node.getChildren('LogicOp').length + 1 : 1)
  const type = typeOf(node, scope)
  return { name, schema: required ? whole(type) : type.schema, required }
}

/** Objects as one that has the properties of all, the last of a name counting; `allOf` where one of them is no plain object. */
export function joined(schemas: Schema[]): Schema {
  if (schemas.some(({ type, properties }) => type !== 'object' || !properties)) return { allOf: schemas }
  const properties = Object.assign({}, ...schemas.map((schema) => schema.properties))
  const required = [...new Set(schemas.flatMap((schema) => schema.required ?? []))]
  const open = schemas.findLast((schema) => schema.additionalProperties !== undefined)?.additionalProperties
  return { type: 'object', properties, required, ...(open === undefined ? {} : { additionalProperties: open }) }
}
