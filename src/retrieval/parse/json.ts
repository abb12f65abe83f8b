/** How far a JSON text is looked at, and the line length beyond which it counts as written without line breaks, in UTF-16 units. */
const headUnits = 65_536
const longLine = 2_000

/** Deepest indentation. A text that would become more than so many times longer by it is indented no further. */
const deepest = 32
const growth = { most: 4, free: 65_536 }

/**
 * Puts the members of a minified JSON text on lines of their own, indented. It works on the characters: no value changes, whatever its
 * precision or size, text that is no JSON comes out with more line breaks, and what is held in memory is one piece.
 */
export async function* spread(text: AsyncIterable<string>): AsyncGenerator<string> {
  let depth = 0
  let quoted = false
  let escaped = false
  /** The bracket that was just opened, held back: an empty list or object stays on one line. */
  let opened = ''
  /** Units of the pieces before, and of what was made of them. */
  let read = 0
  let made = 0
  for await (const piece of text) {
    let out = ''
    let at = 0
    const line = () => {
      const grown = made + out.length > growth.most * (read + at) + growth.free
      return grown ? '\n' : `\n${'  '.repeat(Math.min(depth, deepest))}`
    }
    for (; at < piece.length; at++) {
      const char = piece.charAt(at)
      if (quoted) {
        // Most of a JSON text is within quotes: runs are copied at once.
        let to = at
        if (!escaped) while (to < piece.length && piece.charCodeAt(to) !== 0x22 && piece.charCodeAt(to) !== 0x5c) to++
        if (to > at) {
          out += piece.slice(at, to)
          at = to - 1
          continue
        }
        if (escaped) escaped = false
        else if (char === '\\') escaped = true
        else if (char === '"') quoted = false
        out += char
        continue
      }
      if (char === ' ' || char === '\n' || char === '\r' || char === '\t') continue
      const closes = char === '}' || char === ']'
      if (closes) depth = Math.max(0, depth - 1)
      if (opened) {
        out += closes ? opened : opened + line()
        opened = ''
      } else if (closes) out += line()
      if (char === '{' || char === '[') {
        depth++
        opened = char
        continue
      }
      out += char === ',' ? `,${line()}` : char === ':' ? ': ' : char
      quoted = char === '"'
    }
    read += piece.length
    made += out.length
    if (out) yield out
  }
  yield opened ? `${opened}\n` : '\n'
}

/** Whether a text has long lines where it begins, and the text again. */
export async function looked(text: AsyncIterator<string>): Promise<{ minified: boolean; text: AsyncGenerator<string> }> {
  let head = ''
  let ended = false
  while (!ended && head.length < headUnits) {
    const { done, value } = await text.next()
    if (done) ended = true
    else head += value
  }
  const start = head.slice(0, headUnits)
  const minified = start.split('\n').some((line) => line.length > longLine)
  async function* whole() {
    if (head) yield head
    while (!ended) {
      const { done, value } = await text.next()
      if (done) return
      yield value
    }
  }
  return { minified, text: whole() }
}
