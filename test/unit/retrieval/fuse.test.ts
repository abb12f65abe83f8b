import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../../src/retrieval/fuse'
import { decodeVector, encodeVector, similarity } from '../../../src/retrieval/vector'

const ranking = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })

describe('reciprocal rank fusion', () => {
  it('adds 1 / (60 + place) of both rankings', () => {
    expect(fuse(['a', 'b'], ['b', 'c'], 10)).toEqual([
      { id: 'b', fts_rank: 2, vector_rank: 1, rrf_score: 1 / 62 + 1 / 61 },
      { id: 'a', fts_rank: 1, vector_rank: null, rrf_score: 1 / 61 },
      { id: 'c', fts_rank: null, vector_rank: 2, rrf_score: 1 / 62 },
    ])
  })

  it('keeps the order of the one ranking that there is', () => {
    fc.assert(
      fc.property(ranking, (ids) => {
        expect(fuse(ids, null, 100).map(({ id }) => id)).toEqual(ids)
        expect(fuse(null, ids, 100).map(({ id }) => id)).toEqual(ids)
      }),
    )
  })

  it('never puts what is behind in both rankings first', () => {
    fc.assert(
      fc.property(ranking, ranking, fc.nat(12), (words, meanings, limit) => {
        const found = fuse(words, meanings, limit)
        expect(found.length).toBe(Math.min(limit, new Set([...words, ...meanings]).size))
        for (const [i, behind] of found.entries())
          for (const before of found.slice(0, i)) {
            const beats = (a: number | null, b: number | null) => a !== null && (b === null || a < b)
            expect(beats(behind.fts_rank, before.fts_rank) && beats(behind.vector_rank, before.vector_rank)).toBe(false)
          }
      }),
    )
  })
})

describe('a stored vector', () => {
  it('is what it was', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, minLength: 1, maxLength: 600 }), (vector) => {
        const text = encodeVector(vector)
        expect(decodeVector(text)).toEqual(vector)
        expect(text.length).toBe(Math.floor((vector.length * 4 + 2) / 3) * 4)
      }),
    )
  })

  it('is compared by its cosine', () => {
    expect(similarity(Float32Array.of(0.6, 0.8), Float32Array.of(1, 0))).toBeCloseTo(0.6)
  })
})
