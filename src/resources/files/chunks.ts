/** Longest passage of a file, in UTF-16 units: about three hundred tokens. */
export const passageMax = 1_200

/** Where a text that is too long is cut: after the last space in its second half, else at `max`, never within a surrogate pair. */
function cutAt(text: string, max: number): number {
  const space = text.lastIndexOf(' ', max - 1)
  if (space >= max / 2) return space + 1
  const within = (text.charCodeAt(max - 1) & 0xfc00) === 0xd800
  return within ? max - 1 : max
}

/**
 * A text, given in pieces, as passages of at most `max` UTF-16 units: whole lines as far as they fit, longer lines cut at a space. Put
 * together the passages are the text, whatever its pieces are.
 */
export async function* passagesOf(text: AsyncIterable<string> | Iterable<string>, max = passageMax): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of text) {
    rest += piece
    let from = 0
    // While there is more than a passage, where one ends does not depend on what is to come.
    while (rest.length - from > max) {
      const window = rest.slice(from, from + max + 1)
      const line = window.lastIndexOf('\n', max - 1)
      const length = line >= 0 ? line + 1 : cutAt(window, max)
      yield rest.slice(from, from + length)
      from += length
    }
    rest = rest.slice(from)
  }
  if (rest) yield rest
}
