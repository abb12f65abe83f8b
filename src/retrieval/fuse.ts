/** The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). */
export const rankConstant = 60

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
 * Two rankings as one: what stands higher in either comes first. Ties are in the order of the words' ranking, then of the vectors'.
 * A ranking that could not be made is null and counts nothing.
 */
export function fuse(words: readonly string[] | null, meanings: readonly string[] | null, limit: number): Fused[] {
  const [fts, vector] = [places(words ?? []), places(meanings ?? [])]
  return [...new Set([...fts.keys(), ...vector.keys()])]
    .map((id) => {
      const [fts_rank, vector_rank] = [fts.get(id) ?? null, vector.get(id) ?? null]
      return { id, fts_rank, vector_rank, rrf_score: share(fts_rank) + share(vector_rank) }
    })
    .sort((a, b) => b.rrf_score - a.rrf_score)
    .slice(0, limit)
}
