import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4 } from '@ai-sdk/provider'
import { createWorkersAI } from 'workers-ai-provider'
import type { Config } from '../env'
import { AppError } from '../lib/errors'
import type { Model, ModelCatalog } from '../runtime/model'
import { adapt } from './adapter'
import type { Dialect } from './convert'
import { describeModel } from './describe'
import { isOpenAI, parseHandle, reasons } from './providers'
import { scriptedHandle, scriptedModel } from './scripted'
import { compatibleName } from './settings'

export { defaultModelSettings, describeModel, type ModelFacts } from './describe'
export { describeEmbedding } from './embedding'
export { type EmbeddingRow, listEmbeddingModels, listModels, type ModelRow } from './list'

/** Where the catalog's providers come from and how they reach the network. */
interface Setup {
  config: Config
  ai: Ai | undefined
  fetch: typeof fetch | undefined
}

interface Spoken {
  dialect: Dialect
  language: LanguageModelV4
}

const reach = ({ fetch }: Setup) => (fetch ? { fetch } : {})

function compatible(setup: Setup, baseURL: string, apiKey: string | undefined, name: string): Spoken {
  const provider = createOpenAICompatible({
    name: compatibleName,
    baseURL,
    ...(apiKey ? { apiKey } : {}),
    ...reach(setup),
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
  return { dialect: 'compatible', language: provider.chatModel(name) }
}

function openai(setup: Setup, name: string): Spoken {
  const { config } = setup
  if (!isOpenAI(config)) return compatible(setup, config.OPENAI_BASE_URL, config.OPENAI_API_KEY, name)
  const provider = createOpenAI({ baseURL: config.OPENAI_BASE_URL, apiKey: config.OPENAI_API_KEY ?? '', ...reach(setup) })
  return reasons(name)
    ? { dialect: 'openai-responses', language: provider.responses(name) }
    : { dialect: 'openai-chat', language: provider.chat(name) }
}

function connect(setup: Setup, prefix: string, name: string): Spoken | null {
  const { config, ai } = setup
  switch (prefix) {
    case 'openai':
      return openai(setup, name)
    case 'anthropic': {
      const provider = createAnthropic({ baseURL: config.ANTHROPIC_BASE_URL, apiKey: config.ANTHROPIC_API_KEY ?? '', ...reach(setup) })
      return { dialect: 'anthropic', language: provider.languageModel(name) }
    }
    case 'google_ai': {
      const provider = createGoogle({ baseURL: config.GEMINI_BASE_URL, apiKey: config.GEMINI_API_KEY ?? '', ...reach(setup) })
      return { dialect: 'google', language: provider.languageModel(name) }
    }
    case 'workers-ai':
      return ai ? { dialect: 'workers-ai', language: createWorkersAI({ binding: ai }).chat(name) } : null
    default: {
      const baseURL = { ollama: config.OLLAMA_BASE_URL, lmstudio: config.LMSTUDIO_BASE_URL, vllm: config.VLLM_BASE_URL }[prefix]
      return baseURL ? compatible(setup, baseURL, undefined, name) : null
    }
  }
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
