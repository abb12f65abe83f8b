/**
 * What a person typed as an FTS5 query: every word quoted, so that no character has a meaning, and any of them enough. Null when there
 * is no word in it.
 */
export function matchQuery(text: string): string | null {
  const words = text.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? []
  return words.length > 0 ? [...new Set(words)].map((word) => `"${word}"`).join(' OR ') : null
}

/** A text as one phrase of an FTS5 query, in which no character has a meaning. */
export const phrase = (text: string): string => `"${text.replaceAll('"', '""')}"`
