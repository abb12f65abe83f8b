import type { Config } from '../env'
import { AppError } from '../lib/errors'
import { knownEmbeddings } from './known'
import { providers } from './providers'

const knownHandles = () => Object.entries(knownEmbeddings).flatMap(([prefix, models]) => models.map(({ name }) => `'${prefix}/${name}'`))

/**
 * Letta's `EmbeddingConfig` of a handle, or null for a model that nobody knows of a known provider; no key is needed and no server is asked.
 * Throws an AppError `not_found` for an unknown provider.
 */
export function describeEmbedding(handle: string, config: Config): Record<string, unknown> | null {
  const slash = handle.indexOf('/')
  const provider = providers.get(handle.slice(0, slash))
  if (!provider) throw new AppError('not_found', `NOT_FOUND: Handle ${handle} not found, must be one of [${knownHandles().join(', ')}]`)
  const known = knownEmbeddings[provider.prefix]?.find(({ name }) => name === handle.slice(slash + 1))
  if (!known) return null
  return {
    handle,
    embedding_model: known.name,
    embedding_dim: known.dimensions,
    embedding_endpoint_type: provider.endpoint_type,
    embedding_endpoint: provider.endpoint(config),
    embedding_chunk_size: 300,
    batch_size: known.batch_size,
    azure_endpoint: null,
    azure_version: null,
    azure_deployment: null,
  }
}
