import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ndcg, pairedBootstrap, recall, reciprocalRank } from '../../bench/retrieval/measures'

const judged = { a: 2, b: 1, c: 2, seen: 0 }

describe('recall', () => {
  it('is the share of the relevant among the first k, whatever their grade', () => {
    expect(recall(['a', 'x', 'b', 'y', 'z', 'c'], judged, 5)).toBeCloseTo(2 / 3)
    expect(recall(['c', 'b', 'a'], judged, 5)).toBe(1)
    expect(recall(['x', 'a'], judged, 1)).toBe(0)
  })

  it('does not count what was judged to be irrelevant', () => {
    expect(recall(['seen', 'a'], judged, 5)).toBeCloseTo(1 / 3)
  })

  it('is not defined where nothing is relevant', () => {
    expect(() => recall(['a'], { a: 0 }, 5)).toThrow('Nothing is relevant')
  })
})

describe('nDCG', () => {
  // Gains 2, 0, 1 at discounts log2(2) = 1, log2(3) = 1.585, log2(4) = 2: 2 + 0 + 1/2 = 2.5.
  // The ideal order is 2, 2, 1: 2 + 2/1.584963 + 1/2 = 3.761860.
  it('is the discounted gain over that of the best order, as computed by hand', () => {
    expect(ndcg(['a', 'x', 'b'], judged, 10)).toBeCloseTo(2.5 / 3.76186, 5)
    expect(ndcg(['x', 'b'], judged, 10)).toBeCloseTo(1 / 1.584963 / 3.76186, 5)
  })

  it('compares with the best order of as many places as are looked at', () => {
    expect(ndcg(['a'], judged, 1)).toBe(1)
    expect(ndcg(['b'], judged, 1)).toBe(0.5)
  })

  it('is 1 for the best order and at most 1 for every other', () => {
    expect(ndcg(['c', 'a', 'b', 'x'], judged, 10)).toBe(1)
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'seen', 'x', 'y']), fc.integer({ min: 1, max: 8 }), (ranking, k) => {
        const value = ndcg(ranking, judged, k)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })
})

it('the reciprocal rank is one over the place of the first relevant', () => {
  expect(reciprocalRank(['x', 'seen', 'b', 'a'], judged, 10)).toBeCloseTo(1 / 3)
  expect(reciprocalRank(['x', 'y', 'a'], judged, 2)).toBe(0)
})

it('a ranking that names something twice is refused, as it would count twice', () => {
  expect(() => recall(['a', 'a'], judged, 5)).toThrow('names a twice')
  expect(() => ndcg(['a', 'x', 'a'], judged, 5)).toThrow('names a twice')
})

describe('the paired bootstrap', () => {
  it('has the mean difference in the middle, and no width where every query says the same', () => {
    expect(pairedBootstrap([0.75, 0.5], [0.5, 0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 })
  })

  // Four of 16 queries gain 1: the mean of a draw is binomial(16, 1/4) / 16. P(X = 0) = 0.0100 and P(X ≤ 1) = 0.0635, P(X ≤ 7) = 0.9729 and
  // P(X ≤ 8) = 0.9925, so the quantiles of 2.5 % and 97.5 % are 1/16 and 8/16.
  it('has the quantiles of the binomial distribution where differences are 0 or 1', () => {
    const a = Array.from({ length: 16 }, (_, i) => (i < 4 ? 1 : 0))
    expect(pairedBootstrap(a, Array(16).fill(0), { draws: 40_000 })).toEqual({ mean: 0.25, low: 1 / 16, high: 8 / 16 })
  })

  it('gives the same interval each time, and turned round for systems turned round', () => {
    const a = [0.1, 0.9, 0.4, 0.7, 0.3]
    const b = [0.2, 0.5, 0.4, 0.1, 0.6]
    const there = pairedBootstrap(a, b)
    expect(pairedBootstrap(a, b)).toEqual(there)
    const back = pairedBootstrap(b, a)
    expect(back.mean).toBeCloseTo(-there.mean)
    expect(back.low).toBeCloseTo(-there.high, 1)
  })

  it('refuses systems that were not asked the same queries', () => {
    expect(() => pairedBootstrap([1], [1, 0])).toThrow('Cannot pair 1 with 2')
    expect(() => pairedBootstrap([], [])).toThrow('Cannot pair')
  })
})
