import { Parser } from 'htmlparser2'
import { decoded } from './decode'
import { inMegabytes, type ParseLimits } from './limits'
import { MarkdownWriter } from './markdown'
import { UnreadableFile } from './unreadable'
import { entriesOf, type Unpacked, unpacked } from './zip'

type Attributes = Record<string, string>

interface Handler {
  open(name: string, attributes: Attributes): void
  close(name: string): void
  text?(text: string): void
}

/** Elements within elements; a document has some dozens. */
const deepest = 1_000

const ole = [0xd0, 0xcf, 0x11, 0xe0]

/** The parts of a document that hold text, read one after the other. */
class Parts {
  readonly #entries: ReturnType<typeof entriesOf>
  readonly #unpacked: Unpacked = { bytes: 0 }

  constructor(
    file: Uint8Array,
    readonly limits: ParseLimits,
  ) {
    this.#entries = entriesOf(file, limits.entries)
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** Reads a part as XML, without entities but XML's own. After each piece it yields, for whoever takes what the handler made of it. */
  async *read(name: string, handler: Handler): AsyncGenerator<void> {
    const entry = this.#entries.get(name)
    if (!entry) return
    let depth = 0
    const parser = new Parser(
      {
        onopentag: (tag, attributes) => {
          if (++depth > deepest) throw new UnreadableFile(`'${name}' in the file is nested more than ${deepest} deep; it is not read.`)
          handler.open(tag, attributes)
        },
        onclosetag: (tag) => {
          depth--
          handler.close(tag)
        },
        ontext: (text) => handler.text?.(text),
      },
      { xmlMode: true, decodeEntities: true },
    )
    async function* bytes(pieces: Iterable<Uint8Array>) {
      yield* pieces
    }
    for await (const text of decoded(bytes(unpacked(name, entry, this.limits, this.#unpacked)))) {
      parser.write(text)
      yield
    }
    parser.end()
  }
}

/** Levels of the styles that are headings: their ids are in the language of the program, their names are not. */
async function headingLevels(parts: Parts): Promise<Map<string, number>> {
  const levels = new Map<string, number>()
  let style = ''
  const handler: Handler = {
    open(name, attributes) {
      const value = attributes['w:val'] ?? ''
      if (name === 'w:style') style = attributes['w:styleId'] ?? ''
      else if (name === 'w:name') {
        const level = /^heading (\d)$/i.exec(value)?.[1] ?? (/^title$/i.test(value) ? '1' : undefined)
        if (level) levels.set(style, Number(level))
      } else if (name === 'w:outlineLvl' && Number(value) < 9 && !levels.has(style)) levels.set(style, Number(value) + 1)
    },
    close: () => undefined,
  }
  for await (const _ of parts.read('word/styles.xml', handler));
  return levels
}

/** Elements whose content is not part of the text: deleted text, codes of fields, what stands in for a drawing. */
const unseen = new Set(['w:del', 'w:delText', 'w:instrText', 'mc:Fallback', 'w:sectPr'])

const mark = (kind: string, attributes: Attributes) => `[^${kind}${attributes['w:id'] ?? ''}]`

/** Writes the paragraphs, lists, tables and footnote marks of a part. */
class BodyHandler implements Handler {
  #unseen = 0
  #inText = 0
  protected paragraph = { level: 0, list: -1, begun: false }

  constructor(
    readonly writer: MarkdownWriter,
    readonly levels: Map<string, number>,
  ) {}

  /** What a paragraph is follows from its properties, which come before its text. */
  #begin(): void {
    const { level, list, begun } = this.paragraph
    if (begun) return
    this.paragraph.begun = true
    if (level > 0) this.writer.heading(level)
    else if (list >= 0) this.writer.item(list + 1)
    else this.writer.block()
  }

  open(name: string, attributes: Attributes): void {
    if (unseen.has(name)) this.#unseen++
    if (this.#unseen > 0) return
    const { writer } = this
    const value = attributes['w:val'] ?? ''
    if (name === 'w:p') {
      this.paragraph = { level: 0, list: -1, begun: false }
      writer.line()
    } else if (name === 'w:pStyle') this.paragraph.level = this.levels.get(value) ?? 0
    else if (name === 'w:outlineLvl' && Number(value) < 9) this.paragraph.level = Number(value) + 1
    else if (name === 'w:numPr') this.paragraph.list = Math.max(0, this.paragraph.list)
    else if (name === 'w:ilvl') this.paragraph.list = Math.min(8, Math.max(0, Number(value) || 0))
    else if (name === 'w:t') this.#inText++
    else if (name === 'w:tab' || name === 'w:ptab') writer.text(' ')
    else if (name === 'w:br' || name === 'w:cr') writer.line()
    else if (name === 'w:noBreakHyphen') this.#write('-')
    else if (name === 'w:footnoteReference') this.#write(mark('', attributes))
    else if (name === 'w:endnoteReference') this.#write(mark('e', attributes))
    else if (name === 'w:tbl') writer.openTable()
    else if (name === 'w:tr') writer.row()
    else if (name === 'w:tc') writer.cell()
  }

  #write(text: string): void {
    this.#begin()
    this.writer.text(text)
  }

  text(text: string): void {
    if (this.#inText > 0 && this.#unseen === 0) this.#write(text)
  }

  close(name: string): void {
    if (unseen.has(name)) this.#unseen--
    if (this.#unseen > 0) return
    if (name === 'w:t') this.#inText = Math.max(0, this.#inText - 1)
    else if (name === 'w:tbl') this.writer.closeTable()
    else if (name === 'w:p' && this.paragraph.list < 0) this.writer.block()
    else if (name === 'w:p') this.writer.line()
  }
}

/** Writes footnotes or endnotes, each after its mark. */
class NotesHandler extends BodyHandler {
  override open(name: string, attributes: Attributes): void {
    if (name === 'w:p') this.paragraph = { level: 0, list: -1, begun: true }
    else if (name !== 'w:footnote' && name !== 'w:endnote') super.open(name, attributes)
    // Notes below 1 are the lines that separate notes from the text.
    else if (Number(attributes['w:id']) > 0) {
      this.writer.block()
      this.writer.text(`${mark(name === 'w:endnote' ? 'e' : '', attributes)}: `)
    }
  }
}

/**
 * The text of a Word document as Markdown: headings, paragraphs, lists, tables and notes. Throws UnreadableFile for what is no DOCX, is
 * encrypted, damaged or unpacks to more than the limits.
 */
export async function* docxText(file: Uint8Array, limits: ParseLimits): AsyncGenerator<string> {
  if (ole.every((byte, i) => file[i] === byte))
    throw new UnreadableFile(
      'The file is protected by a password, or is an old .doc. Save it as .docx without a password and upload it again.',
    )
  const parts = new Parts(file, limits)
  if (!parts.has('word/document.xml'))
    throw new UnreadableFile("The file is no Word document: its archive has no 'word/document.xml'. Save it as .docx and upload it again.")
  const levels = await headingLevels(parts)
  const writer = new MarkdownWriter()
  let units = 0
  const taken = (out: string) => {
    units += out.length
    if (units > limits.text) throw new UnreadableFile(`The text of the file is over ${inMegabytes(limits.text)}. Split it.`)
    return out
  }
  const bodies: [name: string, handler: Handler][] = [
    ['word/document.xml', new BodyHandler(writer, levels)],
    ['word/footnotes.xml', new NotesHandler(writer, levels)],
    ['word/endnotes.xml', new NotesHandler(writer, levels)],
  ]
  for (const [name, handler] of bodies) {
    writer.block()
    for await (const _ of parts.read(name, handler)) {
      const out = taken(writer.take())
      if (out) yield out
    }
  }
  const rest = taken(writer.end())
  if (rest) yield rest
}
