import type { SyntaxNode } from '@lezer/common'
import { childrenOf } from '../syntax'

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', a: '\x07', '0': '\0' }

function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n|[\s\S])/g, (whole, code: string) => {
    if (/^[xuU]./.test(code)) {
      const point = Number.parseInt(code.slice(1), 16)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    }
    if (code.endsWith('\n')) return ''
    return escapes[code] ?? ('\\\'"'.includes(code) ? code : whole)
  })
}

/** The value of a string literal as it stands in the source, prefix and quotes included; undefined for bytes. */
function textOf(literal: string): string | undefined {
  const [start = '', prefix = '', quote = ''] = /^([a-z]*)("""|'''|"|')/i.exec(literal) ?? []
  if (/b/i.test(prefix)) return undefined
  const inner = literal.slice(start.length, literal.length - quote.length)
  return /r/i.test(prefix) ? inner : unescaped(inner)
}

/** A number of Python. Complex ones are none. */
function numberOf(literal: string): number | undefined {
  const value = Number(literal.replaceAll('_', ''))
  return Number.isFinite(value) ? value : undefined
}

/** The value of a literal expression; undefined for any other. Strings in a row are one, as in Python. */
export function literalOf(given: SyntaxNode, text: string): string | number | boolean | null | undefined {
  let node = given
  while (node.name === 'ParenthesizedExpression') {
    const inner = childrenOf(node)[1]
    if (!inner) return undefined
    node = inner
  }
  const code = text.slice(node.from, node.to)
  switch (node.name) {
    case 'String':
      return textOf(code)
    case 'ContinuedString': {
      const parts = childrenOf(node).map((part) => literalOf(part, text))
      return parts.every((part) => typeof part === 'string') ? parts.join('') : undefined
    }
    case 'Number':
      return numberOf(code)
    case 'Boolean':
      return code === 'True'
    case 'None':
      return null
    case 'UnaryExpression': {
      const [sign, operand] = childrenOf(node)
      const value = operand?.name === 'Number' ? literalOf(operand, text) : undefined
      return typeof value !== 'number' || !sign ? undefined : text[sign.from] === '-' ? -value : value
    }
    default:
      return undefined
  }
}

/** Text with the indentation of its lines and the blank lines around it taken off (PEP 257). */
export function dedented(text: string): string {
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\t', '        ').split('\n')
  const [first = '', ...rest] = lines
  const widths = rest.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const margin = widths.reduce((least, width) => Math.min(least, width), Number.POSITIVE_INFINITY)
  return [first.trimStart(), ...rest.map((line) => line.slice(Math.min(margin, line.length)))].join('\n').trim()
}
