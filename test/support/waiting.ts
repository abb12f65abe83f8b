import { runInDurableObject } from 'cloudflare:test'
import { expect } from 'vitest'
import { unwrap } from '../../src/lib/errors'
import type { RunResult, RunState, Scope } from '../../src/runtime/rpc'
import type { ToolRule } from '../../src/runtime/tool-rules-schema'
import type { Approval, ApprovalAnswer, ClientTool } from '../../src/runtime/types'
import { agentStub, blockRow, freshAgent, freshBlock, freshScope, giveTools, send, storedMessages } from './agent'
import { submission } from './submission'

/** The rule that makes calls of a tool wait for approval. */
export const gate = (tool_name: string): ToolRule => ({ type: 'requires_approval', tool_name, prompt_template: null })
/** A tool of the client. */
export const read: ClientTool = {
  name: 'read',
  description: 'Reads a file.',
  parameters: { type: 'object', properties: { path: { type: 'string' } } },
}
export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** An agent that needs approval to append to its block. */
export async function guarded(rules: ToolRule[] = [gate('core_memory_append')]) {
  const scope = await freshScope()
  const agent = await freshAgent(scope, { tool_rules: rules })
  await giveTools(scope, agent, ['core_memory_append', 'send_message'])
  const block = await freshBlock(scope, [agent], { label: 'human', value: 'Ada' })
  return { scope, agent, block, value: async () => (await blockRow(block))?.value }
}

/** A script line that calls the guarded tool. */
export const append = '/call core_memory_append {"label":"human","content":"x"}'
export const types = (result: RunResult) => result.messages.map((m) => m.message_type)
/** The calls that a result asks for. */
export const callsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'approval_request_message' && Array.isArray(m.tool_calls) ? m.tool_calls : []))
export const idsOf = (result: RunResult) => callsOf(result).map((call) => call.tool_call_id)
export const returnsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))

export const approval = (approvals: Approval[], otid: string | null = null): ApprovalAnswer => ({ approvals, otid, group_id: null })
export const approve = (id: string | undefined): Approval => ({ type: 'approval', tool_call_id: id ?? '', approve: true })
export const deny = (id: string | undefined, reason: string): Approval => ({
  type: 'approval',
  tool_call_id: id ?? '',
  approve: false,
  reason,
})
export const returned = (id: string | undefined, tool_return: string): Approval => ({
  type: 'tool',
  tool_call_id: id ?? '',
  tool_return,
  status: 'success',
})

type Overrides = Parameters<typeof submission>[1]
/** Answers the calls that wait, and waits for the end of that run. */
export const answer = (scope: Scope, agent: string, approvals: Approval[], more: Overrides = {}) =>
  send(scope, agent, '', { input: [], approval: approval(approvals), ...more })
export const submit = async (scope: Scope, agent: string, text: string, overrides: Overrides = {}) =>
  unwrap((await agentStub(agent).submit(scope, submission(text, overrides))) as never) as RunState
export const result = async (scope: Scope, agent: string, id: string) =>
  unwrap((await agentStub(agent).result(scope, id)) as never) as RunResult
export const cancel = async (scope: Scope, agent: string, which: { run_ids?: string[] } = {}) =>
  unwrap((await agentStub(agent).cancel(scope, which)) as never) as Record<string, string>

/** Ends the object as a crash does: whatever it was doing stops, its storage stays. */
export const crash = (agent: string) => runInDurableObject(agentStub(agent), (_, state) => state.abort('crash')).catch(() => undefined)
/** Makes every scheduled row due, as time would. */
export const passTime = (agent: string) =>
  runInDurableObject(agentStub(agent), async (_, state) => {
    state.storage.sql.exec('update schedule set due_at = 0')
    await state.storage.setAlarm(Date.now())
  })

/** Every call that an agent ever made has exactly one result, in the stored history. */
export async function expectPaired(agent: string) {
  const stored = await storedMessages(agent)
  const calls = stored.flatMap((m) => JSON.parse(m.tool_calls as string).map((call: { id: string }) => call.id))
  const returns = stored.flatMap((m) => JSON.parse(m.tool_returns as string).map((r: { tool_call_id: string }) => r.tool_call_id))
  expect(returns.toSorted()).toEqual(calls.toSorted())
}
