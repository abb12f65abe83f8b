import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { EmbeddingModelV4, EmbeddingModelV4CallOptions } from '@ai-sdk/provider'
import { createWorkersAI } from 'workers-ai-provider'
import type { EmbeddingUse } from '../../retrieval/ports'
import type { Protocol } from '../brands'
import type { Access } from '../dialects'
import { compatibleName } from '../settings'
import { bareName, type KnownEmbedding } from './known'

/** How embeddings are asked for. */
export type EmbeddingDialect = Exclude<Protocol, 'anthropic'> | 'workers-ai'

/** An embedding model of the AI SDK, and which dialect it is asked in. */
export interface SpokenEmbedding {
  dialect: EmbeddingDialect
  model: EmbeddingModelV4
}

/** An embedding model of a provider by the provider's own name; null for Anthropic, which has none. */
export function speakEmbedding({ protocol, base_url: baseURL, api_key, fetch }: Access, name: string): SpokenEmbedding | null {
  const reach = fetch ? { fetch } : {}
  const apiKey = api_key ?? ''
  switch (protocol) {
    case 'openai':
      return { dialect: protocol, model: createOpenAI({ baseURL, apiKey, ...reach }).embeddingModel(name) }
    case 'google_ai':
      return { dialect: protocol, model: createGoogle({ baseURL, apiKey, ...reach }).embeddingModel(name) }
    case 'compatible': {
      const provider = createOpenAICompatible({ name: compatibleName, baseURL, ...(apiKey ? { apiKey } : {}), ...reach })
      return { dialect: protocol, model: provider.embeddingModel(name) }
    }
    default:
      return null
  }
}

/** What Workers AI's models want besides the text: BGE was trained with `cls` pooling, and M3 refuses long texts unless told to cut them. */
function workersInput(name: string): Record<string, unknown> {
  const bare = bareName(name)
  if (bare === 'bge-m3') return { truncate_inputs: true }
  return /^bge-(small|base|large)-en/.test(bare) ? { pooling: 'cls' } : {}
}

/** An embedding model of Workers AI. */
export function speakWorkersEmbedding(ai: Ai, name: string): SpokenEmbedding {
  // The provider has no way to add to a model's input.
  const run = (model: string, input: Record<string, unknown>, options: unknown) =>
    Reflect.apply(ai.run, ai, [model, { ...input, ...workersInput(name) }, options])
  return { dialect: 'workers-ai', model: createWorkersAI({ binding: { run } as unknown as Ai }).embedding(name) }
}

/** Settings of a request: shorter vectors where the model has more than an index takes, and what Gemini's models want to know of the texts. */
export function embeddingOptions(
  dialect: EmbeddingDialect,
  name: string,
  known: KnownEmbedding | null,
  use: EmbeddingUse,
): Pick<EmbeddingModelV4CallOptions, 'dimensions' | 'providerOptions'> {
  // Other servers than OpenAI's may refuse to be asked: their vectors are cut here.
  const shorter = known && known.full_dimensions > known.dimensions && (dialect === 'openai' || dialect === 'google_ai')
  const typed = dialect === 'google_ai' && !bareName(name).startsWith('gemini-embedding-2')
  return {
    ...(shorter ? { dimensions: known.dimensions } : {}),
    ...(typed ? { providerOptions: { google: { taskType: use === 'query' ? 'RETRIEVAL_QUERY' : 'RETRIEVAL_DOCUMENT' } } } : {}),
  }
}
