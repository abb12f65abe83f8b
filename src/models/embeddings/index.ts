import type { Config } from '../../env'
import { AppError } from '../../lib/errors'
import type { sleep } from '../../lib/time'
import type { EmbeddingCatalog, EmbeddingModel } from '../../retrieval/ports'
import { accessOf } from '../access'
import { endpointOf, type OwnProvider, protocolOf } from '../own'
import { type Provider, providers, splitHandle } from '../providers'
import { adaptEmbedding } from './adapter'
import { rememberingQueries } from './cache'
import { embeddingMissing, embeddingOf, unknownEmbedding } from './describe'
import { type SpokenEmbedding, speakEmbedding, speakWorkersEmbedding } from './dialects'
import { knownEmbedding } from './known'

export { defaultEmbedding, describeEmbedding } from './describe'

interface Options {
  fetch?: typeof fetch
  /** How the pauses between tries are waited for. */
  sleep?: typeof sleep
}

function connect(provider: Provider, name: string, config: Config, ai: Ai | undefined, { fetch }: Options): SpokenEmbedding | null {
  if (embeddingMissing(provider, config, ai) !== null) return null
  if (provider.prefix === 'workers-ai') return ai ? speakWorkersEmbedding(ai, name) : null
  const access = accessOf(config, provider.prefix)
  return access && speakEmbedding({ ...access, fetch }, name)
}

/**
 * The embedding models that a deployment can call, by handle. Looking one up throws an AppError: `not_found` for an unknown provider or
 * built-in model, `bad_request` for a malformed handle or when its provider is not set up, naming what to set. Requests are split, made up
 * to three times while their failure may pass, and ended after MODEL_TIMEOUT_SECONDS of silence.
 */
export function embeddingCatalog(config: Config, ai?: Ai, options: Options = {}): EmbeddingCatalog {
  const found = new Map<string, EmbeddingModel>()
  const open = (handle: string): EmbeddingModel => {
    const { prefix, name } = splitHandle(handle)
    const provider = providers.get(prefix)
    const known = provider ? embeddingOf(provider, name) : null
    if (!provider || (prefix === 'loci' && !known)) throw unknownEmbedding(handle)
    const spoken = connect(provider, name, config, ai, options)
    if (!spoken) {
      throw new AppError('bad_request', `Embedding model '${handle}' cannot be used: ${embeddingMissing(provider, config, ai)}`)
    }
    const endpoint = accessOf(config, prefix)?.base_url ?? null
    const timeoutMs = config.MODEL_TIMEOUT_SECONDS * 1000
    const { sleep } = options
    return rememberingQueries(
      adaptEmbedding(spoken, { handle, name, endpoint, known, timeoutMs, ...(sleep ? { sleep } : {}) }),
      `${endpoint}`,
    )
  }
  return (handle) => {
    const model = found.get(handle) ?? open(handle)
    found.set(handle, model)
    return model
  }
}

/**
 * An embedding model that is called with an organization's own key. The key is in no error that it throws. `dimensions` is what is stored
 * of the model, for one whose name tells nothing. Throws a `bad_request` for a provider that has no embedding models.
 */
export function ownEmbedding(
  handle: string,
  provider: OwnProvider & { api_key: string | null },
  options: { dimensions: number | null; timeoutMs: number; fetch: typeof fetch; sleep?: typeof sleep },
): EmbeddingModel {
  const { name } = splitHandle(handle)
  const { api_key } = provider
  const { dimensions, timeoutMs, fetch, ...pauses } = options
  const endpoint = endpointOf(provider)
  const spoken = speakEmbedding({ protocol: protocolOf(provider), base_url: endpoint, api_key, fetch }, name)
  if (!spoken) throw new AppError('bad_request', `Embedding model '${handle}' cannot be used: Anthropic has no embedding models.`)
  const target = { handle, name, endpoint, known: knownEmbedding(name), dimensions, timeoutMs, secret: api_key, ...pauses }
  return rememberingQueries(adaptEmbedding(spoken, target), `${provider.id} ${endpoint}`)
}
