import { describe, expect, it } from 'vitest'
import { insertRows } from '../../src/db/rows'
import { newId } from '../../src/lib/id'
import { tools, toolsAgents } from '../../src/resources/tools/table'
import type { RunResult } from '../../src/runtime/rpc'
import type { ToolRule } from '../../src/runtime/tool-rules-schema'
import { bindings, freshAgent, freshBlock, freshScope, giveTools, send, sentences, storedMessages } from '../support/agent'

const append = '/call core_memory_append {"label":"human","content":"x"}'
const returnsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))

async function agentWith(fields: Parameters<typeof freshAgent>[1] = {}) {
  const scope = await freshScope()
  const agent = await freshAgent(scope, fields)
  await giveTools(scope, agent, ['core_memory_append', 'send_message'])
  await freshBlock(scope, [agent], { label: 'human', value: 'Ada' })
  return { scope, agent }
}

const rule = (fields: object) => ({ prompt_template: null, ...fields }) as ToolRule

describe('a run ends', () => {
  it.each([
    ['end_turn', 'completed', 'hello', {}, {}],
    ['max_steps', 'completed', append, {}, { max_steps: 1 }],
    [
      'tool_rule',
      'completed',
      '/call send_message {"message":"hi"}',
      { tool_rules: [rule({ type: 'exit_loop', tool_name: 'send_message' })] },
      {},
    ],
    ['max_tokens_exceeded', 'failed', '/say half a\n/stop length', {}, {}],
    ['llm_api_error', 'failed', '/fail auth', {}, {}],
    ['invalid_llm_response', 'failed', '/fail empty', {}, {}],
    [
      'invalid_tool_call',
      'failed',
      append,
      { tool_rules: [rule({ type: 'run_first', tool_name: 'core_memory_append', args: { label: 7 } })] },
      {},
    ],
    ['context_window_overflow_in_system_prompt', 'failed', 'hello', { llm_config: { context_window: 100 } }, {}],
  ] as const)('with %s as %s', async (stop, status, text, fields, request) => {
    const { scope, agent } = await agentWith(fields as Parameters<typeof freshAgent>[1])
    const result = await send(scope, agent, text, request)
    expect(result).toMatchObject({ stop_reason: stop, run: { status, stop_reason: stop } })
    const row = await bindings.DB.prepare('select status, stop_reason from runs where id = ?1').bind(result.run.id).first()
    expect(row).toEqual({ status, stop_reason: stop })
    expect((await storedMessages(agent)).filter((m) => m.role === 'user')).toHaveLength(1)
    expect((await send(scope, agent, '/say next')).run.id).not.toBe(result.run.id)
  })
})

describe('a model that fails', () => {
  it('for a moment is asked again: the reply comes, and nothing is stored twice', async () => {
    const { scope, agent } = await agentWith()
    const result = await send(scope, agent, '/fail server 2\n/say at last', { stream_tokens: true })
    expect(sentences(result)).toEqual(['at last'])
    expect((await storedMessages(agent)).filter((m) => m.role === 'assistant')).toHaveLength(1)
  })

  it('for good leaves the message stored, and names what happened', async () => {
    const { scope, agent } = await agentWith()
    const result = await send(scope, agent, '/fail bad_request')
    expect(result.error).toMatchObject({ type: 'llm_bad_request' })
    const step = await bindings.DB.prepare('select status, error_type from steps where run_id = ?1').bind(result.run.id).first()
    expect(step).toEqual({ status: 'failed', error_type: 'llm_bad_request' })
  })
})

describe('a tool call', () => {
  it('that a rule forbids is answered with the tools that are allowed, and not carried out', async () => {
    const rules = [rule({ type: 'max_count_per_step', tool_name: 'core_memory_append', max_count_limit: 1 })]
    const { scope, agent } = await agentWith({ tool_rules: rules })
    const result = await send(scope, agent, `${append}\n/then\n${append}\n/then\n/say done`)
    expect(returnsOf(result).map((r) => r.status)).toEqual(['success', 'error'])
    expect(returnsOf(result)[1]?.tool_return).toContain("valid tools include: ['send_message']")
  })

  it('that must come before the end is asked for until it came', async () => {
    const { scope, agent } = await agentWith({ tool_rules: [rule({ type: 'required_before_exit', tool_name: 'send_message' })] })
    const result = await send(scope, agent, '/say bye', { max_steps: 3 })
    expect(result.stop_reason).toBe('max_steps')
    const nudges = (await storedMessages(agent)).filter((m) => m.role === 'user' && String(m.text).includes('send_message'))
    expect(nudges.length).toBeGreaterThan(0)
  })

  it('of a custom tool is answered with the reason why it was not carried out', async () => {
    const { scope, agent } = await agentWith()
    const tool = {
      id: newId('tool'),
      organization_id: scope.organization_id,
      name: 'deploy',
      source_code: 'def deploy(): ...',
      json_schema: { name: 'deploy' },
    }
    await bindings.DB.batch([
      insertRows(bindings.DB, tools, [tool]),
      insertRows(bindings.DB, toolsAgents, [{ agent_id: agent, tool_id: tool.id, position: 9 }]),
    ])
    const result = await send(scope, agent, '/call deploy {}\n/then\n/say ok')
    expect(returnsOf(result)).toMatchObject([{ status: 'error', tool_return: expect.stringContaining('runs custom code') }])
    expect(result.stop_reason).toBe('end_turn')
  })
})
