import { vectorizeLimits as limits, type MetadataType } from '../../src/retrieval/vectorize'
import type { Bound, Condition, MetadataValue } from './spec'

const utf8 = new TextEncoder()
const scalar = (value: unknown): value is MetadataValue | null => value === null || ['string', 'number', 'boolean'].includes(typeof value)

/** The longest well-formed beginning of a text that fits a metadata index. */
export function indexedText(text: string): string {
  if (text.length * 3 <= limits.indexedTextBytes) return text
  const { read } = utf8.encodeInto(text, new Uint8Array(limits.indexedTextBytes))
  return text.slice(0, read)
}

/** The value of a property in metadata; a dot leads into a nested object. */
export function valueAt(metadata: unknown, path: string): unknown {
  let value = metadata
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** What a metadata index holds of a property: a text cut to its length, a number, or null when the property is missing or of another type. */
export function indexedValue(metadata: unknown, path: string, type: MetadataType): string | number | null {
  const value = valueAt(metadata, path)
  if (typeof value !== type) return null
  return typeof value === 'string' ? indexedText(value) : Number(value)
}

type Refuse = (problem: string) => never

function rangeOf(property: string, operators: Record<string, unknown>, refuse: Refuse): Condition {
  const bounds: { above?: Bound; below?: Bound } = {}
  for (const [operator, value] of Object.entries(operators)) {
    if (typeof value !== 'string' && typeof value !== 'number')
      refuse(`filter.${property}.${operator} must be a string or a number, got ${JSON.stringify(value)}`)
    const side = operator.startsWith('$g') ? 'above' : 'below'
    if (bounds[side]) refuse(`filter.${property} has two ${side === 'above' ? 'lower' : 'upper'} bounds`)
    bounds[side] = { value, inclusive: operator.endsWith('e') }
  }
  return { property, kind: 'range', ...bounds }
}

function conditionOf(property: string, wanted: unknown, refuse: Refuse): Condition {
  if (scalar(wanted)) return { property, kind: 'in', values: [wanted] }
  if (typeof wanted !== 'object' || Array.isArray(wanted))
    refuse(`filter.${property} must be a string, a number, a boolean, null or an object of operators`)
  const operators = Object.entries(wanted as Record<string, unknown>)
  const names = operators.map(([name]) => name)
  if (names.length > 0 && names.every((name) => ['$lt', '$lte', '$gt', '$gte'].includes(name)))
    return rangeOf(property, wanted as Record<string, unknown>, refuse)
  const [operator, value] = operators[0] ?? []
  if (operators.length !== 1)
    refuse(`filter.${property} must have one operator, or one lower and one upper bound; got ${names.join(', ') || 'none'}`)
  if (operator === '$eq' || operator === '$ne') {
    if (!scalar(value)) refuse(`filter.${property}.${operator} must be a string, a number, a boolean or null`)
    return { property, kind: operator === '$eq' ? 'in' : 'not in', values: [value] }
  }
  if (operator === '$in' || operator === '$nin') {
    if (!Array.isArray(value) || !value.every(scalar))
      refuse(`filter.${property}.${operator} must be a list of strings, numbers, booleans or nulls`)
    return { property, kind: operator === '$in' ? 'in' : 'not in', values: value }
  }
  return refuse(`filter.${property} has the unknown operator ${operator}; there are $eq, $ne, $in, $nin, $lt, $lte, $gt and $gte`)
}

/** Reads a filter; all of its conditions must hold. Calls `refuse` with what is wrong when it is not one that Vectorize takes. */
export function parseFilter(filter: unknown, refuse: Refuse): Condition[] {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter) || Object.keys(filter).length === 0)
    refuse('filter must be an object that is not empty')
  const bytes = utf8.encode(JSON.stringify(filter)).length
  if (bytes >= limits.filterBytes) refuse(`filter too large; its JSON must be less than ${limits.filterBytes} bytes, got ${bytes} bytes`)
  return Object.entries(filter as object).map(([property, wanted]) => {
    if (property.split('.').includes('') || /^\$|["|]/.test(property) || property.length > limits.filterKeyLength)
      refuse(
        `filter has the key "${property.slice(0, 80)}": keys are not empty, have no " or |, do not start with $ and have at most ${limits.filterKeyLength} characters`,
      )
    return conditionOf(property, wanted, refuse)
  })
}
