import { dot, signs, wordsOf } from './sketch'
import type { IndexSpec } from './spec'

/** Vectors of one page. */
export const pageSlots = 256

/** Pages that so many vectors fill. */
export const pagesOf = (count: number): number => Math.ceil(count / pageSlots)

/** How the buffer of a page is divided, which follows from the index. */
export interface Layout {
  dimensions: number
  /** Words of one sketch. */
  words: number
  /** Properties that are texts, in the order of their columns. */
  texts: string[]
  /** Properties that are numbers or booleans, in the order of their columns. */
  numbers: string[]
  bytes: number
}

export function layoutOf({ dimensions, metadata }: IndexSpec): Layout {
  const names = Object.keys(metadata)
  const texts = names.filter((name) => metadata[name] === 'string')
  const numbers = names.filter((name) => metadata[name] !== 'string')
  const words = wordsOf(dimensions)
  const bytes = 8 + 4 * dimensions + pageSlots * (8 * numbers.length + 4 * (3 + texts.length + words))
  return { dimensions, words, texts, numbers, bytes }
}

/**
 * What a query scans of up to 256 vectors of one namespace: sketches and the columns that filters read. The buffer is stored as it is, so a
 * page is read without looking at it. Slots are filled from 0 without gaps.
 */
export class Page {
  /** Columns of numbers, one after the other; NaN where a vector has none. */
  readonly numbers: Float64Array
  /** What is taken away from the rotated vectors before they are sketched. */
  readonly centre: Float32Array
  /** What a unit of a sketch's sum is worth. */
  readonly scale: Float32Array
  /** What the estimate of a product lacks beside centre and sum. */
  readonly shift: Float32Array
  /** Rows of the vectors in SQLite. */
  readonly rows: Uint32Array
  /** Columns of codes of texts, one after the other; 0 where a vector has none. */
  readonly codes: Uint32Array
  readonly words: Int32Array
  readonly #head: Uint32Array

  constructor(
    readonly layout: Layout,
    readonly buffer = new ArrayBuffer(layout.bytes),
  ) {
    let at = 0
    const next = (bytes: number): number => {
      at += bytes
      return at - bytes
    }
    const { dimensions, words, texts, numbers } = layout
    this.numbers = new Float64Array(buffer, next(8 * pageSlots * numbers.length), pageSlots * numbers.length)
    this.#head = new Uint32Array(buffer, next(8), 2)
    this.centre = new Float32Array(buffer, next(4 * dimensions), dimensions)
    this.scale = new Float32Array(buffer, next(4 * pageSlots), pageSlots)
    this.shift = new Float32Array(buffer, next(4 * pageSlots), pageSlots)
    this.rows = new Uint32Array(buffer, next(4 * pageSlots), pageSlots)
    this.codes = new Uint32Array(buffer, next(4 * pageSlots * texts.length), pageSlots * texts.length)
    this.words = new Int32Array(buffer, next(4 * pageSlots * words), pageSlots * words)
  }

  /** Slots in use. */
  get count(): number {
    return this.#head[0] as number
  }

  set count(count: number) {
    this.#head[0] = count
  }

  /** Vectors that the centre was made of. */
  get centred(): number {
    return this.#head[1] as number
  }

  /** Gives up the slots from `count`. The centre counts for as many, so that it moves again when others fill them. */
  shrink(count: number): void {
    this.#head[0] = count
    this.#head[1] = Math.min(this.centred, count)
  }

  /** Moves the centre into the middle of rotated vectors. Sketches made before are void. */
  recentre(vectors: Float32Array[]): void {
    this.centre.fill(0)
    for (const vector of vectors) {
      for (let i = 0; i < vector.length; i++) this.centre[i] = (this.centre[i] as number) + (vector[i] as number) / vectors.length
    }
    this.#head[1] = vectors.length
  }

  /** Sketches a rotated vector. `bias` is added to every estimate of it. */
  sketch(slot: number, rotated: Float32Array, bias: number): void {
    const { centre, layout, words } = this
    const rest = rotated.map((value, i) => value - (centre[i] as number))
    signs(rest, words, slot * layout.words)
    let sum = 0
    let square = 0
    let turned = 0
    for (let i = 0; i < rest.length; i++) {
      const value = rest[i] as number
      sum += Math.abs(value)
      square += value * value
      turned += value >= 0 ? (centre[i] as number) : -(centre[i] as number)
    }
    const scale = sum > 0 ? square / sum : 0
    this.scale[slot] = scale
    this.shift[slot] = dot(centre, rest) - scale * turned + bias
  }

  /** Copies row and columns of a slot of any page of the index; its sketch, which belongs to the centre, stays behind. */
  copy(slot: number, from: Page, fromSlot: number): void {
    this.rows[slot] = from.rows[fromSlot] as number
    for (const [own, other] of [
      [this.codes, from.codes],
      [this.numbers, from.numbers],
    ] as const) {
      for (let column = 0; column < own.length; column += pageSlots) own[column + slot] = other[column + fromSlot] as number
    }
  }
}
