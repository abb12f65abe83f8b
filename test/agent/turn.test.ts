import { describe, expect, it } from 'vitest'
import { agentStub, bindings, freshAgent, freshScope, giveTools, send, sentences, storedMessages, submission } from '../support/agent'

describe('a turn', () => {
  it('stores the system message, the input and the reply, in order and in D1, before it answers', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const result = await send(scope, agent, 'hello there')
    expect(result.stop_reason).toBe('end_turn')
    expect(sentences(result)[0]).toContain('hello there')
    const stored = await storedMessages(agent)
    expect(stored.map((m) => [m.sequence_id, m.role])).toEqual([
      [1, 'system'],
      [2, 'user'],
      [3, 'assistant'],
    ])
    const run = await bindings.DB.prepare('select * from runs where id = ?1').bind(result.run.id).first()
    expect(run).toMatchObject({ status: 'completed', stop_reason: 'end_turn', agent_id: agent })
    const row = await bindings.DB.prepare('select * from agents where id = ?1').bind(agent).first()
    expect(JSON.parse(row?.message_ids as string)).toEqual(stored.map((m) => m.id))
    expect(row).toMatchObject({ last_stop_reason: 'end_turn' })
  })

  it('answers a stranger as if the agent did not exist, and stores nothing', async () => {
    const agent = await freshAgent(await freshScope())
    const outcome = await agentStub(agent).send(await freshScope(), submission('hello'))
    expect(outcome).toMatchObject({ ok: false, kind: 'not_found' })
    expect(await storedMessages(agent)).toEqual([])
  })

  it('answers a repeated otid or idempotency key with the first run', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const first = await send(scope, agent, 'one', { otid: 'a' })
    const again = await send(scope, agent, 'one', { otid: 'a' })
    expect(again.run.id).toBe(first.run.id)
    const keyed = await send(scope, agent, 'two', { key: 'k' })
    expect((await send(scope, agent, 'two', { key: 'k' })).run.id).toBe(keyed.run.id)
    expect((await storedMessages(agent)).filter((m) => m.role === 'user')).toHaveLength(2)
  })

  it.each([{ stream_tokens: false }, { stream_tokens: true }])(
    'of an older agent type that speaks through send_message is shown as speech (%o)',
    async (mode) => {
      const scope = await freshScope()
      const agent = await freshAgent(scope, {
        agent_type: 'memgpt_v2_agent',
        tool_rules: [{ type: 'exit_loop', tool_name: 'send_message', prompt_template: null }],
      })
      await giveTools(scope, agent, ['send_message'])
      const script = '/call send_message {"message":"Hello, Ada."}'
      const result = await send(scope, agent, script, mode)
      expect(result).toMatchObject({ stop_reason: 'tool_rule', messages: [{ message_type: 'assistant_message', content: 'Hello, Ada.' }] })
      const raw = await send(scope, agent, script, { ...mode, assistant_tool: null })
      expect(raw.messages.map((m) => m.message_type)).toEqual(['tool_call_message', 'tool_return_message'])
    },
  )
})
