/** Lines of a file to show, counted from 1, both ends among them; open ends are those of the file. */
export interface LineRange {
  start?: number | undefined
  end?: number | undefined
}

/** What of a file is seen. */
export interface FileView {
  content: string
  start_line: number | null
  end_line: number | null
}

const headOf = ({ start, end }: LineRange, last: number, lines: number): string =>
  start === undefined && end === undefined
    ? `[Viewing file start (out of ${lines} lines)]`
    : `[Viewing lines ${start ?? 1} to ${last} (out of ${lines} lines)]`

const cutNote = (limit: number) => `\n[The view is cut at ${limit} characters. Open fewer lines to see the others.]`

/** How many lines a text has, counted piece by piece. A line break at its end begins no line. */
export function lineCounter(): { add(piece: string): void; count(): number } {
  let ends = 0
  let last = '\n'
  return {
    add(piece) {
      for (let at = piece.indexOf('\n'); at >= 0; at = piece.indexOf('\n', at + 1)) ends++
      last = piece.at(-1) ?? last
    },
    count: () => ends + (last === '\n' ? 0 : 1),
  }
}

/** `first` to `last` of a text's lines, numbered, each after a line break; what is over `limit` UTF-16 units may be missing. */
async function numbered(text: AsyncIterable<string>, first: number, last: number, limit: number): Promise<string> {
  let body = ''
  let line = 0
  let starts = true
  for await (const piece of text) {
    for (let from = 0; from < piece.length; ) {
      const end = piece.indexOf('\n', from)
      const to = end < 0 ? piece.length : end
      if (starts) line++
      if (line > last || body.length > limit) return body
      if (line >= first) {
        body += `${starts ? `\n${line}: ` : ''}${piece.slice(from, to)}`
        if (end >= 0 && body.endsWith('\r')) body = body.slice(0, -1)
      }
      starts = end >= 0
      from = to + 1
    }
  }
  return body
}

/**
 * Lines of a text with their numbers, under a line that says which they are, cut to `limit` UTF-16 units with a note. Reads little more of
 * the text than it shows. `lines` is how many the text has.
 */
export async function viewOf(text: AsyncIterable<string>, lines: number, range: LineRange, limit: number): Promise<FileView> {
  const last = Math.min(lines, range.end ?? lines)
  const content = headOf(range, last, lines) + (await numbered(text, range.start ?? 1, last, limit))
  const kept = content.slice(0, Math.max(0, limit - cutNote(limit).length)).replace(/[\ud800-\udbff]$/, '')
  return {
    content: content.length <= limit ? content : (kept + cutNote(limit)).slice(0, limit),
    start_line: range.start ?? null,
    end_line: range.end ?? null,
  }
}

/** What a view shows: the lines of which something is seen, and whether it was cut. Null when no line is seen. */
export function linesShown({ content, start_line }: FileView): { first: number; last: number; is_cut: boolean } | null {
  const head = content.indexOf('\n')
  if (head < 0 || !content.startsWith('[Viewing ')) return null
  const body = content.slice(head).replace(/\n\[The view is cut at \d+ characters\.[^\n]*$/, '')
  const count = body.split('\n').length - 1
  const first = start_line ?? 1
  return count === 0 ? null : { first, last: first + count - 1, is_cut: head + body.length < content.length }
}
