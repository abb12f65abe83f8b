import { collected, decoded } from './decode'
import { docxText } from './docx'
import { htmlText } from './html'
import { looked, spread } from './json'
import { type ParseLimits, parseLimits } from './limits'
import { pdfText } from './pdf'
import { UnreadableFile } from './unreadable'

export { decoded } from './decode'
export { type ParseLimits, parseLimits } from './limits'
export { UnreadableFile } from './unreadable'

/** How a text is built, which tells where it is best cut. */
export type Structure = 'markdown' | 'prose' | 'code' | 'rows'

/** Turns files of other formats into Markdown, where the platform can. */
export interface Converter {
  takes(type: string): boolean
  /** The Markdown of a file. Throws UnreadableFile when the file cannot be converted, anything else when it may be tried again. */
  convert(name: string, type: string, bytes: Uint8Array<ArrayBuffer>): Promise<string>
}

/** A file to be read. */
export interface ParseSource {
  name: string
  /** MIME type. */
  type: string
  bytes: AsyncIterable<Uint8Array>
}

export interface ParseOptions {
  limits?: ParseLimits
  converter?: Converter | null
}

/** The text of a file. */
export interface ParsedFile {
  text: AsyncIterable<string>
  structure: Structure
  /** The text is what `decoded` makes of the bytes: nothing was converted. */
  asIs: boolean
}

export const pdfType = 'application/pdf'
export const docxType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

const prose = new Set(['text/plain', 'text/x-tex', 'text/rtf'])

/** How the text of a file of a type is built. */
export function structureOf(type: string, converter: Converter | null = null): Structure {
  if (converter?.takes(type) || ['text/markdown', 'text/html', pdfType, docxType].includes(type)) return 'markdown'
  if (type === 'text/csv' || type === 'text/tab-separated-values') return 'rows'
  return prose.has(type) ? 'prose' : 'code'
}

async function* converted({ name, type, bytes }: ParseSource, converter: Converter, limits: ParseLimits): AsyncGenerator<string> {
  const text = await converter.convert(name, type, await collected(bytes, limits.wholeBytes, 'a file that is converted'))
  if (!text.trim()) throw new UnreadableFile('The file holds no text.')
  yield text.replaceAll('\0', '').toWellFormed()
}

async function* whole(
  { bytes }: ParseSource,
  what: string,
  limits: ParseLimits,
  read: (file: Uint8Array, limits: ParseLimits) => AsyncGenerator<string>,
): AsyncGenerator<string> {
  yield* read(await collected(bytes, limits.wholeBytes, what), limits)
}

/**
 * The text of a file in pieces, none of which holds a NUL or half of a character: Markdown for HTML, PDF, DOCX and what the converter takes;
 * minified JSON spread over lines; all other types as they are. Reading the text throws UnreadableFile when the file is not what its type
 * says, is damaged, or would take more than the limits.
 */
export async function parsed(source: ParseSource, { limits = parseLimits, converter = null }: ParseOptions = {}): Promise<ParsedFile> {
  const { type, bytes } = source
  const structure = structureOf(type, converter)
  const made = (text: AsyncIterable<string>): ParsedFile => ({ text, structure, asIs: false })
  if (converter?.takes(type)) return made(converted(source, converter, limits))
  if (type === pdfType) return made(whole(source, 'a PDF', limits, pdfText))
  if (type === docxType) return made(whole(source, 'a DOCX', limits, docxText))
  if (type === 'text/html') return made(htmlText(decoded(bytes, { declared: true })))
  if (type === 'application/json') {
    const { minified, text } = await looked(decoded(bytes))
    return minified ? made(spread(text)) : { text, structure, asIs: true }
  }
  return { text: decoded(bytes), structure, asIs: true }
}
