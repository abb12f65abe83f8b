import { described, objectOf, type Property, withDefs } from '../json-schema'
import { newWork, sourceError, type Work } from '../syntax'
import type { ToolSource } from '../tool'
import { type Docstring, readDocstring } from './docstring'
import { type PythonFunction, type PythonModule, readModule } from './module'
import { typeOf } from './types'

/** Parameters that the server fills in. */
const injected = new Set(['self', 'agent_state'])

/** Reads a Python source. The tool is its last function. */
export function readPython(source: string): ToolSource {
  const module = readModule(source)
  const tool = module.functions.at(-1)
  const names = module.functions.map(({ name }) => name)
  if (!tool) return { names, tool: null }
  const docstring = readDocstring(tool.docstring ?? '')
  return {
    names,
    tool: {
      name: tool.name,
      description: docstring.description || null,
      parameters: () => {
        const work = newWork()
        const own = tool.parameters.filter(({ name }) => !injected.has(name))
        return withDefs(objectOf(own.map((parameter) => propertyOf(parameter, tool, docstring, module, work))), work.defs)
      },
    },
  }
}

function propertyOf(
  { name, node, annotation, hasDefault }: PythonFunction['parameters'][number],
  tool: PythonFunction,
  docstring: Docstring,
  module: PythonModule,
  work: Work,
): Property {
  const where = `Parameter '${name}' of function '${tool.name}'`
  if (!annotation)
    throw sourceError(`${where} has no type annotation. Write its type, for example \`${name}: str\``, module.text, node.from)
  const type = typeOf(annotation, { module, text: module.text, quotedAt: null, where, depth: 0, within: [], work })
  const description = docstring.of.get(name) || type.schema.description
  if (!description) {
    const advice = `Describe it in the docstring, under "Args:", as \`${name} (type): what it is\``
    throw sourceError(`${where} has no description. ${advice}`, module.text, node.from)
  }
  return { name, schema: described(type.schema, description), required: !hasDefault && !type.nullable }
}
