/** Words that stand in almost every English text and say nothing about it. */
const stopWords = new Set(
  (
    'a about after again all also am an and any are as at be because been before being but by can could did do does doing for from had has have having he her ' +
    'here hers him his how i if in into is it its just me more most my no nor not of on once only or other our out over own same she should so some such than ' +
    'that the their them then there these they this those through to too under until up very was we were what when where which while who whom why will with ' +
    'would you your'
  ).split(' '),
)

/** Most words and phrases of one query. */
const termsMost = 64

const wordPattern = /[\p{L}\p{N}\p{M}\p{Co}]+/gu
/** A phrase in double quotes, or a run of characters without spaces. */
const termPattern = /"([^"]*)"|[^\s"]+/gu

interface Term {
  match: string
  stop: boolean
}

/** What one piece of a query asks for: a phrase, the beginning of a word (`word*`), or words. */
function termsOf([whole, quoted]: RegExpMatchArray): Term[] {
  const words = (quoted ?? whole).match(wordPattern) ?? []
  if (words.length === 0) return []
  if (quoted !== undefined) return [{ match: `"${words.join(' ')}"`, stop: words.every((word) => stopWords.has(word.toLowerCase())) }]
  const prefix = whole.endsWith('*')
  return words.map((word, i) => {
    const begins = prefix && i === words.length - 1
    return { match: `"${word}"${begins ? ' *' : ''}`, stop: !begins && stopWords.has(word.toLowerCase()) }
  })
}

/**
 * The parts of what a person typed, each an FTS5 query of its own: words, "phrases in quotes" and beginnings of words (`word*`). Words that say
 * nothing are left out unless there are no others; no other character has a meaning.
 */
export function queryTerms(text: string): string[] {
  const terms = [...text.matchAll(termPattern)].flatMap(termsOf)
  const telling = terms.filter(({ stop }) => !stop)
  return [...new Set((telling.length > 0 ? telling : terms).map(({ match }) => match))].slice(0, termsMost)
}

/** The same as one query of which any part is enough; null when there is no word in it. */
export const matchQuery = (text: string): string | null => queryTerms(text).join(' OR ') || null

/**
 * The same, of texts within any of some scopes: an organization, archives, folders or an agent, by their ids. The indexes of passages and messages hold these ids
 * as words, so that entries of others are not even looked at.
 */
export function scopedMatch(scopeIds: readonly string[], text: string): string | null {
  const words = matchQuery(text)
  const scopes = scopeIds.map((id) => `"${id.replaceAll('-', '')}"`).join(' OR ')
  return words && `scope : (${scopes}) AND text : (${words})`
}

/** Something that was found by its words: how much of the query it holds, from above 0 to 1; 1 where that was not asked for. */
export interface WordHit {
  id: string
  held: number
}

/** A search by words. `ranked` is SQL whose rows have the columns id, row (of the index) and rank. */
export interface WordSearch {
  index: string
  ranked: string
  values: unknown[]
  /** Parts of the query, and the columns of the index in which they are counted: null leaves them uncounted. */
  terms: string[] | null
  within: string
}

/** What is found by words, best first. Terms are counted through one more parameter after `values`. */
export async function foundByWords(d1: D1Database, { index, within, ranked, values, terms }: WordSearch): Promise<WordHit[]> {
  if (terms === null) {
    const { results } = await d1
      .prepare(`select found.id from (${ranked}) found order by found.rank`)
      .bind(...values)
      .all<{ id: string }>()
    return results.map(({ id }) => ({ id, held: 1 }))
  }
  const held = `select count(*) from json_each(?${values.length + 1}) term
    where exists (select 1 from ${index} entry where entry.${index} match term.value and entry.rowid = found.row)`
  const { results } = await d1
    .prepare(`select found.id, (${held}) as held from (${ranked}) found order by found.rank`)
    .bind(...values, JSON.stringify(terms.map((term) => `${within} : ${term}`)))
    .all<WordHit>()
  return results.map(({ id, held }) => ({ id, held: held / terms.length }))
}

/** A text as one phrase of an FTS5 query, in which no character has a meaning. */
export const phrase = (text: string): string => `"${text.replaceAll('"', '""')}"`
