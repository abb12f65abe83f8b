import { isBuiltinName } from '../tools/builtins'

/** Characters that the name of a function may have. */
const longest = 64

const functionName = (text: string): string => {
  const clean = text.replace(/[^A-Za-z0-9_-]+/g, '_')
  return (/^[A-Za-z_]/.test(clean) ? clean : `_${clean}`).slice(0, longest)
}

/** The names that a tool of a server may be registered under, best first: its own, with the server's before it, then numbered. */
export function candidates(server: string, tool: string): string[] {
  const prefixed = functionName(`${server}_${tool}`)
  const numbered = Array.from({ length: 8 }, (_, i) => `${prefixed.slice(0, longest - 2)}_${i + 2}`)
  return [functionName(tool), prefixed, ...numbered].filter((name) => !isBuiltinName(name))
}
