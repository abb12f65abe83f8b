import { describe, expect, it } from 'vitest'
import { compare, holds, measure, type Searcher, tableOf } from '../../bench/retrieval/compare'
import { judgedSet, kinds, type Query } from '../../bench/retrieval/set'

describe('the judged set', () => {
  const { corpus, queries } = judgedSet()

  it('has passages that differ, each with an id of its own', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(600)
    expect(new Set(corpus.map(({ id }) => id)).size).toBe(corpus.length)
    expect(new Set(corpus.map(({ text }) => text.toLowerCase())).size).toBe(corpus.length)
    expect(corpus.every(({ text }) => text === text.trim() && text !== '')).toBe(true)
  })

  it('has queries that differ, each with an answer, judged on passages that are there', () => {
    const ids = new Set(corpus.map(({ id }) => id))
    expect(new Set(queries.map(({ id }) => id)).size).toBe(queries.length)
    expect(new Set(queries.map(({ query }) => query)).size).toBe(queries.length)
    for (const { id, judged } of queries) {
      expect(
        Object.keys(judged).filter((passage) => !ids.has(passage)),
        id,
      ).toEqual([])
      expect(
        Object.values(judged).every((grade) => grade === 1 || grade === 2),
        id,
      ).toBe(true)
      expect(Object.values(judged), id).toContain(2)
    }
  })

  it.each(kinds)('has 15 queries of the kind %s to choose with and 30 to report', (kind) => {
    const count = (split: Query['split']) => queries.filter((query) => query.kind === kind && query.split === split).length
    expect([count('dev'), count('test')]).toEqual([15, 30])
  })
})

describe('the comparison', () => {
  const queries = kinds.map((kind, i): Query => ({ id: kind, kind, split: 'test', query: kind, judged: { [`answer-${i}`]: 2 } }))
  const knows =
    (...known: number[]): Searcher =>
    async (query) => {
      const place = queries.findIndex((each) => each.query === query)
      return known.includes(place) ? [`answer-${place}`] : ['wrong', `answer-${place}`].slice(0, place === 3 ? 2 : 1)
    }
  const rows = async (hybrid: Searcher) =>
    compare(
      { vector: await measure(knows(0, 1), queries), text: await measure(knows(1), queries), hybrid: await measure(hybrid, queries) },
      queries,
      'test',
    )

  it('has a row for every measure of every kind and of all, against the better single one', async () => {
    const made = await rows(knows(0, 1, 2))
    expect(made).toHaveLength(5 * 3)
    expect(made.find(({ kind, measure }) => kind === 'all' && measure === 'recall@5')).toMatchObject({
      queries: 4,
      means: { vector: 0.75, text: 0.5, hybrid: 1 },
      single: 'vector',
      gain: { mean: 0.25 },
    })
    expect(tableOf(made).at(-3)).toMatch(/^all +4 {2}recall@5 +75\.0 +50\.0 +100\.0 {2}\+25\.0 \[/)
  })

  it('holds when hybrid search is on average as good as the better single one, and not when it is worse', async () => {
    expect(holds(await rows(knows(0, 1, 2)))).toBe(true)
    expect(holds(await rows(knows(0, 1)))).toBe(true)
    expect(holds(await rows(knows(1)))).toBe(false)
  })

  it('asks each query once, ten deep', async () => {
    const asked: [string, number][] = []
    await measure(async (query, limit) => {
      asked.push([query, limit])
      return []
    }, queries)
    expect(asked).toEqual(queries.map(({ query }) => [query, 10]))
  })
})
