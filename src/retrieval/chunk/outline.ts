import type { Structure } from '../parse'
import type { Line } from './lines'

/** How well a text is cut at a place. From `part` on, what is on the two sides is not one thing. */
export const strength = { word: 0, sentence: 1, inner: 2, line: 3, block: 5, part: 6, heading: 8 } as const

/** What a line is to the text around it. */
export interface Placed {
  /** How well the text is cut before the line. */
  strength: number
  /** The headings that the line is under, outermost first, its own included. */
  heading: string
  /** The names of the columns, when the line is a row of a table. */
  columns: string
}

/** Tells of each line what it is; `next` is the line after it. Lines come in order; parts of long lines only as their first one. */
export type Outline = (line: Line, next: string) => Placed

/** Most that is looked at of a line, and kept of what it says, in UTF-16 units. */
const most = { head: 1_000, title: 120, heading: 300, columns: 500 }
const isBlank = (text: string) => text.trim() === ''
const plain = (text: string) => text.trim().replace(/\s+/g, ' ')

function proseOutline(): Outline {
  let blank = true
  let ended = true
  return ({ text }) => {
    const at = blank ? strength.block : ended ? strength.line + 1 : strength.line
    blank = isBlank(text)
    ended = /[.!?…:;。！？]["'”’)\]]*\s*$/.test(text.slice(-40))
    return { strength: at, heading: '', columns: '' }
  }
}

/** The outermost lines begin what belongs together: a function, an element, a member. Lines that only close something belong to it. */
function codeOutline(): Outline {
  let blank = true
  let closed = false
  return ({ text }) => {
    const indent = /^[ \t]*/.exec(text.slice(0, 64))?.[0] ?? ''
    const depth = indent.includes('\t') ? indent.length * 4 : indent.length
    const level = depth === 0 ? 2 : depth <= 4 ? 1 : 0
    const closes = /^\s*(?:[\])}]|<\/|end\b)/.test(text.slice(0, 80))
    const at = closes ? strength.inner : strength.inner + level + (blank ? 2 : closed ? 1 : 0)
    blank = isBlank(text)
    closed = closes && level > 0
    return { strength: at, heading: '', columns: '' }
  }
}

/** Rows of delimited values; a row may go on over several lines within quotes. */
function rowsOutline(): Outline {
  let columns: string | undefined
  let quoted = false
  return ({ text }) => {
    const at = quoted ? strength.inner : strength.block
    // Two quotes in a row stand for one and change nothing.
    for (let i = text.indexOf('"'); i >= 0; i = text.indexOf('"', i + 1)) quoted = !quoted
    if (columns === undefined) {
      columns = plain(text).slice(0, most.columns).toWellFormed()
      return { strength: at, heading: '', columns: '' }
    }
    return { strength: at, heading: '', columns }
  }
}

/** The level and title of a heading: a line that begins with `#`, or one that the next line underlines. */
function headingOf(line: string, next: string): { level: number; title: string } | null {
  const marked = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?\s*$/.exec(line)
  if (marked) return { level: marked[1]?.length ?? 1, title: marked[2] ?? '' }
  const underline = /^ {0,3}(=+|-{3,})\s*$/.exec(next)?.[1]
  if (!underline || !/^ {0,3}[^\s>|#=*+-]/.test(line)) return null
  return { level: underline.startsWith('=') ? 1 : 2, title: line }
}

function markdownOutline(): Outline {
  const path: { level: number; title: string }[] = []
  let heading = ''
  /** The mark that ends what is no Markdown: code, or fields before the text. */
  let fence = ''
  let blank = true
  let before: string | undefined
  let columns = ''
  const enter = ({ level, title }: { level: number; title: string }) => {
    while ((path.at(-1)?.level ?? 0) >= level) path.pop()
    path.push({ level, title: plain(title).slice(0, most.title).toWellFormed() })
    heading = path
      .map((each) => each.title)
      .join(' > ')
      .slice(-most.heading)
      .toWellFormed()
    return strength.heading + 6 - level
  }
  return ({ text }, next) => {
    const head = text.slice(0, most.head)
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(head)?.[1] ?? (/^---\s*$/.test(head) ? '---' : undefined)
    const title = fence || mark ? null : headingOf(head, next.slice(0, most.head))
    let at: number = blank ? strength.block : strength.line
    if (fence) {
      if (mark?.startsWith(fence)) fence = ''
      at = strength.inner
    } else if (mark && (mark !== '---' || before === undefined)) fence = mark
    else if (title) at = enter(title)
    else if (/^\s*(?:[-*+]|\d+[.)])\s/.test(head)) at = Math.max(at, strength.line + 1)
    if (fence || !head.includes('|')) columns = ''
    else if (/^\s*\|?\s*:?-{3,}:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/.test(head) && before?.includes('|'))
      columns = plain(before).slice(0, most.columns).toWellFormed()
    blank = isBlank(text)
    before = head
    return { strength: at, heading, columns }
  }
}

/** What tells the lines of a text apart. */
export const outlineOf = (structure: Structure): Outline =>
  ({ markdown: markdownOutline, prose: proseOutline, code: codeOutline, rows: rowsOutline })[structure]()
