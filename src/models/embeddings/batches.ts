/** Characters of all texts of one request; fewer tokens than any provider takes at once, whatever the language. */
const charactersMax = 120_000

/** Consecutive texts in as few requests as they fit into: `most` texts each, and no more characters than a request takes. */
export function batchesOf(texts: string[], most: number): string[][] {
  const batches: string[][] = []
  let characters = 0
  for (const text of texts) {
    const last = batches.at(-1)
    if (last && last.length < most && characters + text.length <= charactersMax) {
      last.push(text)
      characters += text.length
    } else {
      batches.push([text])
      characters = text.length
    }
  }
  return batches
}

/** The vector of unit length in a direction, cut to `dimensions` first; null when it has none: zeros, or something that is no number. */
export function unit(values: readonly number[], dimensions: number): Float32Array | null {
  const cut = values.slice(0, dimensions)
  const length = Math.hypot(...cut)
  return Number.isFinite(length) && length > 0 ? Float32Array.from(cut, (value) => value / length) : null
}
