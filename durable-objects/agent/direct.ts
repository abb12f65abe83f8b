import { AppError } from '../../src/lib/errors'
import { limitResult } from '../../src/runtime/packaging'
import type { DirectResult } from '../../src/runtime/rpc'
import { type CallContext, runTool } from '../../src/runtime/tools'
import { argumentsProblem } from '../../src/sandbox/arguments'

/** Runs a tool of the agent for a caller who is no model. Throws 404 for one that the agent has not; what the tool refuses is a result. */
export async function runDirectly(name: string, args: Record<string, unknown>, context: CallContext): Promise<DirectResult> {
  const tool = context.config.tools.find((each) => each.name === name)
  if (!tool) throw new AppError('not_found', `Tool '${name}' not found or not attached to agent '${context.config.id}'`)
  const problem = argumentsProblem(args, tool.parameters)
  const ended =
    problem === null ? await runTool(tool, () => args, context) : { ok: false as const, message: `Invalid arguments: ${problem}` }
  if (!ended.ok) return { status: 'error', func_return: null, stderr: [ended.message] }
  const { value } = ended
  return {
    status: 'success',
    func_return: typeof value === 'string' ? limitResult(name, value, tool.return_char_limit) : (value ?? null),
    stderr: [],
  }
}
