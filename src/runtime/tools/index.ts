import { isAppError } from '../../lib/errors'
import type { Millis } from '../../lib/time'
import { OperationError } from '../../memory/operations'
import { errorText, limitResult, resultText } from '../packaging'
import type { ToolServices } from '../ports'
import type { AgentConfig, Tool, ToolCall, ToolReturn } from '../types'
import { archivalTools } from './archival'
import { type BuiltinTool, ToolError } from './builtin'
import { conversationSearch } from './conversation-search'
import { fileTools } from './files'
import { memoryTools } from './memory'

/** The tools that run in process, by name. */
export const builtins: Record<string, BuiltinTool> = {
  ...archivalTools,
  ...fileTools,
  ...memoryTools,
  conversation_search: conversationSearch,
  send_message: { run: () => 'Sent message successfully.' },
}

export interface CallContext {
  config: AgentConfig
  user_id: string
  run_id: string | null
  conversation_id: string | null
  key: string
  services: ToolServices
  now: Millis
}

/** True when a call may be run again after a crash cut it. */
export const isRepeatable = (tool: Tool | undefined): boolean => tool !== undefined && isBuiltin(tool)

/** The type of tools that an MCP server runs. */
const mcpType = 'external_mcp'

const isBuiltin = (tool: Tool): boolean => !['custom', mcpType].includes(tool.tool_type) && Object.hasOwn(builtins, tool.name)

const failed = (call: ToolCall, text: string): ToolReturn => ({
  tool_call_id: call.id,
  name: call.name,
  status: 'error',
  content: text,
})

/** The result of a call that a rule forbids: it was not carried out. */
export const refused = (call: ToolCall, text: string): ToolReturn => ({ ...failed(call, text), refused: true })

function argumentsOf(call: ToolCall): Record<string, unknown> {
  const text = call.arguments.trim() || '{}'
  let args: unknown
  try {
    args = JSON.parse(text)
  } catch {
    throw new ToolError('The arguments are not valid JSON. Call the tool again with a JSON object.')
  }
  if (typeof args !== 'object' || args === null || Array.isArray(args)) throw new ToolError('The arguments must be a JSON object.')
  return args as Record<string, unknown>
}

/** Why a tool with source of its own is not run. */
export const customCode = (name: string): string => `Tool '${name}' runs custom code, which this server stores but does not execute.`

/** How a tool ended: with a value, or with a failure in words. `ran` tells whether it was begun. */
export type Ended = { ok: true; value: unknown } | { ok: false; ran: boolean; message: string }

/** Runs a tool. `args` throws a ToolError when there are none that can be read. */
export async function runTool(tool: Tool, args: () => Record<string, unknown>, context: CallContext): Promise<Ended> {
  const builtin = isBuiltin(tool) ? builtins[tool.name] : undefined
  const remote = tool.tool_type === mcpType
  if (!builtin && !remote) return { ok: false, ran: false, message: customCode(tool.name) }
  try {
    if (remote) {
      const { status, text } = await context.services.callMcpTool(tool, args(), context.config.id)
      return status === 'error'
        ? { ok: false, ran: true, message: limitResult(tool.name, text, tool.return_char_limit) }
        : { ok: true, value: text }
    }
    return { ok: true, value: await builtin?.run(args(), context) }
  } catch (error) {
    const expected = error instanceof ToolError || error instanceof OperationError || isAppError(error)
    return { ok: false, ran: true, message: expected ? error.message : errorText(tool.name, error) }
  }
}

/** Runs one call. Whatever goes wrong is the result that the model reads: a call always has exactly one. */
export async function runCall(call: ToolCall, overrides: Record<string, unknown> | null, context: CallContext): Promise<ToolReturn> {
  const tool = context.config.tools.find((t) => t.name === call.name)
  if (!tool) return failed(call, `Tool not found: '${call.name}' is not among the tools of this agent.`)
  if (tool.client) return failed(call, `Tool '${call.name}' is run by the client, which answered without its result. It was not executed.`)
  const ended = await runTool(tool, () => ({ ...argumentsOf(call), ...overrides }), context)
  if (!ended.ok) return { ...failed(call, ended.message), ...(ended.ran ? { stdout: [], stderr: [ended.message] } : {}) }
  const content = limitResult(tool.name, resultText(ended.value), tool.return_char_limit)
  return { tool_call_id: call.id, name: call.name, status: 'success', content, stdout: [], stderr: [] }
}
