import type { Parser, SyntaxNode, SyntaxNodeRef, Tree } from '@lezer/common'
import { AppError } from '../lib/errors'
import type { Schema } from './json-schema'

/** Source code and its syntax tree. Positions in the tree are offsets into `text`. */
export interface Parsed {
  text: string
  tree: Tree
}

/** Code of the same length that takes the place of valid code which the grammar does not know. */
export interface Patch {
  from: number
  code: string
}

/** What a language needs to be parsed: its grammar, the stretches of it that the grammar lacks, and the errors that it lets pass. */
export interface Grammar {
  parser: Parser
  gaps: ((text: string, at: number, node: SyntaxNode) => Patch | null)[]
  isWrong(node: SyntaxNodeRef, text: string): boolean
}

/** Rounds of patching. Each reads the source anew, and finds all gaps but those that another one hid. */
const roundsMax = 6
/** A source of nothing but errors is not looked at to its end. */
const errorsMax = 1000

const lineOf = (text: string, at: number): number => {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++
  return line
}

/** A fault of a tool's source. `at` is the offset that it is told by, as a line. */
export function sourceError(message: string, text: string, at: number): AppError {
  const line = lineOf(text, at)
  return new AppError('bad_request', `${message} (line ${line} of the source)`, { code: 'invalid_source', line })
}

const wayOut = 'Correct it; or send json_schema, which is taken as it is'

/** What reading the types of one source may still cost, and the schemas that refer to themselves, by name. */
export interface Work {
  left: number
  defs: Map<string, Schema>
}

/** Types that are read of one source: inner types count each time they are met, since each is written into the schema. */
const typesMax = 2000
const depthMax = 40

export const newWork = (): Work => ({ left: typesMax, defs: new Map() })

/** Counts one more type. Throws a 400 when a source has types without end. */
export function spend({ work, depth, where }: { work: Work; depth: number; where: string }, text: string, at: number): void {
  work.left -= 1
  if (depth > depthMax) throw sourceError(`${where} has a type that is nested too deeply`, text, at)
  if (work.left < 0) throw sourceError(`${where} has too large a type: over ${typesMax} types within the parameters`, text, at)
}

function syntaxError(text: string, at: number): AppError {
  const line = lineOf(text, at)
  const shown = text.split('\n', line)[line - 1]?.trim().slice(0, 80)
  const where = shown ? `near \`${shown}\`` : at >= text.trimEnd().length ? 'at its end' : 'before it'
  return sourceError(`The source has a syntax error ${where}. ${wayOut}`, text, at)
}

function errorsIn({ tree, text }: Parsed, isWrong: Grammar['isWrong']): SyntaxNode[] {
  const errors: SyntaxNode[] = []
  tree.iterate({
    enter(node) {
      if (errors.length < errorsMax && (node.type.isError || isWrong(node, text))) errors.push(node.node)
      return errors.length < errorsMax
    },
  })
  return errors
}

/** The source with every gap filled that its errors lead to; null when there is none. */
function patched(text: string, errors: SyntaxNode[], gaps: Grammar['gaps']): string | null {
  const patches = errors.flatMap((error) => {
    for (const gap of gaps) {
      const patch = gap(text, error.from, error)
      if (patch) return [patch]
    }
    return []
  })
  if (patches.length === 0) return null
  let result = ''
  for (const { from, code } of patches.sort((a, b) => a.from - b.from)) {
    if (from < result.length) continue
    result += text.slice(result.length, from) + code
  }
  return result + text.slice(result.length)
}

/** Longest source, in characters, that is parsed. */
const lengthMax = 50_000
const bracketsMax = 200
/** The same few characters over and over: what takes a parser longest. */
const endless = /((?!\s)[\s\S]{1,32}?)\1{1000}/

/** Throws a 400 for a source that would take the parser long: it parses what people write, not what is made to be hard. */
function assertParsable(text: string): void {
  if (text.length > lengthMax) {
    const detail = `The source has ${text.length} characters, and a schema is told from at most ${lengthMax}. Shorten it; or send json_schema, which is taken as it is`
    throw new AppError('bad_request', detail, { code: 'invalid_source' })
  }
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? ''
    if ('([{'.includes(character)) depth++
    else if (depth > 0 && ')]}'.includes(character)) depth--
    if (depth > bracketsMax) throw sourceError(`The source has over ${bracketsMax} brackets within each other. ${wayOut}`, text, i)
  }
  const repeated = endless.exec(text)
  if (repeated) throw sourceError(`The source repeats \`${repeated[1]}\` over a thousand times in a row. ${wayOut}`, text, repeated.index)
}

function treeOf(parser: Parser, text: string): Tree {
  try {
    return parser.parse(text)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw sourceError(`The source is nested too deeply. ${wayOut}`, text, 0)
  }
}

/** Parses source code. Throws a 400 that names the line of the first syntax error. */
export function parse(text: string, { parser, gaps, isWrong }: Grammar): Parsed {
  assertParsable(text)
  let readable = text
  for (let round = 1; ; round++) {
    const tree = treeOf(parser, readable)
    const errors = errorsIn({ tree, text: readable }, isWrong)
    if (errors.length === 0) return { text, tree }
    const next = round < roundsMax ? patched(readable, errors, gaps) : null
    if (next === null || next === readable) throw syntaxError(text, errors[0]?.from ?? 0)
    readable = next
  }
}

const comments = new Set(['Comment', 'LineComment', 'BlockComment'])

/** The children of a node, without comments. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) if (!comments.has(child.name)) found.push(child)
  return found
}

/** The children of a node split at its commas, brackets and empty parts left out. */
export function partsOf(node: SyntaxNode, brackets: readonly string[]): SyntaxNode[][] {
  const parts: SyntaxNode[][] = [[]]
  for (const child of childrenOf(node)) {
    if (child.name === ',') parts.push([])
    else if (!brackets.includes(child.name)) parts.at(-1)?.push(child)
  }
  return parts.filter((part) => part.length > 0)
}

/** Spaces in place of a stretch of code; line breaks stay. */
export const blank = (code: string): string => code.replace(/[^\n]/g, ' ')
