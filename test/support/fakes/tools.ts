import { builtinTools } from '../../../src/resources/tools/builtins'
import type { Tool } from '../../../src/runtime/types'

/** A built-in tool as an agent has it. */
export function toolNamed(name: string): Tool {
  const definition = builtinTools.find((tool) => tool.name === name)
  if (!definition) throw new Error(`there is no built-in tool '${name}'`)
  const schema = definition.json_schema as { parameters?: Record<string, unknown> }
  return {
    id: `tool-${name}`,
    name,
    tool_type: definition.tool_type,
    description: definition.description,
    parameters: schema.parameters ?? {},
    source_type: 'python',
    source_code: null,
    return_char_limit: 50_000,
    enable_parallel_execution: false,
  }
}
