import { AppError } from '../lib/errors'
import type { Model } from '../runtime/model'
import { adapt } from './adapter'
import { type Brand, baseUrlOf, brands, brandTypes, type Protocol } from './brands'
import type { ModelFacts } from './describe'
import { speak } from './dialects'
import { contextWindowCap } from './known'
import { isOpenAIUrl, knownModel, splitHandle } from './providers'
import type { Surveyable } from './survey'

/** A provider that an organization brought its own key for. */
export interface OwnProvider {
  id: string
  name: string
  provider_type: string
  /** As it was given; null for the provider's own. */
  base_url: string | null
}

/** The kind of a provider. Throws a `bad_request` that lists the kinds there are. */
export function brandOf(type: string): Brand {
  const brand = brands.get(type)
  if (!brand) throw new AppError('bad_request', `provider_type '${type}' is not supported. Use one of ${brandTypes.join(', ')}.`)
  return brand
}

/** The base URL of a provider. Throws a `bad_request` when its kind has none and none is given. */
export function endpointOf(provider: Pick<OwnProvider, 'provider_type' | 'base_url'>): string {
  const base = baseUrlOf(brandOf(provider.provider_type), provider.base_url)
  if (base === null) throw new AppError('bad_request', `base_url: is required for provider_type '${provider.provider_type}'.`)
  return base
}

/** What a provider speaks: another server than OpenAI's own has chat completions only. */
export function protocolOf(provider: Pick<OwnProvider, 'provider_type' | 'base_url'>): Protocol {
  const { protocol } = brandOf(provider.provider_type)
  return protocol === 'openai' && !isOpenAIUrl(endpointOf(provider)) ? 'compatible' : protocol
}

/** How a provider is asked for its models. */
export const surveyable = (provider: Pick<OwnProvider, 'provider_type' | 'base_url'>, api_key: string | null): Surveyable => ({
  protocol: protocolOf(provider),
  base_url: endpointOf(provider),
  api_key,
  key_path: provider.base_url === null ? brandOf(provider.provider_type).key_path : null,
})

/** Facts about a model of such a provider. `window` is what the provider told, in tokens. */
export function describeOwn(handle: string, provider: OwnProvider, window: number | null): ModelFacts {
  const { name } = splitHandle(handle)
  const brand = brandOf(provider.provider_type)
  const known = knownModel(brand.protocol, name)
  const max_context_window = window ?? known.context_window
  return {
    handle,
    provider_name: provider.name,
    provider_type: brand.type,
    provider_category: 'byok',
    name,
    endpoint: endpointOf(provider),
    endpoint_type: brand.endpoint_type,
    context_window: Math.min(max_context_window, contextWindowCap),
    max_context_window,
    max_output_tokens: Math.min(known.max_output_tokens, max_context_window),
    reasoning: known.reasoning,
  }
}

/** A model that is called with an organization's own key. The key is in no error that it throws. */
export function ownModel(
  handle: string,
  provider: OwnProvider & { api_key: string | null },
  options: { window: number | null; timeoutMs: number; fetch: typeof fetch },
): Model {
  const facts = describeOwn(handle, provider, options.window)
  const { api_key } = provider
  const access = { protocol: protocolOf(provider), base_url: endpointOf(provider), api_key, fetch: options.fetch }
  const { dialect, language } = speak(access, facts.name)
  const { provider_name, name, endpoint, context_window } = facts
  const target = { handle, name, provider_name, endpoint, context_window, timeoutMs: options.timeoutMs, dialect, secret: api_key }
  return { ...adapt(language, target), provider_category: 'byok', provider_id: provider.id }
}
