import type { z } from 'zod'
import type { Ctx } from '../../context'
import { newId } from '../../lib/id'
import { iso } from '../../lib/time'
import type { DirectResult } from '../../runtime/rpc'
import { customCode } from '../../runtime/tools'
import { argumentsProblem } from '../../sandbox/arguments'
import { agentObject } from '../agents/object'
import { define } from './definition'
import type { RunSource, ToolReturned } from './schema'

/** Carries out one call of an attached tool in the agent's own object, outside of any turn. Throws 404 for a tool that the agent has not. */
export const runAttachedTool = (ctx: Ctx, agentId: string, name: string, args: Record<string, unknown>): Promise<DirectResult> =>
  agentObject(ctx, agentId).runTool({ name, args, key: `direct/${ctx.once?.uuid ?? newId('step')}` })

/**
 * Tries a source out with arguments: what a call of it would answer, a tool's failure included. Throws a 400 for a source that is no tool.
 * The code itself is not executed.
 */
export function runSource(input: z.output<typeof RunSource>): ToolReturned {
  const { name, json_schema } = define({ ...input, source_type: input.source_type ?? 'python' })
  const problem = argumentsProblem(input.args, (json_schema.parameters ?? {}) as Record<string, unknown>)
  const tool_return = problem === null ? customCode(input.name ?? name) : `Invalid arguments: ${problem}`
  const status = 'error' as const
  const output = { status, tool_return, stdout: [], stderr: [tool_return], tool_call_id: 'null' }
  return {
    id: 'null',
    date: iso(Date.now()),
    name: input.name ?? name,
    otid: null,
    sender_id: null,
    step_id: null,
    is_err: true,
    seq_id: null,
    run_id: null,
    message_type: 'tool_return_message',
    ...output,
    tool_returns: [{ type: 'tool', ...output }],
  }
}
