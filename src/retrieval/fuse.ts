/** The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). */
export const rankConstant = 60

/**
 * What a place by meaning weighs beside one by words that holds all of the query. A passage that holds half of the words weighs as much:
 * few common words say little, and then the meaning decides. Chosen by `npm run bench:retrieval`; see docs/decisions/0012.
 */
const meaningWeight = 0.5

/** How something was found: its place in each ranking, from 1, null where it is not in it, and the fused score. */
export interface Fused {
  id: string
  fts_rank: number | null
  vector_rank: number | null
  rrf_score: number
}

const share = (rank: number | null): number => (rank === null ? 0 : 1 / (rankConstant + rank))

const places = (ids: readonly string[]): Map<string, number> => new Map(ids.map((id, i) => [id, i + 1]))

/**
 * Two rankings as one, by reciprocal ranks: 1 / (60 + place) each, that by words times the share of the query that is `held`, that by meaning
 * times one half. A ranking that was not made is null, and the other counts in full. Ties are in the order of the words.
 */
export function fuse(words: readonly { id: string; held: number }[] | null, meanings: readonly string[] | null, limit: number): Fused[] {
  const fts = places((words ?? []).map(({ id }) => id))
  const vector = places(meanings ?? [])
  const held = new Map((words ?? []).map((hit) => [hit.id, meanings === null ? 1 : hit.held]))
  const weight = words === null ? 1 : meaningWeight
  return [...new Set([...fts.keys(), ...vector.keys()])]
    .map((id) => {
      const [fts_rank, vector_rank] = [fts.get(id) ?? null, vector.get(id) ?? null]
      return { id, fts_rank, vector_rank, rrf_score: (held.get(id) ?? 0) * share(fts_rank) + weight * share(vector_rank) }
    })
    .sort((a, b) => b.rrf_score - a.rrf_score)
    .slice(0, limit)
}
