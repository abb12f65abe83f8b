import { z } from 'zod'
import { queryList, queryText } from '../../lib/query'

const text = () => z.string().nullable()

/** A language model that agents can use. */
export const Model = z
  .object({
    handle: z.string().meta({ example: 'loci/scripted' }),
    name: z.string(),
    display_name: z.string(),
    provider_type: z.string(),
    provider_name: z.string(),
    provider_category: z.string(),
    model_type: z.literal('llm'),
    max_context_window: z.int(),
    model: z.string().describe('Deprecated, as are the fields below.'),
    model_endpoint_type: z.string(),
    model_endpoint: text(),
    model_wrapper: text(),
    context_window: z.int(),
    max_tokens: z.int().nullable(),
    enable_reasoner: z.boolean(),
    max_reasoning_tokens: z.int(),
    reasoning_effort: text(),
    temperature: z.number(),
    parallel_tool_calls: z.boolean(),
    put_inner_thoughts_in_kwargs: z.boolean(),
  })
  .meta({ id: 'Model' })
export type Model = z.output<typeof Model>

/** An embedding model that agents can use. */
export const EmbeddingModel = z
  .object({
    handle: z.string(),
    name: z.string(),
    display_name: z.string(),
    provider_type: z.string(),
    provider_name: z.string(),
    model_type: z.literal('embedding'),
    embedding_dim: z.int(),
    embedding_endpoint_type: z.string(),
    embedding_endpoint: text(),
    embedding_model: z.string(),
    embedding_chunk_size: z.int(),
    batch_size: z.int(),
  })
  .meta({ id: 'EmbeddingModel' })
export type EmbeddingModel = z.output<typeof EmbeddingModel>

export const ModelQuery = z.object({
  provider_category: queryList(
    z.string(),
    'Only models of these categories: `base` for the providers of the server, `byok` for those that the organization brought.',
  ),
  provider_name: queryText('Only models of this provider.'),
  provider_type: queryText('Only models of providers of this type.'),
})
export type ModelQuery = z.output<typeof ModelQuery>
