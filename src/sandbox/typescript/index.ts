import type { SyntaxNode } from '@lezer/common'
import { described, objectOf, type Property, type Schema, withDefs } from '../json-schema'
import { newWork, partsOf, sourceError, type Work } from '../syntax'
import type { ToolSource } from '../tool'
import { type Doc, readDoc } from './jsdoc'
import { readModule, type TypeScriptFunction, type TypeScriptModule } from './module'
import { propertyOf } from './objects'

/** Reads a TypeScript source. The tool is the last function that it exports. */
export function readTypeScript(source: string): ToolSource {
  const module = readModule(source)
  const tool = module.functions.at(-1)
  const names = module.functions.map(({ name }) => name)
  if (!tool) return { names, tool: null }
  const doc = readDoc(tool.comment)
  return {
    names,
    tool: {
      name: tool.name,
      description: doc.description || null,
      parameters: () => {
        const work = newWork()
        const parts = partsOf(tool.node.getChild('ParamList') ?? tool.node, ['(', ')'])
        const named = parts.filter(([first]) => first?.name !== 'Spread' && first?.name !== 'this')
        return withDefs(objectOf(named.map((part) => parameterOf(part, tool, doc, module, work))), work.defs)
      },
    },
  }
}

function parameterOf(part: SyntaxNode[], tool: TypeScriptFunction, doc: Doc, module: TypeScriptModule, work: Work): Property {
  const { text } = module
  const definition = part.find(({ name }) => name === 'VariableDefinition')
  const at = part[0]?.from ?? tool.node.from
  if (!definition) {
    const advice = 'Give it a name, as in `(options: { limit: number })`'
    throw sourceError(`A parameter of function '${tool.name}' has no name, by which it could be called. ${advice}`, text, at)
  }
  const name = text.slice(definition.from, definition.to)
  const where = `Parameter '${name}' of function '${tool.name}'`
  const annotation = part.find((node) => node.name === 'TypeAnnotation') ?? null
  if (!annotation) throw sourceError(`${where} has no type. Write its type, for example \`${name}: string\``, text, at)
  const isOptional = part.some((node) => node.name === 'Optional' || node.name === 'Equals')
  const property = propertyOf(name, annotation, isOptional, { module, where, depth: 0, within: [], bound: new Map(), work })
  return { ...property, schema: described(noted(property.schema, name, doc), doc.of.get(name)) }
}

/** A schema whose properties have the descriptions that `@param options.limit` gives them. */
function noted(schema: Schema, name: string, doc: Doc): Schema {
  if (!schema.properties || ![...doc.of.keys()].some((key) => key.startsWith(`${name}.`))) return schema
  const entries = Object.entries(schema.properties).map(([key, value]): [string, Schema] => {
    const path = `${name}.${key}`
    return [key, described(noted(value, path, doc), doc.of.get(path))]
  })
  return { ...schema, properties: Object.fromEntries(entries) }
}
