import type { SyntaxNode } from '@lezer/common'
import { childrenOf } from '../syntax'

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', '0': '\0', '\n': '' }

/** The value of a string literal as it stands in the source, quotes included. */
function textOf(literal: string): string {
  return literal.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|[\s\S])/g, (whole, code: string) => {
    if (code.length === 1) return escapes[code] ?? code
    const point = Number.parseInt(code.replace(/[xu{}]/g, ''), 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** The value of a literal, as an expression or as a type; undefined for anything else. */
export function literalOf(node: SyntaxNode, text: string): string | number | boolean | undefined {
  const code = text.slice(node.from, node.to)
  const [first, second] = childrenOf(node)
  switch (node.name) {
    case 'String':
      return textOf(code)
    case 'Number': {
      const value = Number(code.replaceAll('_', '').replace(/n$/, ''))
      return Number.isFinite(value) ? value : undefined
    }
    case 'BooleanLiteral':
      return code === 'true'
    case 'LiteralType':
    case 'UnaryExpression': {
      const inner = second ?? first
      const value = inner && inner.name !== node.name ? literalOf(inner, text) : undefined
      return second && first && text[first.from] === '-' && typeof value === 'number' ? -value : value
    }
    default:
      return undefined
  }
}

/** The name of a property, quoted or not. */
export function nameOfProperty(key: SyntaxNode, text: string): string {
  return key.name === 'String' ? textOf(text.slice(key.from, key.to)) : text.slice(key.from, key.to)
}
