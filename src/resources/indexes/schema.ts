import { z } from 'zod'

export const SearchMode = z
  .enum(['vector', 'fts', 'hybrid'])
  .describe(
    '`fts`: by words. `vector`: by meaning. `hybrid`: both, fused by reciprocal rank; by words alone where there are no embeddings, or their model does not answer.',
  )
export type SearchMode = z.output<typeof SearchMode>
