import type { Config } from '../env'
import { describeModel, type ModelFacts } from './describe'
import { embeddingMissing } from './embeddings/describe'
import { chunkSizeOf, type KnownEmbedding, knownEmbeddings } from './embeddings/known'
import { isOpenAI, knownModel, type Provider, providers, servedModels } from './providers'
import { surveyModels } from './survey'

/** A language model that the deployment can use: Letta's `Model`. */
export interface ModelRow {
  handle: string
  name: string
  display_name: string
  provider_type: string
  provider_name: string
  provider_category: 'base' | 'byok'
  model_type: 'llm'
  model: string
  model_endpoint_type: string
  model_endpoint: string | null
  model_wrapper: null
  max_context_window: number
  context_window: number
  max_tokens: number
  enable_reasoner: boolean
  max_reasoning_tokens: number
  reasoning_effort: null
  temperature: number
  parallel_tool_calls: boolean
  put_inner_thoughts_in_kwargs: boolean
}

/** An embedding model that the deployment can use: Letta's `EmbeddingModel`. */
export interface EmbeddingRow {
  handle: string
  name: string
  display_name: string
  provider_type: string
  provider_name: string
  model_type: 'embedding'
  embedding_endpoint_type: string
  embedding_endpoint: string | null
  embedding_model: string
  embedding_dim: number
  embedding_chunk_size: number
  batch_size: number
}

/** How long a server may take to list its models. */
const patienceMs = 2_000

interface Listed {
  name: string
  context_window: number | null
}

/** A model of these facts as it is listed. */
export function modelRow(facts: ModelFacts, display_name: string): ModelRow {
  return {
    handle: facts.handle,
    name: facts.name,
    display_name,
    provider_type: facts.provider_type,
    provider_name: facts.provider_name,
    provider_category: facts.provider_category,
    model_type: 'llm',
    model: facts.name,
    model_endpoint_type: facts.endpoint_type,
    model_endpoint: facts.endpoint,
    model_wrapper: null,
    max_context_window: facts.max_context_window,
    context_window: facts.max_context_window,
    max_tokens: facts.max_output_tokens,
    enable_reasoner: facts.reasoning,
    max_reasoning_tokens: 0,
    reasoning_effort: null,
    temperature: 1.0,
    parallel_tool_calls: true,
    put_inner_thoughts_in_kwargs: false,
  }
}

/** The language models that `GET {base}/models` names. A server that fails or hesitates names none. */
async function ask(base: string, key: string | undefined, request: typeof fetch): Promise<Listed[]> {
  try {
    const models = await surveyModels({ protocol: 'compatible', base_url: base, api_key: key ?? null }, async (url, headers) => {
      const response = await request(url, { headers, signal: AbortSignal.timeout(patienceMs) })
      return { status: response.status, body: await response.text() }
    })
    return (models ?? []).filter((model) => model.model_type === 'llm')
  } catch {
    return []
  }
}

/** Servers whose models are only known by asking them: all that speak OpenAI's protocol without being OpenAI. */
const isAsked = (provider: Provider, config: Config): boolean =>
  ['ollama', 'lmstudio', 'vllm'].includes(provider.prefix) || (provider.prefix === 'openai' && !isOpenAI(config))

async function rowsOf(provider: Provider, config: Config, request: typeof fetch, ai: Ai | undefined): Promise<ModelRow[]> {
  if (provider.missing(config, ai) !== null) return []
  const served = servedModels(provider, config).map((model): Listed => ({ name: model.name, context_window: null }))
  const base = provider.endpoint(config)
  const key = provider.prefix === 'openai' ? config.OPENAI_API_KEY : undefined
  const live = base !== null && isAsked(provider, config) ? await ask(base, key, request) : []
  const models = new Map([...served, ...live].map((model) => [model.name, model]))
  return [...models.values()].map(({ name, context_window }) => {
    const facts = describeModel(`${provider.prefix}/${name}`, config)
    return modelRow(
      { ...facts, max_context_window: context_window ?? facts.max_context_window },
      knownModel(provider.prefix, name).display_name,
    )
  })
}

/**
 * The language models that the deployment can use, the built-in one first. Local and OpenAI-compatible servers are asked what
 * they serve, all at once, for at most two seconds; one that does not answer adds only what OPENAI_MODELS names.
 */
export async function listModels(config: Config, options: { fetch?: typeof fetch; ai?: Ai } = {}): Promise<ModelRow[]> {
  const request = options.fetch ?? fetch
  return (await Promise.all([...providers.values()].map((provider) => rowsOf(provider, config, request, options.ai)))).flat()
}

/** The embedding models of the configured providers, the built-in one first. */
export function listEmbeddingModels(config: Config, ai?: Ai): EmbeddingRow[] {
  return [...providers.values()].flatMap((provider) => {
    if (embeddingMissing(provider, config, ai) !== null || (provider.prefix === 'openai' && !isOpenAI(config))) return []
    return (knownEmbeddings[provider.prefix] ?? []).map((model) =>
      embeddingRow(model, {
        handle: `${provider.prefix}/${model.name}`,
        provider_type: provider.provider_type,
        provider_name: provider.prefix,
        endpoint_type: provider.endpoint_type,
        endpoint: provider.endpoint(config),
      }),
    )
  })
}

type EmbeddingFacts = Pick<ModelFacts, 'handle' | 'provider_type' | 'provider_name' | 'endpoint_type' | 'endpoint'>

/** An embedding model as it is listed. */
export const embeddingRow = (
  model: Pick<KnownEmbedding, 'name' | 'display_name' | 'dimensions' | 'batch_size'>,
  facts: EmbeddingFacts,
): EmbeddingRow => ({
  handle: facts.handle,
  name: model.name,
  display_name: model.display_name,
  provider_type: facts.provider_type,
  provider_name: facts.provider_name,
  model_type: 'embedding',
  embedding_endpoint_type: facts.endpoint_type,
  embedding_endpoint: facts.endpoint,
  embedding_model: model.name,
  embedding_dim: model.dimensions,
  embedding_chunk_size: chunkSizeOf(model.name),
  batch_size: model.batch_size,
})
