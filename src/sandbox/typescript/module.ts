import type { SyntaxNode } from '@lezer/common'
import { childrenOf, type Parsed, parse } from '../syntax'
import { typescript } from './grammar'

/** A function as the source defines it; `comment` is the one that stands before it. */
export interface TypeScriptFunction {
  name: string
  node: SyntaxNode
  comment: string | null
}

/** A named type: an interface (all its bodies), an alias or an enum. */
export interface Declaration {
  kind: 'interface' | 'alias' | 'enum'
  nodes: SyntaxNode[]
  comment: string | null
}

/** What a source exports and declares at its top level. */
export interface TypeScriptModule extends Parsed {
  functions: TypeScriptFunction[]
  declarations: Map<string, Declaration>
}

const functionNodes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunction'])
const kinds: Record<string, Declaration['kind']> = {
  InterfaceDeclaration: 'interface',
  TypeAliasDeclaration: 'alias',
  EnumDeclaration: 'enum',
}

/** The comment that ends right before a node. */
export function commentBefore(node: SyntaxNode, text: string): string | null {
  const previous = node.prevSibling
  return previous?.name === 'BlockComment' ? text.slice(previous.from, previous.to) : null
}

/** The functions that a declaration gives a name. */
function functionsIn(declaration: SyntaxNode, comment: string | null, text: string): TypeScriptFunction[] {
  const named = (name: SyntaxNode, node: SyntaxNode) => ({ name: text.slice(name.from, name.to), node, comment })
  if (declaration.name === 'FunctionDeclaration') {
    const name = declaration.getChild('VariableDefinition')
    return name ? [named(name, declaration)] : []
  }
  if (declaration.name !== 'VariableDeclaration') return []
  return declaration.getChildren('VariableDefinition').flatMap((name) => {
    let value = name.nextSibling
    while (value && value.name !== ',' && !functionNodes.has(value.name)) value = value.nextSibling
    return value && functionNodes.has(value.name) ? [named(name, value)] : []
  })
}

/** The names that `export { a, b as c }` and `export default a` give to what is declared elsewhere: pairs of name and origin. */
function exportedNames(statement: SyntaxNode, text: string): [string, string][] {
  const direct = statement.getChild('VariableName')
  if (direct) return [[text.slice(direct.from, direct.to), text.slice(direct.from, direct.to)]]
  if (statement.getChild('from')) return []
  const names: [string, string][] = []
  let renamed = false
  for (const child of statement.getChild('ExportGroup') ? childrenOf(statement.getChild('ExportGroup') ?? statement) : []) {
    const name = text.slice(child.from, child.to)
    const last = names.at(-1)
    if (child.name === 'VariableName' && renamed && last && name !== 'default') last[0] = name
    else if (child.name === 'VariableName' && !renamed) names.push([name, name])
    renamed = child.name === 'as'
  }
  return names
}

/** Reads a TypeScript source. Throws a 400 that names the line of a syntax error. */
export function readModule(source: string): TypeScriptModule {
  const { text, tree } = parse(source, typescript)
  const declarations = new Map<string, Declaration>()
  const local = new Map<string, TypeScriptFunction>()
  const functions: TypeScriptFunction[] = []
  const exported: [string, string][] = []
  for (const statement of childrenOf(tree.topNode)) {
    const isExport = statement.name === 'ExportDeclaration'
    const comment = commentBefore(statement, text)
    if (isExport) exported.push(...exportedNames(statement, text))
    for (const node of isExport ? childrenOf(statement) : [statement]) {
      const found = functionsIn(node, comment, text)
      if (isExport) functions.push(...found)
      for (const each of found) local.set(each.name, each)
      const kind = kinds[node.name]
      const name = node.getChild('TypeDefinition')
      if (!kind || !name) continue
      const key = text.slice(name.from, name.to)
      const known = declarations.get(key)
      declarations.set(key, {
        kind,
        nodes: [...(known?.kind === kind ? known.nodes : []), node],
        comment: comment ?? known?.comment ?? null,
      })
    }
  }
  for (const [name, origin] of exported) {
    const found = local.get(origin)
    if (found && !functions.some((each) => each.node === found.node)) functions.push({ ...found, name })
  }
  return { text, tree, functions, declarations }
}
