/** Facts about one well-known embedding model. */
export interface KnownEmbedding {
  name: string
  display_name: string
  /** How long its vectors are here: at most what an index takes. */
  dimensions: number
  /** How long they are unless the model is asked for shorter ones. */
  full_dimensions: number
  /** Texts of one request. */
  batch_size: number
  /** Tokens of a text that it reads. */
  window: number
}

/** Most dimensions that an index of vectors takes. */
const indexable = 1536

type Family = [name: RegExp, fullDimensions: number, batchSize: number, window: number]

/** Embedding models by what their names begin with, wherever they run. Those with more than 1536 dimensions were all trained to be cut. */
const families: Family[] = [
  [/^use-lite$/, 512, 32, 1024],
  [/^text-embedding-(3-small|ada-002)/, 1536, 256, 8191],
  [/^text-embedding-3-large/, 3072, 256, 8191],
  [/^gemini-embedding-2/, 3072, 100, 8192],
  [/^gemini-embedding-/, 3072, 100, 2048],
  [/^(text-)?embedding-00[1-5]/, 768, 100, 2048],
  [/^mistral-embed/, 1024, 32, 8192],
  [/^codestral-embed/, 1536, 32, 8192],
  [/^nomic-embed-text/, 768, 32, 2048],
  [/^embeddinggemma/, 768, 32, 2048],
  [/^snowflake-arctic-embed-m-v2/, 768, 32, 8192],
  [/^(bge-m3|snowflake-arctic-embed(2|-l-v2))/, 1024, 32, 8192],
  [/^snowflake-arctic-embed(:22m|:33m|-x?s)/, 384, 32, 512],
  [/^snowflake-arctic-embed(:110m|:137m|-m)/, 768, 32, 512],
  [/^(mxbai-embed-large|snowflake-arctic-embed|bge-large|multilingual-e5-large|e5-large|gte-large)/, 1024, 32, 512],
  [/^(bge-base|e5-base|multilingual-e5-base|gte-base|m2-bert-80m)/, 768, 32, 512],
  [/^(all-minilm|bge-small|e5-small|multilingual-e5-small|gte-small)/, 384, 32, 512],
  [/^qwen3-embedding[-:]0\.6b/, 1024, 32, 8192],
  [/^qwen3-embedding[-:]4b/, 2560, 32, 8192],
  [/^qwen3-embedding[-:]8b/, 4096, 32, 8192],
]

/** The name of a model itself, without who made it and what a server puts before it. */
export const bareName = (name: string): string => (name.split('/').at(-1) ?? name).toLowerCase().replace(/^text-embedding-(?!3|ada|00)/, '')

/** What is known of an embedding model by its name alone; null when its dimensions are not known. */
export function knownEmbedding(name: string, display_name: string = name): KnownEmbedding | null {
  const bare = bareName(name)
  const found = families.find(([family]) => family.test(bare))
  if (!found) return null
  const [, full_dimensions, batch_size, window] = found
  return { name, display_name, dimensions: Math.min(full_dimensions, indexable), full_dimensions, batch_size, window }
}

/**
 * Tokens of the passages that files are cut into for a model. The built-in one reads 128 tokens at once, and of a longer text finds the mean of
 * its parts, which blurs what it says.
 */
export const chunkSizeOf = (name: string): number => (bareName(name) === 'use-lite' ? 100 : 300)

const listed = (models: [name: string, displayName: string][]): KnownEmbedding[] =>
  models.flatMap(([name, displayName]) => knownEmbedding(name, displayName) ?? [])

/** Embedding models that are listed, by prefix of the handle. */
export const knownEmbeddings: Record<string, KnownEmbedding[]> = {
  loci: listed([['use-lite', 'Universal Sentence Encoder lite']]),
  openai: listed([
    ['text-embedding-3-small', 'text-embedding-3-small'],
    ['text-embedding-3-large', 'text-embedding-3-large'],
  ]),
  google_ai: listed([['gemini-embedding-001', 'Gemini Embedding']]),
  'workers-ai': listed([
    ['@cf/baai/bge-base-en-v1.5', 'BGE base'],
    ['@cf/baai/bge-small-en-v1.5', 'BGE small'],
    ['@cf/baai/bge-large-en-v1.5', 'BGE large'],
    ['@cf/baai/bge-m3', 'BGE M3'],
    ['@cf/google/embeddinggemma-300m', 'EmbeddingGemma 300M'],
    ['@cf/qwen/qwen3-embedding-0.6b', 'Qwen3 Embedding 0.6B'],
  ]),
}
