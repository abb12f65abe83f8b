import { RE2JS } from 're2js'

/** What of a glob stands for something else than itself, as a regular expression. */
const tokens = /\*\*\/|\*+|\?|\[!?\]?[^\]]*\]|\{[^{}]*\}|[\s\S]/gu

function translated(token: string): string {
  if (token === '**/') return '(?:.*/)?'
  if (token === '*') return '[^/]*'
  if (token.startsWith('**')) return '.*'
  if (token === '?') return '[^/]'
  if (token.length > 1 && token.startsWith('[')) return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
  if (token.length > 1 && token.startsWith('{')) return `(?:${token.slice(1, -1).split(',').map(globSource).join('|')})`
  return RE2JS.quote(token)
}

const globSource = (glob: string): string => (glob.match(tokens) ?? []).map(translated).join('')

const tested = (source: string, part: (name: string) => string): ((name: string) => boolean) | null => {
  try {
    const pattern = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL)
    return (name) => pattern.test(part(name))
  } catch {
    return null
  }
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

/**
 * The names that a glob matches, upper and lower case alike: `*` and `?` stop at a slash, `**` does not, `[a-z]` and `{a,b}` are choices. A glob
 * without a slash is matched with what follows the last slash of a name. When it matches none, the same as a regular expression that is
 * looked for anywhere in a name.
 */
export function matchingNames(include: string, names: readonly string[]): string[] {
  const glob = tested(`^(?:${globSource(include)})$`, include.includes('/') ? (name) => name : lastPart)
  const found = glob ? names.filter(glob) : []
  if (found.length > 0) return found
  const expression = tested(include, (name) => name)
  return expression ? names.filter(expression) : []
}
