import { describe, expect, it } from 'vitest'
import { checkIds, checkOptions, checkQueryVector, checkVectors } from '../../../durable-objects/vectors/check'
import { indexedText } from '../../../durable-objects/vectors/filter'

const vectors = (vector: object) => () => checkVectors('VECTOR_UPSERT', [{ id: 'a', values: [1, 2], ...vector }], 2)
const filter = (value: unknown) => () => checkOptions({ filter: value as VectorizeVectorMetadataFilter })

describe('what an index is given', () => {
  it.each<[string, () => unknown, string]>([
    ['no vectors', () => checkVectors('VECTOR_INSERT', [], 2), 'VECTOR_INSERT_ERROR: expected a list of vectors that is not empty'],
    ['no id', vectors({ id: undefined }), 'an id must be a string that is not empty, got undefined'],
    ['an empty id', vectors({ id: '' }), 'got ""'],
    ['an id of 66 bytes', vectors({ id: 'ä'.repeat(33) }), '(code = 40008): id too long; max is 64 bytes, got 66 bytes'],
    ['values that are no numbers', vectors({ values: [1, 'x'] }), 'values of "a" must be an array of finite numbers'],
    ['values that are not finite', vectors({ values: [1, Number.NaN] }), 'finite'],
    ['values beyond single precision', vectors({ values: [1, 1e39] }), 'finite'],
    ['a hole in values', vectors({ values: [1, undefined] }), 'finite'],
    ['no values', vectors({ values: undefined }), 'finite'],
    ['a namespace that is no string', vectors({ namespace: 1 }), 'a namespace must be a string, got 1'],
    ['metadata that is a list', vectors({ metadata: [1] }), 'metadata of "a" must be an object'],
    ['a key with a dot', vectors({ metadata: { 'a.b': 1 } }), 'the key "a.b"'],
    ['a key with a dollar', vectors({ metadata: { $a: 1 } }), 'the key "$a"'],
    ['an empty key', vectors({ metadata: { '': 1 } }), 'the key ""'],
    ['no ids', () => checkIds('VECTOR_GET', [], 20), 'VECTOR_GET_ERROR: expected a list of ids that is not empty'],
    ['a query that is no vector', () => checkQueryVector({ data: [1, 2] }, 2), 'the query vector must be an array of finite numbers'],
    ['topK 0', () => checkOptions({ topK: 0 }), 'topK must be a whole number from 1, got 0'],
    ['topK 1.5', () => checkOptions({ topK: 1.5 }), 'got 1.5'],
    ['an unknown level of metadata', () => checkOptions({ returnMetadata: 'some' as 'all' }), 'Invalid returnMetadata option'],
    ['an empty filter', filter({}), 'filter must be an object that is not empty'],
    ['a filter that is a list', filter(['kind']), 'filter must be an object'],
    ['an empty key of a filter', filter({ '': 1 }), 'filter has the key ""'],
    ['an empty part of a key', filter({ 'a..b': 1 }), 'filter has the key "a..b"'],
    ['a key of 513 characters', filter({ ['k'.repeat(513)]: 1 }), 'at most 512 characters'],
    ['a list as a value', filter({ kind: ['a'] }), 'filter.kind must be'],
    ['no operator', filter({ kind: {} }), 'must have one operator, or one lower and one upper bound; got none'],
    ['two operators', filter({ kind: { $eq: 'a', $ne: 'b' } }), 'got $eq, $ne'],
    ['a bound beside another operator', filter({ kind: { $gt: 'a', $ne: 'b' } }), 'got $gt, $ne'],
    ['two lower bounds', filter({ created_at: { $gt: 1, $gte: 2 } }), 'two lower bounds'],
    ['a bound that is a boolean', filter({ kind: { $gt: true } }), 'filter.kind.$gt must be a string or a number, got true'],
    ['$in of a text', filter({ kind: { $in: 'abc' } }), 'filter.kind.$in must be a list'],
    ['an object as a value', filter({ kind: { $eq: {} } }), 'filter.kind.$eq must be'],
  ])('%s is refused', (_, check, why) => {
    expect(check).toThrow(why)
  })

  it('is taken with its defaults', () => {
    const defaults = { topK: 5, namespace: undefined, returnValues: false, returnMetadata: 'none', filter: [] }
    expect(checkOptions()).toEqual(defaults)
    expect(checkOptions({ returnMetadata: false })).toEqual(defaults)
    expect(checkOptions({ topK: 100, returnMetadata: 'indexed' })).toEqual({ ...defaults, topK: 100, returnMetadata: 'indexed' })
    expect(checkIds('VECTOR_GET', ['a', 'b', 'a'], 20)).toEqual(['a', 'b'])
    expect(checkVectors('VECTOR_UPSERT', [{ id: 'a', values: new Float64Array([1, 0.1]) }], 2)).toEqual([
      { id: 'a', values: Float32Array.of(1, 0.1), namespace: '', metadata: null },
    ])
  })

  it('texts are indexed up to 64 bytes, without a part of a character', () => {
    expect(indexedText('a'.repeat(65))).toBe('a'.repeat(64))
    expect(indexedText(`${'a'.repeat(63)}ä`)).toBe('a'.repeat(63))
    expect(indexedText('😀'.repeat(17))).toBe('😀'.repeat(16))
    expect(indexedText('ä'.repeat(32))).toBe('ä'.repeat(32))
  })
})
