import { z } from 'zod'
import { queryFlag, queryText } from '../../lib/query'

export const SearchMode = z
  .enum(['vector', 'fts', 'hybrid'])
  .describe(
    '`fts`: by words. `vector`: by meaning. `hybrid`: both, fused by reciprocal rank; by words alone where there are no embeddings, or their model does not answer.',
  )
export type SearchMode = z.output<typeof SearchMode>

const count = (description: string) => z.int().describe(description)

/** How far the vectors of an archive, of a folder or of the messages are. */
export const IndexState = z
  .object({
    embedding: z.string().nullable().describe('Handle of the embedding model; null: texts are searched by words alone.'),
    dimensions: z.int().nullable(),
    metric: z.literal('cosine'),
    texts: count('Texts that there are.'),
    unqueued: count('Texts without a vector that nobody owes: those that were stored while there was no model. A rebuild embeds them.'),
    pending: count('Texts that are still to be embedded.'),
    embedded: count('Vectors that are still to be put into the index. They are searched directly, the newest 2000 of them.'),
    submitted: count('Vectors on their way into the index, searched directly too.'),
    indexed: count('Vectors in the index.'),
    failed: count('Texts that the model refused. A rebuild tries them again.'),
    deleted: count('Vectors of deleted texts that are still to be taken out of the index. They are never found.'),
    errors: z.array(z.object({ error: z.string(), count: z.int() })).describe('What went wrong, most frequent first.'),
    index: z
      .object({ bound: z.boolean(), vectors: z.int().nullable() })
      .describe('The index of these dimensions: whether this deployment has one, and the vectors in it, those of other organizations too.'),
    checked: z.int().nullable().describe('With `check=true`: vectors that were looked for in the index.'),
    missing: z.int().nullable().describe('With `check=true`: those of them that the index lacked. They are put in again.'),
  })
  .meta({ id: 'IndexState' })
export type IndexState = z.output<typeof IndexState>

export const IndexQuery = z.object({
  check: queryFlag('Look for vectors in the index: up to 1000, beginning after `after`.'),
  after: queryText('With `check=true`: the id after which to begin.'),
})

export const ReindexRequest = z
  .object({
    embedding: z
      .string()
      .regex(/^[^/\s]+\/\S/, "must be a handle '<provider>/<model>'")
      .nullish()
      .describe('Handle of another embedding model: all texts are embedded anew.'),
    re_embed: z.boolean().default(false).describe('Embed all texts anew with the same model too; else vectors that are there are kept.'),
  })
  .meta({ id: 'ReindexRequest' })
export type ReindexRequest = z.output<typeof ReindexRequest>
export const MessageReindexRequest = ReindexRequest.pick({ re_embed: true }).meta({ id: 'MessageReindexRequest' })
