import type { Config } from '../env'
import { AppError } from '../lib/errors'
import { contextWindowCap, defaultMaxOutputTokens, type KnownModel, knownModels } from './known'

/** A source of language models: what stands before the first slash of a handle. */
export interface Provider {
  prefix: string
  /** Letta's `provider_type`; the built-in models carry the type of the server itself. */
  provider_type: string
  /** Letta's `model_endpoint_type`. */
  endpoint_type: string
  /** Which shape of `model_settings` its agents have. */
  settings: 'openai' | 'anthropic' | 'google_ai'
  /** Base URL, null when there is none. */
  endpoint(config: Config): string | null
  /** What must be set before it can be used; null when it is ready. */
  missing(config: Config, ai?: Ai): string | null
}

const needs = (variable: string, handles: string) => `Set ${variable} to use models ${handles}.`

/** True for an address of OpenAI itself rather than of a server that speaks the same protocol. */
export function isOpenAIUrl(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  return host === 'api.openai.com' || host.endsWith('.api.openai.com')
}

export const isOpenAI = (config: Config): boolean => isOpenAIUrl(config.OPENAI_BASE_URL)

type LocalVariable = 'OLLAMA_BASE_URL' | 'LMSTUDIO_BASE_URL' | 'VLLM_BASE_URL'

const local = (prefix: string, variable: LocalVariable, provider_type: string, endpoint_type: string): Provider => ({
  prefix,
  provider_type,
  endpoint_type,
  settings: 'openai',
  endpoint: (config) => config[variable] ?? null,
  missing: (config) => (config[variable] ? null : needs(variable, `\`${prefix}/…\``)),
})

const all: Provider[] = [
  { prefix: 'loci', provider_type: 'letta', endpoint_type: 'openai', settings: 'openai', endpoint: () => null, missing: () => null },
  {
    prefix: 'openai',
    provider_type: 'openai',
    endpoint_type: 'openai',
    settings: 'openai',
    endpoint: (config) => config.OPENAI_BASE_URL,
    missing: (config) => (config.OPENAI_API_KEY || !isOpenAI(config) ? null : needs('OPENAI_API_KEY', '`openai/…`')),
  },
  {
    prefix: 'anthropic',
    provider_type: 'anthropic',
    endpoint_type: 'anthropic',
    settings: 'anthropic',
    endpoint: (config) => config.ANTHROPIC_BASE_URL,
    missing: (config) => (config.ANTHROPIC_API_KEY ? null : needs('ANTHROPIC_API_KEY', '`anthropic/…`')),
  },
  {
    prefix: 'google_ai',
    provider_type: 'google_ai',
    endpoint_type: 'google_ai',
    settings: 'google_ai',
    endpoint: (config) => config.GEMINI_BASE_URL,
    missing: (config) => (config.GEMINI_API_KEY ? null : needs('GEMINI_API_KEY', '`google_ai/…`')),
  },
  local('ollama', 'OLLAMA_BASE_URL', 'ollama', 'ollama'),
  local('lmstudio', 'LMSTUDIO_BASE_URL', 'lmstudio_openai', 'lmstudio'),
  local('vllm', 'VLLM_BASE_URL', 'vllm', 'vllm'),
  {
    prefix: 'workers-ai',
    provider_type: 'openai',
    endpoint_type: 'openai',
    settings: 'openai',
    endpoint: () => null,
    missing: (_config, ai) =>
      ai ? null : 'Bind Workers AI as `AI` (`[ai]` in wrangler.toml, deployed Workers only) to use models `workers-ai/…`.',
  },
]

/** Providers by prefix, in the order in which their models are listed. */
export const providers: ReadonlyMap<string, Provider> = new Map(all.map((provider) => [provider.prefix, provider]))

/** Well-known models that a provider serves at its configured endpoint. */
export function servedModels(provider: Provider, config: Config): KnownModel[] {
  if (provider.prefix === 'openai' && !isOpenAI(config)) return config.OPENAI_MODELS.map((name) => knownModel(provider.prefix, name))
  return knownModels[provider.prefix] ?? []
}

/** Facts about a model of the provider `of` by its name, also when it is a dated version of a known one; otherwise modest guesses. */
export function knownModel(of: string, name: string): KnownModel {
  const known = knownModels[of] ?? []
  const found =
    known.find((model) => model.name === name) ?? known.find((model) => name.replace(/-(latest|\d[\d-]{7,})$/, '') === model.name)
  if (found) return { ...found, name, display_name: found.name === name ? found.display_name : name }
  return { name, display_name: name, context_window: contextWindowCap, max_output_tokens: defaultMaxOutputTokens, reasoning: reasons(name) }
}

/** True for names of families that think before they answer. */
export function reasons(name: string): boolean {
  const last = name.split('/').at(-1) ?? name
  if (/^gpt-[5-9].*-chat/.test(last)) return false
  return /^(gpt-[5-9]|gpt-oss|o[1-9](-|$)|claude-(opus|sonnet|haiku|fable)-[4-9]|claude-3-7|gemini-(2\.5|[3-9]))/.test(last)
}

/** True for a handle of the deployment's own providers, whether or not they are set up. */
export const isBaseHandle = (handle: string): boolean => providers.has(handle.split('/')[0] ?? '')

/** Handles that can be used as the deployment is configured, without asking any server. */
export const usableHandles = (config: Config, ai?: Ai): string[] =>
  all.flatMap((provider) =>
    provider.missing(config, ai) ? [] : servedModels(provider, config).map((model) => `${provider.prefix}/${model.name}`),
  )

/** What stands before and after the first slash of a handle. Throws a `bad_request` when there is nothing. */
export function splitHandle(handle: string): { prefix: string; name: string } {
  const slash = handle.indexOf('/')
  if (slash < 1 || slash === handle.length - 1) {
    throw new AppError('bad_request', `Model handle '${handle}' is not of the form provider/model, for example openai/gpt-4o-mini.`)
  }
  return { prefix: handle.slice(0, slash), name: handle.slice(slash + 1) }
}

/** The failure for a handle that names no model; `usable` are those that would. */
export const unknownHandle = (handle: string, usable: readonly string[]): AppError =>
  new AppError('not_found', `NOT_FOUND: Handle ${handle} not found, must be one of [${usable.map((one) => `'${one}'`).join(', ')}]`)

/**
 * The provider and the provider's own name of the model in a handle such as `openai/gpt-4o`. Throws an AppError: `bad_request`
 * without a slash, `not_found` for an unknown provider or built-in model.
 */
export function parseHandle(handle: string, config: Config, ai?: Ai): { provider: Provider; name: string } {
  const { prefix, name } = splitHandle(handle)
  const provider = providers.get(prefix)
  if (!provider || (provider.prefix === 'loci' && name !== 'scripted')) throw unknownHandle(handle, usableHandles(config, ai))
  return { provider, name }
}
