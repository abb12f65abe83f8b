import type { SyntaxNode } from '@lezer/common'
import { list, objectOf, type Schema, type Typed, typed, whole } from '../json-schema'
import { type Scope, typeOf, unknown } from './types'

const lists = new Set(['Array', 'ReadonlyArray', 'Iterable'])
const sets = new Set(['Set', 'ReadonlySet'])

/** The keys that a type of literals lists; null for any other type. */
function keysOf({ schema }: Typed): string[] | null {
  return schema.enum?.every((key) => typeof key === 'string' || typeof key === 'number') ? schema.enum.map(String) : null
}

/** An object type with only some of its properties, or with all of them (not) required. Null for what is no object. */
function altered({ schema }: Typed, keep: (name: string) => boolean, required?: 'all' | 'none'): Schema | null {
  if (schema.type !== 'object' || !schema.properties) return null
  const names = Object.keys(schema.properties).filter(keep)
  const needed = (schema.required ?? []).filter(keep)
  return {
    ...schema,
    properties: Object.fromEntries(names.map((name) => [name, schema.properties?.[name] ?? {}])),
    required: required === 'all' ? names : required === 'none' ? [] : needed,
  }
}

function record(keys: Typed, values: Schema): Schema {
  const names = keysOf(keys)
  if (names) return objectOf(names.map((name) => ({ name, schema: values, required: true })))
  return { type: 'object', additionalProperties: Object.keys(values).length === 0 ? true : values }
}

/** The schema of a generic type of the language: `Array<T>`, `Record<K, V>`, `Partial<T>` and the like. Null for any other. */
export function utilityType(name: string, args: SyntaxNode[], scope: Scope): Typed | null {
  const [first, second] = args
  if (!first) return null
  const all = () => true
  const given = (schema: Schema | null): Typed => {
    if (!schema) throw unknown(first, scope)
    return typed(schema)
  }
  if (lists.has(name)) return typed(list(whole(typeOf(first, scope))))
  if (sets.has(name)) return typed({ ...list(whole(typeOf(first, scope))), uniqueItems: true })
  if (name === 'Readonly' || name === 'Awaited') return typeOf(first, scope)
  if (name === 'NonNullable') return { ...typeOf(first, scope), nullable: false }
  if (name === 'Partial') return given(altered(typeOf(first, scope), all, 'none'))
  if (name === 'Required') return given(altered(typeOf(first, scope), all, 'all'))
  if (!second) return null
  if (name === 'Record') return typed(record(typeOf(first, scope), whole(typeOf(second, scope))))
  if (name !== 'Pick' && name !== 'Omit') return null
  const keys = keysOf(typeOf(second, scope)) ?? []
  return given(altered(typeOf(first, scope), (key) => keys.includes(key) === (name === 'Pick')))
}
