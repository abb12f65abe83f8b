import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4 } from '@ai-sdk/provider'
import type { Protocol } from './brands'
import type { Dialect } from './convert'
import { reasons } from './providers'
import { compatibleName } from './settings'

/** A language model of the AI SDK, and which dialect it is asked in. */
export interface Spoken {
  dialect: Dialect
  language: LanguageModelV4
}

/** How a provider is reached. */
export interface Access {
  protocol: Protocol
  base_url: string
  api_key: string | null
  fetch?: typeof fetch | undefined
}

/** A model of a provider by the provider's own name. */
export function speak({ protocol, base_url: baseURL, api_key, fetch }: Access, name: string): Spoken {
  const reach = fetch ? { fetch } : {}
  const apiKey = api_key ?? ''
  switch (protocol) {
    case 'openai': {
      const provider = createOpenAI({ baseURL, apiKey, ...reach })
      return reasons(name)
        ? { dialect: 'openai-responses', language: provider.responses(name) }
        : { dialect: 'openai-chat', language: provider.chat(name) }
    }
    case 'anthropic':
      return { dialect: 'anthropic', language: createAnthropic({ baseURL, apiKey, ...reach }).languageModel(name) }
    case 'google_ai':
      return { dialect: 'google', language: createGoogle({ baseURL, apiKey, ...reach }).languageModel(name) }
    default: {
      const provider = createOpenAICompatible({
        name: compatibleName,
        baseURL,
        ...(apiKey ? { apiKey } : {}),
        ...reach,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })
      return { dialect: 'compatible', language: provider.chatModel(name) }
    }
  }
}
