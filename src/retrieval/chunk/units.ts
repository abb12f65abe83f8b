import type { Structure } from '../parse'
import { type Line, LineReader } from './lines'
import { outlineOf, type Placed, strength } from './outline'
import { tokensOf } from './tokens'

/** What is never cut: a line, or a sentence, words or a piece of a longer one. */
export interface Unit extends Placed {
  text: string
  line: number
  /** Where it begins in the text, in UTF-16 units. */
  start: number
  tokens: number
}

const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' })

/** Parts of a text of at most `most` tokens: as many words as fit, a longer word in pieces of whole characters. */
function* wordsOf(text: string, most: number): Generator<{ text: string; tokens: number }> {
  let held = ''
  let tokens = 0
  for (const word of text.match(/\s*\S+\s*$|\s*\S+|\s+$/g) ?? []) {
    const size = tokensOf(word)
    if (held && tokens + size > most) {
      yield { text: held, tokens }
      held = ''
      tokens = 0
    }
    if (size <= most) {
      held += word
      tokens += size
      continue
    }
    // A character takes two tokens at most.
    const length = Math.max(1, Math.floor(most / 2))
    for (let from = 0; from < word.length; ) {
      let to = Math.min(word.length, from + length)
      if ((word.charCodeAt(to - 1) & 0xfc00) === 0xd800 && to < word.length) to = to - from > 1 ? to - 1 : to + 1
      const piece = word.slice(from, to)
      yield { text: piece, tokens: tokensOf(piece) }
      from = to
    }
  }
  if (held) yield { text: held, tokens }
}

/** Cuts a text into units of at most `most` tokens, whatever pieces it comes in. Put together they are the text. */
export class UnitReader {
  readonly #lines = new LineReader()
  readonly #outline: ReturnType<typeof outlineOf>
  #placed: Placed = { strength: strength.heading, heading: '', columns: '' }
  /** What the last line is may depend on the next. */
  #last: Line | undefined
  #start = 0
  #blank = ''
  #blankLine = 0

  constructor(
    readonly structure: Structure,
    readonly most: number,
  ) {
    this.#outline = outlineOf(structure)
  }

  /** The units of the lines that end in what is added, the last excepted. */
  *add(piece: string): Generator<Unit> {
    for (const line of this.#lines.add(piece)) yield* this.#then(line)
  }

  /** What is left when the text ends. */
  *end(): Generator<Unit> {
    for (const line of this.#lines.end()) yield* this.#then(line)
    yield* this.#then(undefined)
  }

  *#then(line: Line | undefined): Generator<Unit> {
    const last = this.#last
    this.#last = line
    if (last) yield* this.#units(last, line?.text ?? '')
    if (!line) yield* this.#endBlank()
  }

  *#units({ text, number, starts }: Line, next: string): Generator<Unit> {
    this.#placed = starts ? this.#outline({ text, number, starts }, next) : { ...this.#placed, strength: strength.word }
    if (text.trim() === '' && text.length <= this.most) {
      if (this.#blank.length + text.length > this.most) yield* this.#endBlank()
      this.#blank += text
      this.#blankLine ||= number
      return
    }
    yield* this.#endBlank()
    for (const { text: part, tokens, at } of this.#parts(text)) yield this.#unit(part, number, tokens, at)
  }

  /** Empty lines are one unit, as far as they fit: a text may be full of them. */
  *#endBlank(): Generator<Unit> {
    if (this.#blank) yield this.#unit(this.#blank, this.#blankLine, tokensOf(this.#blank), strength.line)
    this.#blank = ''
    this.#blankLine = 0
  }

  #unit(text: string, line: number, tokens: number, at: number): Unit {
    const { heading, columns } = this.#placed
    const unit = { text, tokens, line, start: this.#start, strength: at, heading, columns }
    this.#start += text.length
    return unit
  }

  *#parts(text: string): Generator<{ text: string; tokens: number; at: number }> {
    let at = this.#placed.strength
    if (text.length <= 8 * this.most) {
      const tokens = tokensOf(text)
      if (tokens <= this.most) return yield { text, tokens, at }
    }
    const written = this.structure === 'markdown' || this.structure === 'prose'
    for (const { segment } of written ? sentences.segment(text) : [{ segment: text }]) {
      const tokens = segment.length <= 8 * this.most ? tokensOf(segment) : Number.POSITIVE_INFINITY
      for (const words of tokens <= this.most ? [{ text: segment, tokens }] : wordsOf(segment, this.most)) {
        yield { ...words, at }
        at = strength.word
      }
      at = strength.sentence
    }
  }
}
