import { dedented } from './literals'

/** What a docstring in Google's style says. */
export interface Docstring {
  /** Everything before the sections, and the examples. Empty when there is nothing. */
  description: string
  /** What is said of each argument or attribute, by its name. */
  of: Map<string, string>
}

const described = ['args', 'arguments', 'parameters', 'params', 'keyword args', 'keyword arguments', 'other parameters', 'attributes']
const examples = ['example', 'examples']
const left = ['returns', 'return', 'yields', 'yield', 'raises', 'raise', 'except', 'exceptions', 'warns']

const header = /^([A-Za-z]+(?: [A-Za-z]+)?):[ \t]*$/
/** `Returns: bool` on one line begins a section too; `Example: like this` is a sentence. */
const leftHeader = /^(Returns?|Yields?|Raises?):/
const entry = /^\*{0,2}([\p{L}_][\p{L}\p{N}_]*)[ \t]*(?:\((?:.*?)\)[ \t]*)?:(.*)$/u

const widthOf = (line: string): number => line.length - line.trimStart().length

/** The sections of a docstring in order: their names in lower case (the first is '') and their lines. */
function sectionsOf(text: string): { name: string; lines: string[] }[] {
  const sections = [{ name: '', lines: [] as string[] }]
  for (const line of text.split('\n')) {
    const named = header.exec(line)?.[1]?.toLowerCase() ?? leftHeader.exec(line)?.[1]?.toLowerCase()
    const known = named !== undefined && [...described, ...examples, ...left].includes(named)
    if (known) sections.push({ name: named, lines: [] })
    else sections.at(-1)?.lines.push(line)
  }
  return sections
}

/** The entries of a section. Lines that are indented deeper than the first belong to the entry before them. */
function entriesOf(lines: string[]): { entries: [string, string][]; rest: string[] } {
  const found: [string, string[]][] = []
  const start = lines.findIndex((line) => line.trim() !== '')
  const margin = widthOf(lines[start] ?? '')
  const end = lines.findIndex((line, i) => i > start && (line.trim() === '' ? margin === 0 : widthOf(line) < margin))
  const own = end < 0 ? lines : lines.slice(0, end)
  for (const line of own) {
    const [, name, text = ''] = (widthOf(line) === margin && entry.exec(line.trim())) || []
    if (name !== undefined) found.push([name, [text.trim()]])
    else found.at(-1)?.[1].push(line)
  }
  const entries = found.map(([name, [first = '', ...more]]): [string, string] => [
    name,
    `${first}\n${dedented(`\n${more.join('\n')}`)}`.trim(),
  ])
  return { entries, rest: end < 0 ? [] : lines.slice(end) }
}

/** Reads a docstring. Sections of what is returned or raised are left out. */
export function readDocstring(docstring: string): Docstring {
  const prose: string[] = []
  const of = new Map<string, string>()
  for (const { name, lines } of sectionsOf(dedented(docstring))) {
    if (described.includes(name)) {
      const { entries, rest } = entriesOf(lines)
      for (const [key, text] of entries) of.set(key, text)
      prose.push(rest.join('\n'))
    } else if (examples.includes(name)) prose.push(`${name === 'example' ? 'Example' : 'Examples'}:\n${lines.join('\n').trimEnd()}`)
    else if (name === '') prose.push(lines.join('\n'))
  }
  const description = prose
    .map((part) => part.trim())
    .filter(Boolean)
    .join('\n\n')
  return { description, of }
}
