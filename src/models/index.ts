import { createWorkersAI } from 'workers-ai-provider'
import type { Config } from '../env'
import { AppError } from '../lib/errors'
import type { Model, ModelCatalog } from '../runtime/model'
import { adapt } from './adapter'
import { describeModel } from './describe'
import { type Access, type Spoken, speak } from './dialects'
import { isOpenAI, parseHandle } from './providers'
import { scriptedHandle, scriptedModel } from './scripted'

export { defaultModelSettings, describeModel, type ModelFacts } from './describe'
export { describeEmbedding } from './embedding'
export { type EmbeddingRow, listEmbeddingModels, listModels, type ModelRow } from './list'

/** Where the catalog's providers come from and how they reach the network. */
interface Setup {
  config: Config
  ai: Ai | undefined
  fetch: typeof fetch | undefined
}

/** The protocol, address and key of a configured provider; null when it has no address. */
function accessOf({ config }: Setup, prefix: string): Access | null {
  const local = { ollama: config.OLLAMA_BASE_URL, lmstudio: config.LMSTUDIO_BASE_URL, vllm: config.VLLM_BASE_URL }[prefix]
  switch (prefix) {
    case 'openai': {
      const protocol = isOpenAI(config) ? 'openai' : 'compatible'
      return { protocol, base_url: config.OPENAI_BASE_URL, api_key: config.OPENAI_API_KEY ?? null }
    }
    case 'anthropic':
      return { protocol: 'anthropic', base_url: config.ANTHROPIC_BASE_URL, api_key: config.ANTHROPIC_API_KEY ?? null }
    case 'google_ai':
      return { protocol: 'google_ai', base_url: config.GEMINI_BASE_URL, api_key: config.GEMINI_API_KEY ?? null }
    default:
      return local ? { protocol: 'compatible', base_url: local, api_key: null } : null
  }
}

function connect(setup: Setup, prefix: string, name: string): Spoken | null {
  if (prefix === 'workers-ai')
    return setup.ai ? { dialect: 'workers-ai', language: createWorkersAI({ binding: setup.ai }).chat(name) } : null
  const access = accessOf(setup, prefix)
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
