import { RE2JS, RE2JSSyntaxException } from 're2js'
import type { LinePiece } from './lines'

/** Longest pattern, in characters, and the most states into which its repetitions may unfold. */
const patternMost = 1_000
const statesMost = 10_000

/** A pattern that cannot be searched for; the message is told to who asks for it. */
export class BadPattern extends Error {
  override readonly name = 'BadPattern'
}

/** What is looked for in lines. Every method takes time linear in the text, whatever the pattern is. */
export interface LinePattern {
  test(piece: LinePiece): boolean
  /** Where the first match in a piece is; null when there is none. */
  place(piece: LinePiece): [from: number, to: number] | null
}

const unsupported: [RegExp, string][] = [
  [/\(\?<?[=!]/, 'Lookahead and lookbehind, (?=…) (?!…) (?<=…) (?<!…), are not supported'],
  [/\\[1-9]|\\k[<{']|\(\?P=/, 'Backreferences such as \\1 are not supported'],
  [/\(\?>|[*+?}]\+/, 'Atomic groups and possessive repetitions, (?>…) and a++, are not supported'],
]

/** Why a pattern cannot be compiled. What stands in a class or is escaped was not what the compiler stumbled over. */
function faultOf(source: string, error: unknown): string {
  if (!(error instanceof RE2JSSyntaxException)) return 'it cannot be compiled'
  const bare = source.replace(/\\\\|\\[([*+?{]|\[\^?\]?(?:\\.|[^\]\\])*\]/g, '')
  const [, text] = unsupported.find(([found]) => found.test(bare)) ?? []
  if (text) return `${text}: patterns have the syntax of RE2. Write it without them, or search for less and read the lines that are found`
  const at = error.getPattern()
  return `${error.getDescription()}${at ? `: \`${at.replace(/^\(\?i\)/, '')}\`` : ''}`
}

function compiled(source: string): RE2JS {
  try {
    return RE2JS.compile(source, RE2JS.CASE_INSENSITIVE)
  } catch (error) {
    throw new BadPattern(`The pattern is not a regular expression that can be searched for: ${faultOf(source, error)}.`)
  }
}

/**
 * A regular expression in the syntax of RE2, which takes upper and lower case as equal. Throws BadPattern for one that is empty, too long,
 * too large or not of that syntax.
 */
export function linePattern(source: string): LinePattern {
  if (source === '') throw new BadPattern('The pattern is empty. Say what to look for.')
  if (source.length > patternMost)
    throw new BadPattern(`The pattern has ${source.length} characters; ${patternMost} are allowed. Search for less.`)
  const whole = compiled(source)
  if (whole.programSize() > statesMost)
    throw new BadPattern(`The pattern is too large: its repetitions unfold to more than ${statesMost} states. Repeat less.`)
  // A character beyond each cut keeps anchors and word boundaries from taking it for the end of the line.
  const any = '(?s:.)'
  const ofCut = new Map<string, RE2JS>()
  const patternOf = ({ first, last }: LinePiece): RE2JS => {
    if (first && last) return whole
    const around = `${first ? '' : any}(${source})${last ? '' : any}`
    const pattern = ofCut.get(around) ?? compiled(around)
    ofCut.set(around, pattern)
    return pattern
  }
  return {
    test: (piece) => patternOf(piece).test(piece.text),
    place(piece) {
      const matcher = patternOf(piece).matcher(piece.text)
      if (!matcher.find()) return null
      const group = piece.first && piece.last ? 0 : 1
      return [matcher.start(group), matcher.end(group)]
    },
  }
}
