import { AppError } from '../../../src/lib/errors'
import type { EmbeddingModel } from '../../../src/retrieval/ports'

/** A number for a word, the same each time. */
function hash(word: string): number {
  let value = 2166136261
  for (let i = 0; i < word.length; i++) value = Math.imul(value ^ word.charCodeAt(i), 16777619)
  return value >>> 0
}

/** Words that mean the same to the fake model. */
const synonyms = new Map([
  ['car', 'automobile'],
  ['vehicle', 'automobile'],
  ['feline', 'cat'],
  ['kitten', 'cat'],
  ['brew', 'tea'],
])

function vectorOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? ['empty']) {
    const at = hash(synonyms.get(word) ?? word) % dimensions
    vector[at] = (vector[at] ?? 0) + 1
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}

/** A model for which texts are the bags of their words, a few words being the same. It counts what it is asked, and fails as it is told. */
export class FakeEmbedding implements EmbeddingModel {
  readonly batch = 32
  /** Every text that was embedded as a document. */
  readonly documents: string[] = []
  calls = 0
  /** Thrown by the next calls, in turn. */
  failures: AppError[] = []
  /** Texts that are refused for good. */
  refuses = (_text: string): boolean => false

  constructor(
    readonly handle = 'fake/words',
    readonly dimensions = 384,
  ) {}

  async embed(texts: string[], use: 'document' | 'query'): Promise<Float32Array[]> {
    this.calls++
    const failure = this.failures.shift()
    if (failure) throw failure
    if (texts.some(this.refuses)) throw new AppError('llm_bad_request', 'The text is not acceptable.')
    if (use === 'document') this.documents.push(...texts)
    return texts.map((text) => vectorOf(text, this.dimensions))
  }
}
