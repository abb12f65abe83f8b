/** Longest piece in which a line is given, and how much of it the next piece of the same line begins with, in UTF-16 units. */
export const pieceMost = 65_536
export const pieceOverlap = 4_096

/** A line, or a piece of one that is longer than `pieceMost`. */
export interface LinePiece {
  /** The line's number, from 1. */
  line: number
  text: string
  /** Whether the line begins and ends with this piece. */
  first: boolean
  last: boolean
}

/**
 * Cuts a text that comes in pieces of any size into its lines, without their line breaks (`\n` or `\r\n`); a break at the end of the text begins no line.
 * What is held is bounded, however long a line is.
 */
export function lineReader(each: (piece: LinePiece) => void): { push(text: string): void; end(): void } {
  let line = 1
  let rest = ''
  let first = true
  const give = (text: string, last: boolean) => each({ line, text: last && text.endsWith('\r') ? text.slice(0, -1) : text, first, last })
  const shorten = () => {
    while (rest.length > pieceMost) {
      give(rest.slice(0, pieceMost), false)
      rest = rest.slice(pieceMost - pieceOverlap)
      first = false
    }
  }
  return {
    push(text) {
      let from = 0
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
        rest += text.slice(from, at)
        shorten()
        give(rest, true)
        line++
        rest = ''
        first = true
        from = at + 1
      }
      rest += text.slice(from)
      shorten()
    },
    end() {
      if (rest !== '' || !first) give(rest, true)
    },
  }
}
