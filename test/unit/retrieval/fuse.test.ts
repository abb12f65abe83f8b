import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../../src/retrieval/fuse'
import { decodeVector, encodeVector, similarity } from '../../../src/retrieval/vector'

const ranking = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })

const held = (ids: string[], share = 1) => ids.map((id) => ({ id, held: share }))
const idsOf = (found: { id: string }[]) => found.map(({ id }) => id)

describe('reciprocal rank fusion', () => {
  it('adds 1 / (60 + place) by words, times the share of the query that is held, and half of that by meaning', () => {
    const words = [
      { id: 'a', held: 1 },
      { id: 'b', held: 0.25 },
    ]
    expect(fuse(words, ['b', 'c'], 10)).toEqual([
      { id: 'a', fts_rank: 1, vector_rank: null, rrf_score: 1 / 61 },
      { id: 'b', fts_rank: 2, vector_rank: 1, rrf_score: 0.25 / 62 + 0.5 / 61 },
      { id: 'c', fts_rank: null, vector_rank: 2, rrf_score: 0.5 / 62 },
    ])
  })

  it('lets the meaning decide where few of the words are held, and the words where all are', () => {
    expect(idsOf(fuse(held(['word'], 0.2), ['meaning'], 10))).toEqual(['meaning', 'word'])
    expect(idsOf(fuse(held(['word'], 1), ['meaning'], 10))).toEqual(['word', 'meaning'])
  })

  it('keeps the order and the full score of the one ranking that there is', () => {
    fc.assert(
      fc.property(ranking, (ids) => {
        for (const found of [fuse(held(ids, 0.1), null, 100), fuse(null, ids, 100)]) {
          expect(idsOf(found)).toEqual(ids)
          expect(found.map(({ rrf_score }) => rrf_score)).toEqual(ids.map((_, i) => 1 / (61 + i)))
        }
      }),
    )
  })

  it('never puts what is behind in both rankings first', () => {
    fc.assert(
      fc.property(ranking, ranking, fc.nat(12), (words, meanings, limit) => {
        const found = fuse(held(words), meanings, limit)
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
