/** How a provider is spoken to: its own protocol, or the chat completions that many servers share. */
export type Protocol = 'openai' | 'anthropic' | 'google_ai' | 'compatible'

/** A kind of provider that an organization can bring a key for: Letta's `provider_type`. */
export interface Brand {
  type: string
  /** Letta's `model_endpoint_type`. */
  endpoint_type: string
  protocol: Protocol
  /** Where it is unless told otherwise; null for servers that people run themselves. */
  base_url: string | null
  /** The path that a base URL without one gets. */
  path: string
  /** Where a key is asked about, when the list of models is shown to anyone. */
  key_path: string | null
}

const compatible = (type: string, base_url: string | null, more: Partial<Brand> = {}): Brand => ({
  type,
  endpoint_type: type,
  protocol: 'compatible',
  base_url,
  path: base_url === null ? '/v1' : new URL(base_url).pathname,
  key_path: null,
  ...more,
})

const all: Brand[] = [
  compatible('openai', 'https://api.openai.com/v1', { protocol: 'openai' }),
  compatible('anthropic', 'https://api.anthropic.com/v1', { protocol: 'anthropic' }),
  compatible('google_ai', 'https://generativelanguage.googleapis.com/v1beta', { protocol: 'google_ai' }),
  compatible('baseten', 'https://inference.baseten.co/v1'),
  compatible('cerebras', 'https://api.cerebras.ai/v1'),
  compatible('deepseek', 'https://api.deepseek.com/v1'),
  compatible('fireworks', 'https://api.fireworks.ai/inference/v1'),
  compatible('groq', 'https://api.groq.com/openai/v1'),
  compatible('hugging-face', 'https://router.huggingface.co/v1'),
  compatible('lmstudio_openai', null, { endpoint_type: 'lmstudio' }),
  compatible('mistral', 'https://api.mistral.ai/v1'),
  compatible('moonshot', 'https://api.moonshot.ai/v1'),
  compatible('ollama', null),
  compatible('openrouter', 'https://openrouter.ai/api/v1', { key_path: '/key' }),
  compatible('sglang', null, { endpoint_type: 'vllm' }),
  compatible('together', 'https://api.together.xyz/v1'),
  compatible('vllm', null),
  compatible('xai', 'https://api.x.ai/v1'),
  compatible('zai', 'https://api.z.ai/api/paas/v4'),
  compatible('zai_coding', 'https://api.z.ai/api/coding/paas/v4', { endpoint_type: 'zai_coding' }),
]

/** Kinds of providers by their type. */
export const brands: ReadonlyMap<string, Brand> = new Map(all.map((brand) => [brand.type, brand]))

export const brandTypes: readonly string[] = all.map(({ type }) => type)

/** The base URL that requests are made with, without a slash at its end; null when the kind has none of its own and none is given. */
export function baseUrlOf(brand: Brand, given: string | null): string | null {
  const text = given ?? brand.base_url
  if (text === null || !URL.canParse(text)) return text
  const url = new URL(text)
  if (url.pathname === '/') url.pathname = brand.path
  return url.href.replace(/\/+$/, '')
}
