/** A line of a text, with its line break, or a part of one that is too long to be held. */
export interface Line {
  text: string
  /** Counted from 1. */
  number: number
  /** False for the rest of a line whose beginning came before. */
  starts: boolean
}

/** Longest part of a line that is held, in UTF-16 units. */
const longest = 8_192

/** Cuts a text into lines, whatever pieces it comes in. */
export class LineReader {
  #rest = ''
  #number = 1
  #starts = true

  /** How much of a long line is taken: up to the last space in the second half of what may be held, never half of a character. */
  #cut(text: string, from: number): number {
    const space = text.lastIndexOf(' ', from + longest - 1)
    if (space >= from + longest / 2) return space + 1 - from
    const half = (text.charCodeAt(from + longest - 1) & 0xfc00) === 0xd800
    return half ? longest - 1 : longest
  }

  #line(text: string, ends: boolean): Line {
    const line = { text, number: this.#number, starts: this.#starts }
    this.#starts = ends
    if (ends) this.#number++
    return line
  }

  /** The lines that end in what is added. */
  *add(piece: string): Generator<Line> {
    const text = this.#rest + piece
    let from = 0
    let end = text.indexOf('\n')
    // Where a line is cut does not depend on the pieces: it is not cut before as many units as may be held are there.
    for (;;) {
      if (end >= 0 && end < from) end = text.indexOf('\n', from)
      if (end >= 0 && end - from < longest) {
        yield this.#line(text.slice(from, end + 1), true)
        from = end + 1
      } else if (text.length - from > longest) {
        const length = this.#cut(text, from)
        yield this.#line(text.slice(from, from + length), false)
        from += length
      } else break
    }
    this.#rest = text.slice(from)
  }

  /** What is left when the text ends. */
  *end(): Generator<Line> {
    if (this.#rest) yield this.#line(this.#rest, true)
    this.#rest = ''
  }
}
