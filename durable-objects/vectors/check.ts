import { vectorizeLimits as limits } from '../../src/retrieval/vectorize'
import { parseFilter } from './filter'
import type { CheckedQuery, CheckedVector } from './spec'

/** Operations as Vectorize names them in its errors. */
export type Operation = 'VECTOR_QUERY' | 'VECTOR_INSERT' | 'VECTOR_UPSERT' | 'VECTOR_GET' | 'VECTOR_DELETE'

const utf8 = new TextEncoder()
const bytesOf = (text: string): number => utf8.encode(text).length

/** Throws as the binding of Vectorize does, with its code where it is known. */
export function refuse(operation: Operation, problem: string, code?: number): never {
  throw new Error(`${operation}_ERROR${code ? ` (code = ${code})` : ''}: ${problem}`)
}

function checkId(operation: Operation, id: unknown): string {
  if (typeof id !== 'string' || id === '') refuse(operation, `an id must be a string that is not empty, got ${JSON.stringify(id)}`)
  const bytes = bytesOf(id)
  if (bytes > limits.idBytes) refuse(operation, `id too long; max is ${limits.idBytes} bytes, got ${bytes} bytes: "${id}"`, 40008)
  return id
}

/** Ids without repetition. Throws when there are none, more than `max`, or one that cannot be an id. */
export function checkIds(operation: Operation, ids: unknown, max: number): string[] {
  if (!Array.isArray(ids) || ids.length === 0) refuse(operation, 'expected a list of ids that is not empty')
  if (ids.length > max) refuse(operation, `too many ids in payload; max id count is ${max}, got ${ids.length}`, 40007)
  return [...new Set(ids.map((id) => checkId(operation, id)))]
}

function floatsOf(values: unknown): Float32Array | undefined {
  if (!(Array.isArray(values) || values instanceof Float32Array || values instanceof Float64Array)) return undefined
  const floats = Float32Array.from(values as ArrayLike<number>, (value) => (typeof value === 'number' ? value : Number.NaN))
  return floats.every(Number.isFinite) ? floats : undefined
}

function checkNamespace(operation: Operation, namespace: unknown): string {
  if (namespace === undefined || namespace === null) return ''
  if (typeof namespace !== 'string') refuse(operation, `a namespace must be a string, got ${JSON.stringify(namespace)}`)
  const bytes = bytesOf(namespace)
  if (bytes > limits.namespaceBytes)
    refuse(operation, `namespace too long; max is ${limits.namespaceBytes} bytes, got ${bytes} bytes: "${namespace}"`)
  return namespace
}

function checkMetadata(operation: Operation, id: string, metadata: unknown): string | null {
  if (metadata === undefined || metadata === null) return null
  if (typeof metadata !== 'object' || Array.isArray(metadata)) refuse(operation, `metadata of "${id}" must be an object`)
  const key = Object.keys(metadata).find((each) => each === '' || /^\$|[."]/.test(each))
  if (key !== undefined)
    refuse(operation, `metadata of "${id}" has the key "${key}": keys are not empty, have no . or " and do not start with $`)
  const text = JSON.stringify(metadata)
  const bytes = bytesOf(text)
  if (bytes > limits.metadataBytes)
    refuse(operation, `metadata of "${id}" too large; max is ${limits.metadataBytes} bytes as JSON, got ${bytes} bytes`)
  return text
}

/** The vectors of an `insert` or `upsert`. Throws at the first that is not well-formed; then none is taken. */
export function checkVectors(operation: Operation, vectors: unknown, dimensions: number): CheckedVector[] {
  if (!Array.isArray(vectors) || vectors.length === 0) refuse(operation, 'expected a list of vectors that is not empty')
  if (vectors.length > limits.vectorsPerCall)
    refuse(operation, `too many vectors in payload; max vector count is ${limits.vectorsPerCall}, got ${vectors.length}`, 40007)
  return vectors.map((vector: Partial<VectorizeVector>) => {
    const id = checkId(operation, vector?.id)
    const values = floatsOf(vector.values)
    if (!values) refuse(operation, `values of "${id}" must be an array of finite numbers`)
    if (values.length !== dimensions)
      refuse(operation, `invalid vector for id="${id}", expected ${dimensions} dimensions, and got ${values.length} dimensions`, 40012)
    return {
      id,
      values,
      namespace: checkNamespace(operation, vector.namespace),
      metadata: checkMetadata(operation, id, vector.metadata),
    }
  })
}

/** The id of a `queryById`. */
export const checkQueryId = (id: unknown): string => checkId('VECTOR_QUERY', id)

/** The vector of a `query`. */
export function checkQueryVector(vector: unknown, dimensions: number): Float32Array {
  const values = floatsOf(vector)
  if (!values) refuse('VECTOR_QUERY', 'the query vector must be an array of finite numbers')
  if (values.length !== dimensions)
    refuse('VECTOR_QUERY', `invalid query vector, expected ${dimensions} dimensions, and got ${values.length} dimensions`, 40006)
  return values
}

const levels = ['all', 'indexed', 'none'] as const

/** The options of a query, with their defaults. */
export function checkOptions(options: VectorizeQueryOptions = {}): CheckedQuery {
  const { topK = 5, namespace, returnValues = false, filter } = options
  const level = options.returnMetadata ?? 'none'
  const returnMetadata = typeof level === 'boolean' ? (level ? 'all' : 'none') : level
  if (!levels.includes(returnMetadata))
    refuse('VECTOR_QUERY', `Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: ${returnMetadata}`)
  if (!Number.isInteger(topK) || topK < 1) refuse('VECTOR_QUERY', `topK must be a whole number from 1, got ${topK}`, 40025)
  if (topK > limits.topK) refuse('VECTOR_QUERY', `max top K is ${limits.topK}, but got ${topK}`, 40025)
  if (topK > limits.topKWithContent && (returnValues || returnMetadata === 'all')) {
    const way = `for a top K up to ${limits.topK}, retry with returnValues=false and returnMetadata=indexed`
    refuse(
      'VECTOR_QUERY',
      `with returnValues=true or returnMetadata=all, max top K is ${limits.topKWithContent}, but got ${topK}; ${way}`,
      40025,
    )
  }
  return {
    topK,
    namespace: namespace === undefined || namespace === null ? undefined : checkNamespace('VECTOR_QUERY', namespace),
    returnValues,
    returnMetadata,
    filter: filter === undefined || filter === null ? [] : parseFilter(filter, (problem) => refuse('VECTOR_QUERY', problem)),
  }
}
