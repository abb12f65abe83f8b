import { UnreadableFile } from './unreadable'

/** The encoding that a byte order mark names; UTF-8 without one. */
function encodingOf(head: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  return 'utf-8'
}

/** The encoding that the head of a HTML document declares, when this runtime knows it. */
function declaredDecoder(head: Uint8Array): TextDecoder | null {
  const label = /charset\s*=\s*["']?\s*([\w-]+)/i.exec(new TextDecoder('latin1').decode(head.subarray(0, 1024)))?.[1]
  try {
    return label && !/^utf-?16/i.test(label) ? new TextDecoder(label) : null
  } catch {
    return null
  }
}

const noText = 'The file is not text: it holds NUL bytes. If it is text in UTF-16 or UTF-32, save it as UTF-8 and upload it again.'

/**
 * The text of bytes, without a byte order mark: UTF-16 when the mark says so, else UTF-8 or, with `declared`, what the head of the document
 * names. What is invalid is replaced by U+FFFD, so that the text is well formed. Throws UnreadableFile at the first NUL, which no text has.
 */
export async function* decoded(bytes: AsyncIterable<Uint8Array>, { declared = false } = {}): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  let head = new Uint8Array(0)
  const textOf = (chunk: Uint8Array, end: boolean): string => {
    if (!decoder) {
      const encoding = encodingOf(chunk)
      decoder = (declared && encoding === 'utf-8' ? declaredDecoder(chunk) : null) ?? new TextDecoder(encoding)
    }
    const text = decoder.decode(chunk, { stream: !end })
    if (text.includes('\0')) throw new UnreadableFile(noText)
    return text
  }
  const headBytes = declared ? 1024 : 2
  for await (let chunk of bytes) {
    if (!decoder) {
      const joined = new Uint8Array(head.length + chunk.length)
      joined.set(head)
      joined.set(chunk, head.length)
      if (joined.length < headBytes) {
        head = joined
        continue
      }
      chunk = joined
      head = new Uint8Array(0)
    }
    const text = textOf(chunk, false)
    if (text) yield text
  }
  const last = textOf(head, true)
  if (last) yield last
}

/** All bytes of a stream. Throws UnreadableFile over `most`; `what` names the format in its message. */
export async function collected(bytes: AsyncIterable<Uint8Array>, most: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > most)
      throw new UnreadableFile(
        `The file is over ${Math.floor(most / 1024 / 1024)} MB, which is the most for ${what}. Split it, or upload its text.`,
      )
    chunks.push(chunk)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
