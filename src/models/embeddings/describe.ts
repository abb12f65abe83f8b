import type { Config } from '../../env'
import { AppError } from '../../lib/errors'
import { type Provider, providers } from '../providers'
import { chunkSizeOf, type KnownEmbedding, knownEmbedding, knownEmbeddings } from './known'

/** Handle of the built-in model. */
export const localEmbedding = 'loci/use-lite'

const workersDefault = 'workers-ai/@cf/baai/bge-base-en-v1.5'

/** What must be set before the embedding models of a provider can be used; null when they can. */
export function embeddingMissing(provider: Provider, config: Config, ai?: Ai): string | null {
  if (provider.prefix === 'loci') {
    const where = 'Set LOCAL_EMBEDDER_URL to use the built-in embedding model; `npm start` and `npm run dev` run it and set the variable.'
    return config.LOCAL_EMBEDDER_URL ? null : where
  }
  return provider.settings === 'anthropic' ? 'Anthropic has no embedding models.' : provider.missing(config, ai)
}

/** What is known of the model of a provider by the provider's own name of it; null when its dimensions are not known. */
export function embeddingOf(provider: Provider, name: string): KnownEmbedding | null {
  const listed = knownEmbeddings[provider.prefix]?.find((model) => model.name === name)
  return listed ?? (provider.prefix === 'loci' || provider.settings === 'anthropic' ? null : knownEmbedding(name))
}

/** The failure for a handle whose provider or built-in model does not exist. */
export function unknownEmbedding(handle: string): AppError {
  const handles = Object.entries(knownEmbeddings).flatMap(([prefix, models]) => models.map(({ name }) => `'${prefix}/${name}'`))
  return new AppError('not_found', `NOT_FOUND: Handle ${handle} not found, must be one of [${handles.join(', ')}]`)
}

/**
 * The embedding model of archives and folders that name none: what DEFAULT_EMBEDDING says, else the built-in one where it runs, else a
 * small one of Workers AI where that is bound; null when there is none.
 */
export function defaultEmbedding(config: Config, ai?: Ai): string | null {
  if (config.DEFAULT_EMBEDDING) return config.DEFAULT_EMBEDDING === 'none' ? null : config.DEFAULT_EMBEDDING
  if (config.LOCAL_EMBEDDER_URL) return localEmbedding
  return ai ? workersDefault : null
}

/**
 * Letta's `EmbeddingConfig` of a handle, or null for a model that nobody knows of a known provider; no key is needed and no server is asked.
 * Throws an AppError `not_found` for an unknown provider.
 */
export function describeEmbedding(handle: string, config: Config): Record<string, unknown> | null {
  const slash = handle.indexOf('/')
  const provider = providers.get(handle.slice(0, slash))
  if (!provider) throw unknownEmbedding(handle)
  const known = embeddingOf(provider, handle.slice(slash + 1))
  if (!known) return null
  return {
    handle,
    embedding_model: known.name,
    embedding_dim: known.dimensions,
    embedding_endpoint_type: provider.endpoint_type,
    embedding_endpoint: provider.endpoint(config),
    embedding_chunk_size: chunkSizeOf(known.name),
    batch_size: known.batch_size,
    metric: 'cosine',
    azure_endpoint: null,
    azure_version: null,
    azure_deployment: null,
  }
}
