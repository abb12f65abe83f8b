import type { Config } from '../env'
import { contextWindowCap, defaultMaxOutputTokens } from './known'
import { knownModel, parseHandle, providers } from './providers'

/** What is known of a model before it is ever called: the source of an agent's `llm_config`. */
export interface ModelFacts {
  handle: string
  provider_name: string
  provider_type: string
  /** `byok`: a provider that the organization brought its own key for. */
  provider_category: 'base' | 'byok'
  /** The provider's own name of the model. */
  name: string
  endpoint: string | null
  endpoint_type: string
  /** Tokens: the model's own window, but not more than an agent gets by default. */
  context_window: number
  /** Tokens: the window the model really has. */
  max_context_window: number
  max_output_tokens: number
  reasoning: boolean
}

/**
 * Facts about the model of a handle; no key is needed and no server is asked. Throws an AppError: `bad_request` for a
 * malformed handle, `not_found` for an unknown provider.
 */
export function describeModel(handle: string, config: Config): ModelFacts {
  const { provider, name } = parseHandle(handle, config)
  const known = knownModel(provider.prefix, name)
  return {
    handle,
    provider_name: provider.prefix,
    provider_type: provider.provider_type,
    provider_category: 'base',
    name,
    endpoint: provider.endpoint(config),
    endpoint_type: provider.endpoint_type,
    context_window: Math.min(known.context_window, contextWindowCap),
    max_context_window: known.context_window,
    max_output_tokens: known.max_output_tokens,
    reasoning: known.reasoning,
  }
}

/**
 * The `model_settings` of an agent that set none. The shape follows `provider_type`: `anthropic`, `google_ai`, and `openai`
 * for everything that speaks OpenAI's protocol. `endpointType` tells what a provider speaks that is none of the deployment's;
 * without it, such a one counts as `openai`.
 */
export function defaultModelSettings(handle: string, endpointType?: unknown): Record<string, unknown> {
  const slash = handle.indexOf('/')
  const provider = providers.get(handle.slice(0, slash)) ?? (typeof endpointType === 'string' ? providers.get(endpointType) : undefined)
  const model = provider ? knownModel(provider.prefix, handle.slice(slash + 1)) : null
  const common = { max_output_tokens: model?.max_output_tokens ?? defaultMaxOutputTokens, parallel_tool_calls: true, temperature: 1.0 }
  if (provider?.settings === 'anthropic') {
    const thinking = { type: model?.reasoning ? 'enabled' : 'disabled', budget_tokens: 1024 }
    return { ...common, provider_type: 'anthropic', thinking, response_format: null, verbosity: null, effort: null, strict: false }
  }
  if (provider?.settings === 'google_ai') {
    return {
      ...common,
      provider_type: 'google_ai',
      thinking_config: { include_thoughts: true, thinking_budget: 1024 },
      response_schema: null,
    }
  }
  const reasoning_effort = !(provider?.prefix === 'openai' && model?.reasoning)
    ? 'minimal'
    : model.name.includes('-pro')
      ? 'high'
      : 'medium'
  return { ...common, provider_type: 'openai', reasoning: { reasoning_effort }, response_format: null, strict: false }
}
