import { Tokenizer } from 'htmlparser2'
import { MarkdownWriter } from './markdown'

const words = (text: string) => new Set(text.split(' '))
const headings = words('h1 h2 h3 h4 h5 h6')
const blocks = words(
  'address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form header hgroup html main nav p section summary title caption legend hr',
)
const lines = words('br option tbody thead tfoot')
/** Elements whose content nobody reads. Their content may hold elements of the same name. */
const unseen = words('script style template noscript iframe object svg math audio video canvas')
/** Elements that need no end tag: one that is hidden ends where the next of its kind begins. */
const open = words('p li dt dd td th tr option optgroup tbody thead tfoot')
const empty = words('area base br col embed hr img input link meta source track wbr')

/** Longest name or value of an attribute that is read, in UTF-16 units, and longest part of the document that is held for one token. */
const attributeUnits = 1_000
const tokenUnits = 65_536

interface Tag {
  name: string
  hidden: boolean
  alt: string
}

/** What of a HTML document is read, as Markdown. There is no tree of it, so neither its depth nor its size matters. */
class HtmlReader {
  readonly writer = new MarkdownWriter()
  #tag: Tag = { name: '', hidden: false, alt: '' }
  /** The unseen element that the reader is in, and how many of its name are open. */
  #skipped: { name: string; open: number } | null = null

  opens(name: string): void {
    this.#tag = { name, hidden: false, alt: '' }
  }

  attribute(name: string, value: string): void {
    if (name === 'hidden' && value !== 'until-found') this.#tag.hidden = true
    else if (name === 'style' && /(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(value)) this.#tag.hidden = true
    else if (name === 'alt') this.#tag.alt = value
  }

  opened(closed: boolean): void {
    const { name, hidden, alt } = this.#tag
    const skipped = this.#skipped
    if (skipped) {
      if (skipped.name !== name) return
      if (!open.has(name)) {
        if (!closed) skipped.open++
        return
      }
      this.#skipped = null
    }
    if ((hidden || unseen.has(name)) && !empty.has(name)) {
      if (!closed) this.#skipped = { name, open: 1 }
    } else if (!hidden) this.#begin(name, alt)
  }

  #begin(name: string, alt: string): void {
    const { writer } = this
    if (headings.has(name)) writer.heading(Number(name.charAt(1)))
    else if (blocks.has(name)) writer.block()
    else if (lines.has(name)) writer.line()
    else if (name === 'li') writer.item()
    else if (name === 'ul' || name === 'ol' || name === 'menu') writer.openList(name === 'ol')
    else if (name === 'pre') writer.openPre()
    else if (name === 'table') writer.openTable()
    else if (name === 'tr') writer.row()
    else if (name === 'td' || name === 'th') writer.cell()
    else if (name === 'img' && alt) writer.text(` ${alt.toWellFormed()} `)
  }

  closes(name: string): void {
    const skipped = this.#skipped
    if (skipped) {
      if (skipped.name === name) skipped.open--
      // An element without an end tag ends with what it is in.
      const ended =
        skipped.open === 0 || (open.has(skipped.name) && (blocks.has(name) || ['ul', 'ol', 'table', 'select', 'dl'].includes(name)))
      if (!ended) return
      this.#skipped = null
      if (skipped.name === name) return
    }
    const { writer } = this
    if (headings.has(name) || blocks.has(name)) writer.block()
    else if (name === 'ul' || name === 'ol' || name === 'menu') writer.closeList()
    else if (name === 'pre') writer.closePre()
    else if (name === 'table') writer.closeTable()
  }

  text(text: string): void {
    if (!this.#skipped) this.writer.text(text)
  }
}

/** The tokenizer of htmlparser2, feeding a reader: it names parts of the document by their places, so the end of the document is held. */
function tokenized(reader: HtmlReader): { write(piece: string): void; end(): void } {
  let held = ''
  let base = 0
  let used = 0
  const part = (from: number, to: number) => {
    used = Math.max(used, to)
    return held.slice(Math.max(0, from - base), Math.max(0, to - base))
  }
  let name = ''
  let value = ''
  const skip = (_from: number, to: number) => {
    used = Math.max(used, to)
  }
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      ontext: (from, to) => reader.text(part(from, to)),
      ontextentity: (code) => reader.text(String.fromCodePoint(code)),
      onopentagname: (from, to) => reader.opens(part(from, to).toLowerCase()),
      onattribname: (from, to) => {
        name = part(from, to).toLowerCase()
        value = ''
      },
      onattribdata: (from, to) => {
        value += part(from, Math.min(to, from + attributeUnits - Math.min(attributeUnits, value.length)))
        used = Math.max(used, to)
      },
      onattribentity: (code) => {
        if (value.length < attributeUnits) value += String.fromCodePoint(code)
      },
      onattribend: () => reader.attribute(name, value),
      onopentagend: () => reader.opened(false),
      onselfclosingtag: () => reader.opened(true),
      onclosetag: (from, to) => reader.closes(part(from, to).toLowerCase()),
      oncdata: skip,
      oncomment: skip,
      ondeclaration: skip,
      onprocessinginstruction: skip,
      onend: () => undefined,
    },
  )
  return {
    write(piece) {
      held += piece
      tokenizer.write(piece)
      // A token that is longer than this is a comment, or is of no use.
      const from = Math.max(used - base, held.length - tokenUnits)
      held = held.slice(from)
      base += from
    },
    end: () => tokenizer.end(),
  }
}

/**
 * What of a HTML document is read, as Markdown: headings, paragraphs, lists, tables, preformatted text and the texts of links and images.
 * Scripts, styles and what is hidden are left out. Memory does not grow with the document.
 */
export async function* htmlText(text: AsyncIterable<string>): AsyncGenerator<string> {
  const reader = new HtmlReader()
  const tokenizer = tokenized(reader)
  for await (const piece of text) {
    tokenizer.write(piece)
    const out = reader.writer.take()
    if (out) yield out
  }
  tokenizer.end()
  const rest = reader.writer.end()
  if (rest) yield rest
}
