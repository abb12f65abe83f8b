import type { EmbeddingModelV4 } from '@ai-sdk/provider'
import { sleep } from '../../lib/time'
import type { EmbeddingModel, EmbeddingUse } from '../../retrieval/ports'
import { modelFailuresAsErrors } from '../../runtime/failure'
import { ModelError } from '../../runtime/model'
import { persist } from '../../runtime/retry'
import { Patience, type Waited } from '../patience'
import { batchesOf, unit } from './batches'
import { embeddingOptions, type SpokenEmbedding } from './dialects'
import type { KnownEmbedding } from './known'
import { promptOf } from './prompts'

/** What an embedding model is called by, and what is known of it. */
export interface EmbeddingTarget extends Waited {
  /** The provider's own name of the model. */
  name: string
  known: KnownEmbedding | null
  /** What its provider said, where its name tells nothing. */
  dimensions?: number | null
  sleep?: typeof sleep
}

/** Times that a request is made before its failure is the caller's. */
const attempts = 3
/** Tokens that a model reads of which nothing is known. */
const unknownWindow = 8_192
/** What English needs; where a text needs fewer characters a token, the provider says that it is too long and gets half of it. */
const charactersPerToken = 4

const failure = (handle: string, what: string) => new ModelError('llm_error', `${handle}: ${what}`)

/** What the provider answered, in the order of the texts: a list of OpenAI's protocol numbers its items. */
function inOrder(embeddings: number[][], body: unknown): number[][] {
  const items: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'data') : null
  if (!Array.isArray(items) || items.length !== embeddings.length) return embeddings
  const places = items.map((item: unknown) => (typeof item === 'object' && item !== null ? Reflect.get(item, 'index') : null))
  if (new Set(places).size !== places.length || !places.every((place) => Number.isInteger(place) && place in embeddings)) return embeddings
  const ordered: number[][] = []
  for (const [at, place] of places.entries()) ordered[place] = embeddings[at] as number[]
  return ordered
}

/** Vectors of unit length from what the provider answered to `count` texts. Throws a ModelError when the answer cannot be that. */
function vectorsOf(answer: number[][] | undefined, count: number, { handle, known, dimensions = null }: EmbeddingTarget): Float32Array[] {
  if (answer?.length !== count) throw failure(handle, `the provider answered ${answer?.length ?? 0} vectors to ${count} texts.`)
  const length = known?.dimensions ?? dimensions ?? answer[0]?.length ?? 0
  return answer.map((values) => {
    const whole = values.length === length || (known !== null && values.length === known.full_dimensions)
    if (!whole) throw failure(handle, `the provider answered a vector of ${values.length} dimensions where ${length} were expected.`)
    const vector = unit(values, length)
    if (!vector) throw failure(handle, 'the provider answered a vector that has no direction: zeros, or something that is no number.')
    return vector
  })
}

async function request(
  model: EmbeddingModelV4,
  options: Parameters<EmbeddingModelV4['doEmbed']>[0],
  target: EmbeddingTarget,
  signal: AbortSignal,
) {
  const patience = new Patience(signal, target)
  try {
    return await patience.wait(model.doEmbed({ ...options, abortSignal: patience.abortSignal }))
  } catch (error) {
    throw patience.cause(error)
  } finally {
    patience.end()
  }
}

/** An embedding model of the AI SDK as the port has it. */
export function adaptEmbedding({ dialect, model }: SpokenEmbedding, target: EmbeddingTarget): EmbeddingModel {
  const { handle, name, known } = target
  const batch = known?.batch_size ?? 32
  const characters = (known?.window ?? unknownWindow) * charactersPerToken

  /** Every provider refuses an empty text, and half a surrogate pair is no text. */
  const sent = (text: string, prompt: string) => prompt + (text.trim() === '' ? '.' : text.slice(0, characters).toWellFormed())

  /** One batch. What is too much for one request is halved; of a single text that is too long, the beginning is embedded. */
  const ask = async (texts: string[], use: EmbeddingUse, signal: AbortSignal): Promise<Float32Array[]> => {
    const options = embeddingOptions(dialect, name, known, use)
    const once = async (share: number): Promise<Float32Array[] | null> => {
      const values = share === 1 ? texts : texts.map((text) => text.slice(0, Math.ceil(text.length * share)).toWellFormed())
      try {
        const { embeddings, response } = await request(model, { values, ...options }, target, signal)
        return vectorsOf(embeddings && inOrder(embeddings, response?.body), texts.length, target)
      } catch (error) {
        if (texts.length > 1 && error instanceof ModelError && error.type === 'context_window_exceeded') return null
        throw error
      }
    }
    const vectors = await persist(once, { sleep: target.sleep ?? sleep, signal, attempts })
    if (vectors) return vectors
    const half = Math.ceil(texts.length / 2)
    return [...(await ask(texts.slice(0, half), use, signal)), ...(await ask(texts.slice(half), use, signal))]
  }

  return {
    handle,
    dimensions: known?.dimensions ?? target.dimensions ?? null,
    batch,
    embed: (texts, use, signal = new AbortController().signal) =>
      modelFailuresAsErrors(async () => {
        signal.throwIfAborted()
        const prompt = promptOf(name, use)
        const all = texts.map((text) => sent(text, prompt))
        const vectors: Float32Array[] = []
        for (const some of batchesOf(all, batch)) vectors.push(...(await ask(some, use, signal)))
        return vectors
      }),
  }
}
