interface Table {
  rows: number
  /** Cells of the row that is being written. */
  cells: number
  /** The table only places other blocks: its rows are not rows of a table. */
  layout: boolean
}

/** Lists deeper than this are indented no further. */
const deepest = 8
const drainUnits = 16_384

/**
 * Writes Markdown from the events of a document in another format. Memory does not grow with the document: `take` drains what is written.
 * Markup that would hold nothing, an empty heading or list item, is left out.
 */
export class MarkdownWriter {
  #out = ''
  #started = false
  /** Line breaks owed before what is written next, and whether a space is. */
  #breaks = 0
  #space = false
  #prefix = ''
  #pre = false
  #tables: Table[] = []
  #lists: number[] = []

  /** The table whose cell is being written. */
  get #cell(): Table | undefined {
    const table = this.#tables.at(-1)
    return table && !table.layout && table.cells > 0 ? table : undefined
  }

  #put(text: string): void {
    if (this.#breaks > 0 && this.#started) this.#out += '\n'.repeat(this.#breaks)
    else if (this.#space && this.#started) this.#out += ' '
    this.#breaks = 0
    this.#space = false
    this.#out += this.#prefix + text
    this.#prefix = ''
    this.#started = true
  }

  /** Text; runs of white space are one space, except in preformatted text. */
  text(raw: string): void {
    if (this.#pre) {
      if (raw) this.#put(raw)
      return
    }
    const text = raw.replace(/\s+/g, ' ')
    if (text.startsWith(' ')) this.#space = true
    const bare = text.trim()
    if (bare) this.#put(this.#cell ? bare.replaceAll('|', '\\|') : bare)
    if (text.length > 1 && text.endsWith(' ')) this.#space = true
  }

  /** Ends the line; within a cell of a table, the word. */
  line(): void {
    if (this.#cell) this.#space = true
    else this.#owe(1)
  }

  /** Ends the paragraph; within a cell of a table, the word. */
  block(): void {
    if (this.#cell) this.#space = true
    else this.#owe(2)
  }

  #owe(breaks: number): void {
    if (this.#pre) return
    this.#prefix = ''
    this.#breaks = Math.max(this.#breaks, breaks)
  }

  /** A block that no cell of a table can hold: the table around it only places blocks. */
  #structure(): void {
    const table = this.#tables.at(-1)
    if (table) table.layout = true
    this.block()
  }

  heading(level: number): void {
    this.#structure()
    this.#prefix = `${'#'.repeat(Math.min(6, Math.max(1, level)))} `
  }

  openList(ordered: boolean): void {
    if (this.#lists.length === 0) this.#structure()
    this.#lists.push(ordered ? 1 : 0)
  }

  closeList(): void {
    this.#lists.pop()
    if (this.#lists.length === 0) this.block()
  }

  /** An item of the innermost list, or of one that is `depth` deep. */
  item(depth = this.#lists.length): void {
    this.line()
    if (this.#cell) return
    const last = this.#lists.length - 1
    const number = this.#lists[last] ?? 0
    if (number > 0) this.#lists[last] = number + 1
    this.#prefix = `${'  '.repeat(Math.min(deepest, Math.max(1, depth)) - 1)}${number > 0 ? `${number}.` : '-'} `
  }

  openPre(): void {
    this.#structure()
    this.#put('```\n')
    this.#pre = true
  }

  closePre(): void {
    if (!this.#pre) return
    this.#pre = false
    this.#out += this.#out.endsWith('\n') ? '```' : '\n```'
    this.#owe(2)
  }

  openTable(): void {
    this.#structure()
    this.#tables.push({ rows: 0, cells: 0, layout: false })
  }

  #endRow(): void {
    const table = this.#cell
    if (!table) return
    this.#space = true
    this.#put('|')
    if (table.rows++ === 0) this.#out += `\n|${'---|'.repeat(table.cells)}`
    table.cells = 0
  }

  row(): void {
    this.#endRow()
    this.#owe(1)
  }

  cell(): void {
    const table = this.#tables.at(-1)
    if (!table || table.layout) this.block()
    else {
      if (table.cells++ > 0) this.#space = true
      this.#prefix += '| '
    }
  }

  closeTable(): void {
    this.#endRow()
    this.#tables.pop()
    this.#owe(2)
  }

  /** What is written by now, when it is worth taking. */
  take(): string {
    if (this.#out.length < drainUnits) return ''
    const out = this.#out
    // The last character, of which no half may be taken, is looked at when preformatted text ends.
    this.#out = out.slice(-2)
    return out.slice(0, -2)
  }

  /** The rest; what is still open is closed. */
  end(): string {
    this.closePre()
    while (this.#tables.length > 0) this.closeTable()
    return this.#started ? `${this.#out}\n` : ''
  }
}
