import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchQuery, scopedMatch } from '../../src/db/fts'

describe('a query by words', () => {
  it.each([
    ['green elephant', '"green" OR "elephant"'],
    ['green OR NEAR(elephant)', '"green" OR "NEAR" OR "elephant"'],
    ['migrat*', '"migrat" *'],
    ['"new york" hotel', '"new york" OR "hotel"'],
    ['who is the walrus', '"walrus"'],
    ['to be or not to be', '"to" OR "be" OR "or" OR "not"'],
    ['"to be or not to be"', '"to be or not to be"'],
    ['the*', '"the" *'],
    ['naïve 東京 42', '"naïve" OR "東京" OR "42"'],
    ['error-code: E_17/b', '"error" OR "code" OR "E" OR "17" OR "b"'],
    ['a "quote that never ends', '"quote" OR "never" OR "ends"'],
  ])('%s asks for %s', (text, query) => {
    expect(matchQuery(text)).toBe(query)
  })

  it.each(['', ' ', '?!… 🐘', '""', '*'])('%j asks for nothing', (text) => {
    expect(matchQuery(text)).toBeNull()
    expect(scopedMatch(['org-1'], text)).toBeNull()
  })

  it('is made of quoted words, OR and stars only, whatever was typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const query = matchQuery(text)
        if (query !== null) expect(query).toMatch(/^"[\p{L}\p{N}\p{M}\p{Co} ]+"( \*)?( OR "[\p{L}\p{N}\p{M}\p{Co} ]+"( \*)?)*$/u)
      }),
    )
  })

  it('may be confined to scopes, whose ids are words of their own', () => {
    expect(scopedMatch(['archive-1-2', 'source-3'], 'tea')).toBe('scope : ("archive12" OR "source3") AND text : ("tea")')
  })
})
