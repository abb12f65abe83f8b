import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Best } from '../../../durable-objects/vectors/best'
import { layoutOf, Page } from '../../../durable-objects/vectors/page'
import { distances, dot, rotation, signs, sumOf, tables, wordsOf } from '../../../durable-objects/vectors/sketch'
import { randomOf, randomVector } from '../../contract/vectorize/fixture'

const vectorOf = (random: () => number, dimensions: number) => Float32Array.from(randomVector(random, dimensions))
const bitsOf = (word: number) => [...(word >>> 0).toString(2)].filter((digit) => digit === '1').length

describe('sketches', () => {
  it.each([384, 512, 768, 1024, 1536, 32, 5])('the rotation of %i dimensions keeps lengths and products', (dimensions) => {
    const random = randomOf(dimensions)
    const rotate = rotation(dimensions)
    const [a, b] = [vectorOf(random, dimensions), vectorOf(random, dimensions)]
    expect(dot(rotate(a), rotate(b))).toBeCloseTo(dot(a, b), 3)
    expect(dot(rotate(a), rotate(a))).toBeCloseTo(dot(a, a), 3)
  })

  it('spreads a single value over all dimensions', () => {
    const rotated = rotation(768)(Float32Array.from({ length: 768 }, (_, i) => Number(i === 700)))
    expect(Math.max(...rotated.map(Math.abs))).toBeLessThan(0.2)
  })

  it('differing bits are counted as one by one', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 16, 24, 48), fc.array(fc.integer(), { minLength: 48 * 4, maxLength: 48 * 4 }), (width, numbers) => {
        const words = Int32Array.from(numbers)
        const query = words.slice(0, width)
        const counted = new Uint16Array(3)
        distances(words.subarray(width), 3, query, width, counted)
        const naive = [1, 2, 3].map((sketch) =>
          query.reduce((sum, word, i) => sum + bitsOf(word ^ (words[sketch * width + i] as number)), 0),
        )
        expect([...counted]).toEqual(naive)
      }),
    )
  })

  it.each([32, 100, 512])('the sum of a sketch of %i dimensions is the same by tables as one by one', (dimensions) => {
    const random = randomOf(5)
    const [vector, query] = [vectorOf(random, dimensions), vectorOf(random, dimensions)]
    const words = new Int32Array(2 * wordsOf(dimensions))
    signs(vector, words, wordsOf(dimensions))
    const naive = query.reduce((sum, value, i) => sum + ((vector[i] as number) >= 0 ? value : -value), 0)
    expect(sumOf(tables(query, wordsOf(dimensions)), words, wordsOf(dimensions), wordsOf(dimensions))).toBeCloseTo(naive, 3)
  })

  it('estimates of products are right on average, and closer than a tenth of the lengths', () => {
    const dimensions = 512
    const layout = layoutOf({ dimensions, metric: 'cosine', metadata: {} })
    const random = randomOf(9)
    const page = new Page(layout)
    const side = vectorOf(random, dimensions)
    const vectors = Array.from({ length: 256 }, () => vectorOf(random, dimensions).map((value, i) => value + (side[i] as number)))
    page.recentre(vectors)
    vectors.forEach((vector, slot) => {
      page.sketch(slot, vector, 0)
    })
    const query = vectorOf(random, dimensions).map((value, i) => value + (side[i] as number))
    const sums = tables(query, layout.words)
    const errors = vectors.map((vector, slot) => {
      const sum = sumOf(sums, page.words, slot * layout.words, layout.words)
      const estimate = dot(page.centre, query) + (page.shift[slot] as number) + (page.scale[slot] as number) * sum
      return (estimate - dot(vector, query)) / Math.sqrt(dot(vector, vector) * dot(query, query))
    })
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.1)
    expect(Math.abs(errors.reduce((sum, error) => sum + error, 0) / errors.length)).toBeLessThan(0.005)
  })
})

describe('the best', () => {
  it('are the highest scores, of equal ones the lower rows, in whatever order they come', () => {
    const offers = fc.uniqueArray(fc.record({ row: fc.nat(1000), score: fc.integer({ min: 0, max: 20 }) }), { selector: ({ row }) => row })
    fc.assert(
      fc.property(offers, fc.integer({ min: 1, max: 30 }), (all, capacity) => {
        const best = new Best(capacity)
        for (const { score, row } of all) best.offer(score, row)
        const expected = all.toSorted((a, b) => b.score - a.score || a.row - b.row).slice(0, capacity)
        expect(best.sorted()).toEqual(expected.map(({ score, row }) => ({ score, row })))
        expect([...best.rows()]).toEqual(expected.map(({ row }) => row).sort((a, b) => a - b))
      }),
    )
  })
})
