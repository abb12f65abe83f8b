import type { SyntaxNode, SyntaxNodeRef } from '@lezer/common'
import { parser } from '@lezer/python'
import type { Grammar, Patch } from '../syntax'

/** How far back a gap looks for its beginning, and how far ahead for its end. */
const lookBack = 200
const lookAhead = 5000

/** `1.` and `24.*2`: the grammar takes the dot for the start of a name. */
function trailingDot(text: string, at: number): Patch | null {
  const before = text.slice(Math.max(0, at - lookBack), at).trimEnd()
  if (!/(^|[^\w.])\d[\d_]*\.$/.test(before)) return null
  return { from: text.lastIndexOf('.', at - 1), code: '0' }
}

/** A `yield` without a value. */
function bareYield(text: string, at: number): Patch | null {
  const before = text.slice(Math.max(0, at - lookBack), at).trimEnd()
  return /(^|\W)yield$/.test(before) ? { from: text.lastIndexOf('yield', at - 1), code: 'None ' } : null
}

/** What stands between a keyword and the colon of its block: `with (a as b, c as d):`, `case ast.Name():`. */
const header = (statement: string, keyword: string, code: string) => (text: string, _at: number, error: SyntaxNode) => {
  let owner: SyntaxNode | null = error
  for (let up = 0; owner && owner.name !== statement; up++) owner = up < 20 ? owner.parent : null
  const start = owner?.getChild(keyword)?.to
  const end = start === undefined ? null : colonAfter(text, start)
  if (start === undefined || end === null || end - start < code.length) return null
  return { from: start, code: code + text.slice(start + code.length, end).replace(/[\s\S]/g, ' ') }
}

/** The offset of the first colon outside of brackets and strings; null when a line ends before. */
function colonAfter(text: string, start: number): number | null {
  let depth = 0
  for (let i = start; i < Math.min(text.length, start + lookAhead); i++) {
    const character = text[i] ?? ''
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    else if (character === '"' || character === "'") i = text.indexOf(character, i + 1)
    else if (depth === 0 && character === ':') return i
    if (i < start || depth < 0 || (depth === 0 && character === '\n')) return null
  }
  return null
}

/** A string that its line ends before its quote: the grammar lets it pass. */
function unclosed({ name, from, to }: SyntaxNodeRef, text: string): boolean {
  if (name !== 'String' && name !== 'FormatString') return false
  const quote = /^[a-z]{0,3}("""|'''|"|')/i.exec(text.slice(from, from + 6))
  return (
    quote !== null &&
    (to - from < quote[0].length + (quote[1]?.length ?? 0) || !text.startsWith(quote[1] ?? '', to - (quote[1]?.length ?? 0)))
  )
}

/** Python 3, as the grammar of lezer reads it. */
export const python: Grammar = {
  parser,
  gaps: [trailingDot, bareYield, header('WithStatement', 'with', ' x'), header('MatchClause', 'case', ' _')],
  isWrong: unclosed,
}

/** A source without what Python skips and the grammar does not: a byte order mark, page breaks on lines of their own. */
export const plain = (source: string): string => source.replace(/^\ufeff/, '').replace(/^\f+(?=\r?\n)/gm, '')
