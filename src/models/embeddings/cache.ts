import type { EmbeddingModel } from '../../retrieval/ports'

const most = 256
const longest = 2_000

/** The least recently used goes first: a map keeps the order in which its keys were set. */
const queries = new Map<string, Float32Array>()

/**
 * The model, with the last 256 queries of this process remembered: paging through a search embeds its query once. `place` tells models of
 * the same handle apart. Documents and calls with several texts are not remembered.
 */
export function rememberingQueries(model: EmbeddingModel, place: string): EmbeddingModel {
  return {
    ...model,
    embed: async (texts, use, signal) => {
      const [text] = texts
      if (use !== 'query' || texts.length !== 1 || text === undefined || text.length > longest) return model.embed(texts, use, signal)
      signal?.throwIfAborted()
      const key = JSON.stringify([place, model.handle, text])
      const vector = queries.get(key) ?? (await model.embed(texts, use, signal))[0]
      if (!vector) return []
      queries.delete(key)
      queries.set(key, vector)
      for (const oldest of queries.keys()) {
        if (queries.size <= most) break
        queries.delete(oldest)
      }
      return [vector.slice()]
    },
  }
}
