/** A file that is not the text it should be; the message is told to who asks for the file. */
export class UnreadableFile extends Error {}

/**
 * The text of bytes: UTF-8 without a byte order mark, what is invalid replaced by U+FFFD. Throws UnreadableFile at the first NUL byte,
 * which no text has.
 */
export async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const chunk of bytes) {
    if (chunk.includes(0))
      throw new UnreadableFile('The file is not text: it holds NUL bytes. If it is text in UTF-16, save it as UTF-8 and upload it again.')
    const text = decoder.decode(chunk, { stream: true })
    if (text) yield text
  }
  const last = decoder.decode()
  if (last) yield last
}
