import type { Structure } from '../parse'
import { strength } from './outline'
import { type Unit, UnitReader } from './units'

export { tokensOf } from './tokens'

/** A passage of a text: a part of it as it stands there, from the start of a line, sentence or word on. */
export interface Chunk {
  text: string
  /** Estimated, at least one for eight characters. */
  tokens: number
  /** Where it begins in the text, in UTF-16 units. */
  start: number
  /** Lines that it begins and ends in, counted from 1. */
  start_line: number
  end_line: number
  /** The headings that it begins under, outermost first, joined by ` > `. */
  heading?: string
  /** The row with the names of the columns, of a table that it begins in. */
  columns?: string
}

export interface ChunkOptions {
  structure: Structure
  /** Most tokens of a chunk; at least `smallestChunk`. */
  size: number
}

export const smallestChunk = 32
export const largestChunk = 4_000
export const defaultChunk = 300

/** Part of a chunk that the next one repeats, where nothing new begins between them. */
const overlap = 0.12
/** A chunk ends no earlier than this part of its size, if it can be helped. */
const least = 0.5

const isBlank = ({ text }: Unit) => text.trim() === ''

/** A chunk without the empty lines around it; null when it holds nothing else. */
function chunkOf(units: Unit[]): Chunk | null {
  let [from, to] = [0, units.length]
  while (from < to && isBlank(units[from] as Unit)) from++
  while (from < to && isBlank(units[to - 1] as Unit)) to--
  const kept = units.slice(from, to)
  const [first, last] = [kept[0], kept.at(-1)]
  if (!first || !last) return null
  const text = kept.map((unit) => unit.text).join('')
  return {
    text,
    tokens: kept.reduce((sum, unit) => sum + unit.tokens, 0),
    start: first.start,
    start_line: first.line,
    end_line: last.line,
    ...(first.heading && { heading: first.heading }),
    ...(first.columns && { columns: first.columns }),
  }
}

/**
 * Cuts a text into chunks, whatever pieces it comes in, in memory of the size of a chunk. Every character that is not blank is in a chunk;
 * chunks are in the order of the text, each at most `size` tokens, and end where the text is best cut: before a heading, a paragraph, a
 * function, a row, then a line, a sentence, a word. A chunk repeats the last lines or sentences of the one before, unless a heading is
 * between them.
 */
export class Chunker {
  readonly #units: UnitReader
  readonly #size: number
  #held: Unit[] = []
  #tokens = 0
  /** How many of the held units were in the chunk before. */
  #repeated = 0

  constructor({ structure, size }: ChunkOptions) {
    this.#size = Math.max(smallestChunk, size)
    this.#units = new UnitReader(structure, Math.floor(this.#size / 4))
  }

  /** The chunks that end in what is added. */
  *add(piece: string): Generator<Chunk> {
    for (const unit of this.#units.add(piece)) yield* this.#take(unit)
  }

  /** The chunks that are left when the text ends. */
  *end(): Generator<Chunk> {
    for (const unit of this.#units.end()) yield* this.#take(unit)
    if (this.#held.length > this.#repeated) yield* this.#emit(this.#held.length)
  }

  *#take(unit: Unit): Generator<Chunk> {
    this.#held.push(unit)
    this.#tokens += unit.tokens
    if (this.#tokens > this.#size) yield* this.#emit(this.#best())
  }

  /** How many of the held units the next chunk takes: all but the last at most. */
  #best(): number {
    let [best, bestStrength] = [this.#held.length - 1, -1]
    let tokens = 0
    for (const [i, unit] of this.#held.entries()) {
      if (i > this.#repeated && tokens >= least * this.#size && unit.strength >= bestStrength) [best, bestStrength] = [i, unit.strength]
      tokens += unit.tokens
    }
    return best
  }

  *#emit(count: number): Generator<Chunk> {
    const units = this.#held.slice(0, count)
    // What was in the chunk before is not worth one by itself.
    const fresh = units.slice(this.#repeated).some((unit) => !isBlank(unit))
    const next = this.#held[count]
    let kept = count
    if (next && next.strength < strength.part) {
      let tokens = 0
      // Something of the chunk stays behind: a repeat of all of it would be the same chunk, only longer.
      const behind = Math.max(
        this.#repeated,
        units.findIndex((unit) => !isBlank(unit)),
      )
      for (let i = count - 1; i > behind; i--) {
        tokens += this.#held[i]?.tokens ?? 0
        if (tokens > overlap * this.#size) break
        if ((this.#held[i]?.strength ?? 0) >= strength.sentence) kept = i
        if ((this.#held[i]?.strength ?? 0) >= strength.part) break
      }
    }
    this.#held = this.#held.slice(kept)
    this.#repeated = count - kept
    this.#tokens = this.#held.reduce((sum, unit) => sum + unit.tokens, 0)
    const chunk = fresh ? chunkOf(units) : null
    if (chunk) yield chunk
  }
}

/** The chunks of a text that comes in pieces. */
export async function* chunksOf(text: AsyncIterable<string> | Iterable<string>, options: ChunkOptions): AsyncGenerator<Chunk> {
  const chunker = new Chunker(options)
  for await (const piece of text) yield* chunker.add(piece)
  yield* chunker.end()
}
