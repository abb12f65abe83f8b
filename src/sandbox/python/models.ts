import type { SyntaxNode } from '@lezer/common'
import { described, literals, objectOf, type Property, type Schema, whole } from '../json-schema'
import { childrenOf } from '../syntax'
import { readDocstring } from './docstring'
import { literalOf } from './literals'
import { argumentsOf, nameOf, type PythonClass } from './module'
import { type Scope, typeOf } from './types'

const enums = new Set(['Enum', 'StrEnum', 'IntEnum', 'Flag', 'IntFlag'])
const models = new Set(['BaseModel', 'TypedDict', 'NamedTuple', 'SQLModel', 'BaseSettings', 'Struct'])
const modelDecorators = new Set(['dataclass', 'define', 'frozen', 'attrs'])

const basesOf = (own: PythonClass, scope: Scope): string[] => own.bases.flatMap((base) => nameOf(base, scope.module.text) ?? [])

const ancestorsMax = 50

/** The classes of the source that a class inherits from, each once and itself last. */
function lineage(own: PythonClass, scope: Scope, seen = new Set<string>()): PythonClass[] {
  if (seen.has(own.name) || seen.size >= ancestorsMax) return []
  seen.add(own.name)
  const parents = basesOf(own, scope).flatMap((name) => scope.module.classes.get(name) ?? [])
  return [...parents.flatMap((parent) => lineage(parent, scope, seen)), own]
}

/** The schema of a class of the source: an object for a model, an enumeration for an Enum. Null for a class that is neither. */
export function classSchema(own: PythonClass, scope: Scope): Schema | null {
  const line = lineage(own, scope)
  const bases = line.flatMap((each) => basesOf(each, scope))
  if (bases.some((name) => enums.has(name))) return enumSchema(own, bases, scope)
  if (!bases.some((name) => models.has(name)) && !own.decorators.some((name) => modelDecorators.has(name))) return null
  const { defs } = scope.work
  const reference = { $ref: `#/$defs/${own.name}` }
  if (scope.within.includes(own.name)) {
    if (!defs.has(own.name)) defs.set(own.name, {})
    return reference
  }
  const inside = { ...scope, text: scope.module.text, quotedAt: null, within: [...scope.within, own.name] }
  const fields = new Map(line.flatMap((each) => fieldsOf(each, inside)).map((field) => [field.name, field]))
  const description = own.docstring === null ? '' : readDocstring(own.docstring).description
  const schema = described(objectOf([...fields.values()]), description)
  if (!defs.has(own.name)) return schema
  defs.set(own.name, schema)
  return reference
}

function enumSchema({ body }: PythonClass, bases: string[], { module: { text } }: Scope): Schema {
  const values: unknown[] = []
  for (const statement of body.getChildren('AssignStatement')) {
    const [name, operator, value] = childrenOf(statement)
    if (name?.name !== 'VariableName' || operator?.name !== 'AssignOp' || !value) continue
    const isAuto = value.name === 'CallExpression' && nameOf(value.firstChild, text) === 'auto'
    const member = text.slice(name.from, name.to)
    if (isAuto) values.push(bases.includes('StrEnum') ? member.toLowerCase() : values.length + 1)
    else values.push(literalOf(value, text) ?? member)
  }
  return literals(values).schema
}

function fieldsOf({ body, docstring, bases, keywords }: PythonClass, scope: Scope): Property[] {
  const { text } = scope.module
  const notes = docstring === null ? null : readDocstring(docstring).of
  const isPartial = bases.some((base) => nameOf(base, text) === 'TypedDict') && keywords.get('total')?.name === 'Boolean'
  const total = !isPartial || text.slice(keywords.get('total')?.from, keywords.get('total')?.to) === 'True'
  return body.getChildren('AssignStatement').flatMap((statement): Property[] => {
    const [variable, annotation, , value] = childrenOf(statement)
    const type = annotation?.name === 'TypeDef' ? annotation.lastChild : null
    const name = variable ? text.slice(variable.from, variable.to) : ''
    if (!type || name.startsWith('_') || name === 'model_config' || wrapperOf(type, text) === 'ClassVar') return []
    const inside = { ...scope, where: `${scope.where}, field '${name}'` }
    const found = typeOf(type, inside)
    const field = value && isField(value, text) ? fieldFacts(value, found.schema, text) : null
    const wrapper = wrapperOf(type, text)
    const hasDefault = field ? field.hasDefault : value !== undefined && value.name !== 'Ellipsis'
    const required = wrapper === 'Required' || (total && !hasDefault && wrapper !== 'NotRequired')
    const schema = { ...(required ? whole(found) : found.schema), ...field?.keywords }
    return [{ name: field?.alias ?? name, schema: schema.description ? schema : described(schema, notes?.get(name)), required }]
  })
}

const wrapperOf = (type: SyntaxNode, text: string): string | null => (type.getChild('[') ? nameOf(type.firstChild, text) : null)

/** True for a call of `Field` (pydantic) or `field` (dataclasses, attrs). */
export const isField = (node: SyntaxNode, text: string): boolean =>
  node.name === 'CallExpression' && ['Field', 'field', 'ib', 'attrib'].includes(nameOf(node.firstChild, text) ?? '')

const limits: Record<string, string> = {
  ge: 'minimum',
  gt: 'exclusiveMinimum',
  le: 'maximum',
  lt: 'exclusiveMaximum',
  multiple_of: 'multipleOf',
  pattern: 'pattern',
  regex: 'pattern',
  title: 'title',
}

/** What a call of `Field` says of a value of this schema. */
export function fieldFacts(
  call: SyntaxNode,
  { type }: Schema,
  text: string,
): { keywords: Schema; hasDefault: boolean; alias: string | null } {
  const { positional, keywords } = argumentsOf(call.getChild('ArgList'), text)
  const valueAt = (name: string) => {
    const node = keywords.get(name)
    return node ? literalOf(node, text) : undefined
  }
  const facts: Schema = {}
  const description = valueAt('description')
  if (typeof description === 'string') facts.description = description
  for (const [name, keyword] of Object.entries(limits)) {
    const value = valueAt(name)
    if (value !== undefined && value !== null) facts[keyword] = value
  }
  const counted = { string: 'Length', array: 'Items', object: 'Properties' }[type ?? '']
  for (const edge of ['min', 'max'] as const) {
    const value = valueAt(`${edge}_length`)
    if (counted && typeof value === 'number') facts[`${edge}${counted}`] = value
  }
  const given = positional[0] ?? keywords.get('default')
  const alias = valueAt('validation_alias') ?? valueAt('alias')
  return {
    keywords: facts,
    hasDefault: (given !== undefined && given.name !== 'Ellipsis') || keywords.has('default_factory') || keywords.has('factory'),
    alias: typeof alias === 'string' ? alias : null,
  }
}
