import type { Json } from '../../db/columns'
import { configOf, type Env } from '../../env'
import { AppError } from '../../lib/errors'
import { describeEmbedding } from '../../models'
import { isBaseHandle, providers } from '../../models/providers'
import { describeOwnEmbedding } from '../providers/models'
import { defaultModels } from './models'

/** The embedding model of an archive or a folder, as it is stored; null when texts are searched by words alone. */
export interface StoredEmbedding {
  embedding: string | null
  embedding_config: Json | null
}

export interface EmbeddingInput {
  embedding?: string | null | undefined
  embedding_config?: Json | null | undefined
}

/** The handle that a configuration names, by `handle` or by the kind of its endpoint and the model; null when it names none. */
function handleOf(config: Json): string | null {
  if (typeof config.handle === 'string') return config.handle
  const { embedding_endpoint_type: type, embedding_model: model } = config
  return typeof type === 'string' && typeof model === 'string' && providers.has(type) ? `${type}/${model}` : null
}

/** Letta's `EmbeddingConfig` of a handle. Throws `not_found` for an unknown one. */
export async function describe(env: Env, organization_id: string, handle: string): Promise<Json | null> {
  const config = configOf(env)
  return isBaseHandle(handle) ? describeEmbedding(handle, config) : describeOwnEmbedding(env.DB, organization_id, handle)
}

/**
 * What a new archive or folder is embedded with: what was sent, else the deployment's default. Throws `not_found` for an unknown handle, and
 * `invalid` for dimensions that no vector has.
 */
export async function embeddingOf(env: Env, organization_id: string, input: EmbeddingInput): Promise<StoredEmbedding> {
  const sent = input.embedding_config
  if (sent && Object.keys(sent).length > 0) {
    const dimensions = sent.embedding_dim
    if (dimensions != null && !(Number.isInteger(dimensions) && (dimensions as number) > 0))
      throw new AppError('invalid', 'embedding_config.embedding_dim: must be a positive integer')
    return { embedding: input.embedding ?? handleOf(sent), embedding_config: sent }
  }
  const embedding = input.embedding ?? defaultModels(env)[0] ?? null
  return { embedding, embedding_config: embedding === null ? null : await describe(env, organization_id, embedding) }
}

/** Refuses another model than the one that vectors are kept of: vectors of different models cannot be compared. */
export function assertSameModel(stored: StoredEmbedding, input: EmbeddingInput, path: string): void {
  const asked = input.embedding ?? (input.embedding_config ? handleOf(input.embedding_config) : null)
  const dimensions = input.embedding_config?.embedding_dim
  const before = stored.embedding_config?.embedding_dim
  const other = (asked !== null && asked !== stored.embedding) || (dimensions != null && before != null && dimensions !== before)
  if (!other) return
  const is =
    stored.embedding === null ? 'has no embedding model' : `is embedded with '${stored.embedding}' (${before ?? 'unknown'} dimensions)`
  throw new AppError(
    'conflict',
    `This ${is}, and vectors of different models are not mixed. To embed all of it anew, send POST ${path}/reindex with {"embedding": "<handle>"}.`,
    { code: 'embedding_mismatch' },
  )
}
