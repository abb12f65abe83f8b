/** Facts about one well-known language model. Windows are in tokens. */
export interface KnownModel {
  name: string
  display_name: string
  context_window: number
  max_output_tokens: number
  /** Thinks before it answers, and takes settings for that. */
  reasoning: boolean
}

/** Facts about one well-known embedding model. */
export interface KnownEmbedding {
  name: string
  display_name: string
  dimensions: number
  batch_size: number
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

/** Embedding models that are listed, by prefix of the handle. */
export const knownEmbeddings: Record<string, KnownEmbedding[]> = {
  openai: [
    { name: 'text-embedding-3-small', display_name: 'text-embedding-3-small', dimensions: 1536, batch_size: 256 },
    { name: 'text-embedding-3-large', display_name: 'text-embedding-3-large', dimensions: 3072, batch_size: 256 },
  ],
  google_ai: [{ name: 'gemini-embedding-001', display_name: 'Gemini Embedding', dimensions: 3072, batch_size: 100 }],
}

type EmbeddingFamily = [name: RegExp, dimensions: number, batchSize: number]

/** Embedding models by what their names begin with, wherever they run. */
const embeddingFamilies: EmbeddingFamily[] = [
  [/^text-embedding-(3-small|ada-002)/, 1536, 256],
  [/^text-embedding-3-large/, 3072, 256],
  [/^gemini-embedding-/, 3072, 100],
  [/^(text-)?embedding-00[1-5]/, 768, 100],
  [/^mistral-embed/, 1024, 32],
  [/^codestral-embed/, 1536, 32],
  [/^nomic-embed-text/, 768, 32],
  [/^(mxbai-embed-large|snowflake-arctic-embed2?|bge-(m3|large)|multilingual-e5-large|e5-large|gte-large)/, 1024, 32],
  [/^(bge-base|e5-base|multilingual-e5-base|gte-base|m2-bert-80m)/, 768, 32],
  [/^(all-minilm|bge-small|e5-small|multilingual-e5-small|gte-small)/, 384, 32],
  [/^qwen3-embedding[-:]0\.6b/, 1024, 32],
  [/^qwen3-embedding[-:]4b/, 2560, 32],
  [/^qwen3-embedding[-:]8b/, 4096, 32],
]

/** What is known of an embedding model by its name alone; null when its dimensions are not known. */
export function knownEmbedding(name: string): KnownEmbedding | null {
  const last = (name.split('/').at(-1) ?? name).toLowerCase().replace(/^text-embedding-(?!3|ada|00)/, '')
  const found = embeddingFamilies.find(([family]) => family.test(last))
  return found ? { name, display_name: name, dimensions: found[1], batch_size: found[2] } : null
}

/** Window of a model nobody knows, and the largest one that an agent gets without asking for more. */
export const contextWindowCap = 128_000
/** Output limit of a model nobody knows. */
export const defaultMaxOutputTokens = 4_096
