import type { Config } from '../env'
import type { Access } from './dialects'
import { isOpenAI } from './providers'

/** The protocol, address and key of a configured provider; null when it has no address. */
export function accessOf(config: Config, prefix: string): Access | null {
  const local = {
    loci: config.LOCAL_EMBEDDER_URL,
    ollama: config.OLLAMA_BASE_URL,
    lmstudio: config.LMSTUDIO_BASE_URL,
    vllm: config.VLLM_BASE_URL,
  }[prefix]
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
