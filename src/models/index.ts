import { createWorkersAI } from 'workers-ai-provider'
import type { Config } from '../env'
import { AppError } from '../lib/errors'
import type { Model, ModelCatalog } from '../runtime/model'
import { accessOf } from './access'
import { adapt } from './adapter'
import { describeModel } from './describe'
import { type Spoken, speak } from './dialects'
import { parseHandle } from './providers'
import { scriptedHandle, scriptedModel } from './scripted'

export { defaultModelSettings, describeModel, type ModelFacts } from './describe'
export { defaultEmbedding, describeEmbedding, embeddingCatalog } from './embeddings'
export { type EmbeddingRow, listEmbeddingModels, listModels, type ModelRow } from './list'

/** Where the catalog's providers come from and how they reach the network. */
interface Setup {
  config: Config
  ai: Ai | undefined
  fetch: typeof fetch | undefined
}

function connect(setup: Setup, prefix: string, name: string): Spoken | null {
  if (prefix === 'workers-ai')
    return setup.ai ? { dialect: 'workers-ai', language: createWorkersAI({ binding: setup.ai }).chat(name) } : null
  const access = accessOf(setup.config, prefix)
  return access && speak({ ...access, fetch: setup.fetch }, name)
}

/**
 * The language models that a deployment can call, by handle. Looking one up throws an AppError: `not_found` for an unknown
 * handle, `bad_request` for a malformed one or when its provider is not set up, naming what to set.
 */
export function modelCatalog(config: Config, ai?: Ai, options: { fetch?: typeof fetch } = {}): ModelCatalog {
  const setup: Setup = { config, ai, fetch: options.fetch }
  const found = new Map<string, Model>()
  const open = (handle: string): Model => {
    const { provider, name } = parseHandle(handle, config, ai)
    if (handle === scriptedHandle) return scriptedModel
    const spoken = provider.missing(config, ai) === null ? connect(setup, provider.prefix, name) : null
    if (!spoken) throw new AppError('bad_request', `Model '${handle}' cannot be used: ${provider.missing(config, ai)}`)
    const { provider_name, endpoint, context_window } = describeModel(handle, config)
    const timeoutMs = config.MODEL_TIMEOUT_SECONDS * 1000
    return adapt(spoken.language, { handle, name, provider_name, endpoint, context_window, timeoutMs, dialect: spoken.dialect })
  }
  return (handle) => {
    const model = found.get(handle) ?? open(handle)
    found.set(handle, model)
    return model
  }
}
