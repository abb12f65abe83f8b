import { parser } from '@lezer/javascript'
import type { Grammar, Patch } from '../syntax'

/** How far around an error a gap looks. */
const reach = 200

const before = (text: string, at: number): string => text.slice(Math.max(0, at - reach), at)
const after = (text: string, at: number): string => text.slice(at, at + reach)
const spaces = (count: number): string => ' '.repeat(count)

/** `catch (error: unknown)` */
function typedCatch(text: string, at: number): Patch | null {
  const type = /^\s*:\s*(any|unknown)(?=\s*\))/.exec(after(text, at))
  return type && /\bcatch\s*\(\s*[\w$]+\s*$/.test(before(text, at)) ? { from: at, code: spaces(type[0].length) } : null
}

/** `(value): value is string => …`: a union is as good here. */
const predicate = (text: string, at: number): Patch | null =>
  /^is\s/.test(after(text, at)) && /[\w$]\s+$/.test(before(text, at)) ? { from: at, code: '| ' } : null

/** `[string, number?]`, `[first: string, second?: number]` */
const optionalItem = (text: string, at: number): Patch | null => (/^\?\s*[,\]:]/.test(after(text, at)) ? { from: at, code: ' ' } : null)

/** `let value!: string` */
const definite = (text: string, at: number): Patch | null => (/^!\s*:/.test(after(text, at)) ? { from: at, code: ' ' } : null)

/** `export { type Name }` */
function typeExport(text: string, at: number): Patch | null {
  const keyword = /[{,]\s*(type\s+)$/.exec(before(text, at))?.[1]
  return keyword === undefined ? null : { from: at - keyword.length, code: spaces(keyword.length) }
}

/** TypeScript without JSX, as the grammar of lezer reads it. */
export const typescript: Grammar = {
  parser: parser.configure({ dialect: 'ts' }),
  gaps: [typedCatch, predicate, optionalItem, definite, typeExport],
  // The grammar lets a string end with its line.
  isWrong: ({ name, from, to }, text) => name === 'String' && (to - from < 2 || text[to - 1] !== text[from]),
}
