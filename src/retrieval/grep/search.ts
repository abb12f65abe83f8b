import { type LinePiece, lineReader } from './lines'
import type { LinePattern } from './pattern'

/** Longest part of a line that is shown, in UTF-16 units. */
const shownMost = 300

/** Hits after which a search ends. */
export const hitsMost = 1_000

/** A line that matches, as it is shown: with the lines around it, each cut to what is worth showing. */
export interface Hit {
  file_name: string
  /** From 1. */
  line: number
  text: string
  before: string[]
  after: string[]
}

export interface SearchOptions {
  /** Lines shown before and after each hit. */
  context: number
  /** Hits to leave out of what is shown, and to show after them. */
  skip: number
  show: number
}

const isLow = (unit: number) => (unit & 0xfc00) === 0xdc00

/** A line cut to `shownMost` around the place `from`, with `…` where something is left out. */
function excerpt(text: string, { first, last }: Pick<LinePiece, 'first' | 'last'>, from = 0): string {
  let begin = text.length <= shownMost ? 0 : Math.max(0, Math.min(from - shownMost / 4, text.length - shownMost))
  let end = Math.min(text.length, begin + shownMost)
  if (isLow(text.charCodeAt(begin))) begin++
  if (end < text.length && isLow(text.charCodeAt(end))) end--
  return `${begin > 0 || !first ? '…' : ''}${text.slice(begin, end)}${end < text.length || !last ? '…' : ''}`
}

/**
 * A search through one file after the other, line by line: it counts the lines that match and keeps those that are to be shown. A line
 * longer than `pieceMost` is searched piece by piece.
 */
export class LineSearch {
  readonly hits: Hit[] = []
  readonly files: { file_name: string; hits: number }[] = []
  /** Whether some line was searched in pieces. */
  cutLines = false
  #found = 0
  readonly #pattern: LinePattern
  readonly #options: SearchOptions

  constructor(pattern: LinePattern, options: SearchOptions) {
    this.#pattern = pattern
    this.#options = options
  }

  get found(): number {
    return this.#found
  }

  get isFull(): boolean {
    return this.#found >= hitsMost
  }

  /** Takes up the text of a file. `isDone`: nothing more of it is of interest. */
  file(file_name: string): { push(text: string): void; end(): void; isDone(): boolean } {
    const { context } = this.#options
    const recent: string[] = []
    let open: Hit[] = []
    let matched = false
    let head = ''
    const reader = lineReader((piece) => {
      if (!piece.last) this.cutLines = true
      if (piece.first) {
        matched = false
        head = context > 0 ? excerpt(piece.text, piece) : ''
      }
      if (!matched && !this.isFull && this.#pattern.test(piece)) {
        matched = true
        const hit = this.#count(file_name, piece, recent)
        if (hit && context > 0) open.push(hit)
      }
      if (!piece.last || context === 0) return
      for (const hit of open) if (hit.line < piece.line) hit.after.push(head)
      if (open.length > 0) open = open.filter((hit) => hit.after.length < context)
      if (recent.push(head) > context) recent.shift()
    })
    return { ...reader, isDone: () => this.isFull && open.length === 0 }
  }

  #count(file_name: string, piece: LinePiece, before: string[]): Hit | null {
    const { skip, show } = this.#options
    const last = this.files.at(-1)
    if (last?.file_name === file_name) last.hits++
    else this.files.push({ file_name, hits: 1 })
    const n = this.#found++
    if (n < skip || n >= skip + show) return null
    const text = excerpt(piece.text, piece, this.#pattern.place(piece)?.[0])
    const hit = { file_name, line: piece.line, text, before: [...before], after: [] }
    this.hits.push(hit)
    return hit
  }
}
