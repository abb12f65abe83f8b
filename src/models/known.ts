/** Facts about one well-known language model. Windows are in tokens. */
export interface KnownModel {
  name: string
  display_name: string
  context_window: number
  max_output_tokens: number
  /** Thinks before it answers, and takes settings for that. */
  reasoning: boolean
}

type Row = [name: string, displayName: string, contextWindow: number, maxOutputTokens: number, reasoning?: 'reasoning']

const table = (rows: Row[]): KnownModel[] =>
  rows.map(([name, display_name, context_window, max_output_tokens, reasoning]) => ({
    name,
    display_name,
    context_window,
    max_output_tokens,
    reasoning: reasoning !== undefined,
  }))

/** Models that are listed without asking the provider, by prefix of the handle. Any other model of a provider can be named too. */
export const knownModels: Record<string, KnownModel[]> = {
  loci: table([['scripted', 'Scripted (no language model)', 128_000, 4_096]]),
  openai: table([
    ['gpt-5.4', 'GPT-5.4', 1_050_000, 128_000, 'reasoning'],
    ['gpt-5.2', 'GPT-5.2', 400_000, 128_000, 'reasoning'],
    ['gpt-5.1', 'GPT-5.1', 400_000, 128_000, 'reasoning'],
    ['gpt-5', 'GPT-5', 400_000, 128_000, 'reasoning'],
    ['gpt-5-mini', 'GPT-5 mini', 400_000, 128_000, 'reasoning'],
    ['gpt-5-nano', 'GPT-5 nano', 400_000, 128_000, 'reasoning'],
    ['gpt-4.1', 'GPT-4.1', 1_047_576, 32_768],
    ['gpt-4.1-mini', 'GPT-4.1 mini', 1_047_576, 32_768],
    ['gpt-4.1-nano', 'GPT-4.1 nano', 1_047_576, 32_768],
    ['gpt-4o', 'GPT-4o', 128_000, 16_384],
    ['gpt-4o-mini', 'GPT-4o mini', 128_000, 16_384],
    ['o4-mini', 'o4-mini', 200_000, 100_000, 'reasoning'],
    ['o3', 'o3', 200_000, 100_000, 'reasoning'],
    ['o3-mini', 'o3-mini', 200_000, 100_000, 'reasoning'],
    ['o1', 'o1', 200_000, 100_000, 'reasoning'],
  ]),
  anthropic: table([
    ['claude-opus-4-6', 'Claude Opus 4.6', 200_000, 128_000, 'reasoning'],
    ['claude-sonnet-4-6', 'Claude Sonnet 4.6', 200_000, 64_000, 'reasoning'],
    ['claude-opus-4-5', 'Claude Opus 4.5', 200_000, 64_000, 'reasoning'],
    ['claude-sonnet-4-5', 'Claude Sonnet 4.5', 200_000, 64_000, 'reasoning'],
    ['claude-haiku-4-5', 'Claude Haiku 4.5', 200_000, 64_000, 'reasoning'],
    ['claude-opus-4-1', 'Claude Opus 4.1', 200_000, 32_000, 'reasoning'],
  ]),
  google_ai: table([
    ['gemini-3-pro-preview', 'Gemini 3 Pro', 1_048_576, 65_536, 'reasoning'],
    ['gemini-3-flash-preview', 'Gemini 3 Flash', 1_048_576, 65_536, 'reasoning'],
    ['gemini-2.5-pro', 'Gemini 2.5 Pro', 1_048_576, 65_536, 'reasoning'],
    ['gemini-2.5-flash', 'Gemini 2.5 Flash', 1_048_576, 65_536, 'reasoning'],
    ['gemini-2.5-flash-lite', 'Gemini 2.5 Flash-Lite', 1_048_576, 65_536, 'reasoning'],
    ['gemini-2.0-flash', 'Gemini 2.0 Flash', 1_048_576, 8_192],
  ]),
  'workers-ai': table([
    ['@cf/openai/gpt-oss-120b', 'gpt-oss 120B', 128_000, 4_096, 'reasoning'],
    ['@cf/openai/gpt-oss-20b', 'gpt-oss 20B', 128_000, 4_096, 'reasoning'],
    ['@cf/meta/llama-4-scout-17b-16e-instruct', 'Llama 4 Scout', 131_000, 4_096],
    ['@cf/meta/llama-3.3-70b-instruct-fp8-fast', 'Llama 3.3 70B', 24_000, 4_096],
    ['@cf/qwen/qwen3-30b-a3b-fp8', 'Qwen3 30B', 32_768, 4_096],
    ['@cf/mistralai/mistral-small-3.1-24b-instruct', 'Mistral Small 3.1', 128_000, 4_096],
  ]),
}

/** Window of a model nobody knows, and the largest one that an agent gets without asking for more. */
export const contextWindowCap = 128_000
/** Output limit of a model nobody knows. */
export const defaultMaxOutputTokens = 4_096
