import type { SyntaxNode } from '@lezer/common'
import { childrenOf, type Parsed, parse, partsOf } from '../syntax'
import { plain, python } from './grammar'
import { literalOf } from './literals'

/** A function as the source defines it. `parameters` are those that a caller names. */
export interface PythonFunction {
  name: string
  node: SyntaxNode
  docstring: string | null
  parameters: PythonParameter[]
}

export interface PythonParameter {
  name: string
  node: SyntaxNode
  annotation: SyntaxNode | null
  hasDefault: boolean
}

export interface PythonClass {
  name: string
  body: SyntaxNode
  docstring: string | null
  bases: SyntaxNode[]
  keywords: Map<string, SyntaxNode>
  decorators: string[]
}

/** What a source defines at its top level. */
export interface PythonModule extends Parsed {
  functions: PythonFunction[]
  classes: Map<string, PythonClass>
  /** Names that stand for another type: `Names = list[str]`, `type Names = list[str]`. */
  aliases: Map<string, SyntaxNode>
}

const blocks = new Set(['IfStatement', 'TryStatement', 'WithStatement', 'Body'])

/** The last name of a dotted path: `List` of `typing.List`. Null for any other expression. */
export function nameOf(node: SyntaxNode | null | undefined, text: string): string | null {
  if (node?.name === 'VariableName' || node?.name === 'PropertyName') return text.slice(node.from, node.to)
  if (node?.name !== 'MemberExpression' || node.getChild('[')) return null
  return nameOf(node.lastChild, text)
}

/** The values that an argument list names, and those that it does not. */
export function argumentsOf(list: SyntaxNode | null, text: string): { positional: SyntaxNode[]; keywords: Map<string, SyntaxNode> } {
  const positional: SyntaxNode[] = []
  const keywords = new Map<string, SyntaxNode>()
  for (const [first, equals, value] of list ? partsOf(list, ['(', ')']) : []) {
    if (first && equals?.name === 'AssignOp' && value) keywords.set(text.slice(first.from, first.to), value)
    else if (first && !equals) positional.push(first)
  }
  return { positional, keywords }
}

/** The string that a body begins with. */
function docstringOf(body: SyntaxNode | null, text: string): string | null {
  const first = body ? childrenOf(body).find(({ name }) => name !== ':') : undefined
  const value = first?.name === 'ExpressionStatement' && first.firstChild ? literalOf(first.firstChild, text) : null
  return typeof value === 'string' ? value : null
}

function parametersOf(list: SyntaxNode | null, text: string): PythonParameter[] {
  return (list ? partsOf(list, ['(', ')']) : []).flatMap((part) => {
    const [node, ...rest] = part
    // `*`, `*args`, `**kwargs`: nothing that a caller names.
    if (node?.name !== 'VariableName') return []
    const annotation = rest.find(({ name }) => name === 'TypeDef')?.lastChild ?? null
    return [{ name: text.slice(node.from, node.to), node, annotation, hasDefault: rest.some(({ name }) => name === 'AssignOp') }]
  })
}

function functionOf(node: SyntaxNode, text: string): PythonFunction[] {
  const name = node.getChild('VariableName')
  if (!name) return []
  const parameters = parametersOf(node.getChild('ParamList'), text)
  return [{ name: text.slice(name.from, name.to), node, docstring: docstringOf(node.getChild('Body'), text), parameters }]
}

function classOf(node: SyntaxNode, decorators: string[], text: string): PythonClass[] {
  const name = node.getChild('VariableName')
  const body = node.getChild('Body')
  if (!name || !body) return []
  const { positional, keywords } = argumentsOf(node.getChild('ArgList'), text)
  return [{ name: text.slice(name.from, name.to), body, docstring: docstringOf(body, text), bases: positional, keywords, decorators }]
}

const decoratorOf = (node: SyntaxNode, text: string): string =>
  text
    .slice(node.from + 1, node.to)
    .split('(')[0]
    ?.split('.')
    .at(-1)
    ?.trim() ?? ''

/** The name and the type of `Name = type` and `type Name = type`. */
function aliasOf(node: SyntaxNode, text: string): [string, SyntaxNode][] {
  const [first, second, third, more] = childrenOf(node)
  if (node.name === 'TypeDefinition') return second && third && !more ? [[text.slice(second.from, second.to), third]] : []
  if (first?.name !== 'VariableName' || !node.lastChild) return []
  const isAlias = second?.name === 'AssignOp' || (second?.name === 'TypeDef' && /\bTypeAlias$/.test(text.slice(second.from, second.to)))
  return isAlias ? [[text.slice(first.from, first.to), node.lastChild]] : []
}

/** Reads a Python source. Throws a 400 that names the line of a syntax error. */
export function readModule(source: string): PythonModule {
  const { text, tree } = parse(plain(source), python)
  const module: PythonModule = { text, tree, functions: [], classes: new Map(), aliases: new Map() }
  const visit = (node: SyntaxNode, decorators: string[], depth: number): void => {
    for (const child of childrenOf(node)) {
      if (child.name === 'DecoratedStatement') {
        const own = child.getChildren('Decorator').map((decorator) => decoratorOf(decorator, text))
        visit(child, own, depth)
      } else if (child.name === 'FunctionDefinition') module.functions.push(...functionOf(child, text))
      else if (child.name === 'ClassDefinition') for (const found of classOf(child, decorators, text)) module.classes.set(found.name, found)
      else if (child.name === 'AssignStatement' || child.name === 'TypeDefinition')
        for (const [name, type] of aliasOf(child, text)) module.aliases.set(name, type)
      else if (blocks.has(child.name) && depth < 20) visit(child, [], depth + 1)
    }
  }
  visit(tree.topNode, [], 0)
  return module
}
