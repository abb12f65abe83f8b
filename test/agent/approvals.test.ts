import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { insertRows } from '../../src/db/rows'
import { unwrap } from '../../src/lib/errors'
import { newId } from '../../src/lib/id'
import { conversations } from '../../src/resources/conversations/table'
import type { RunResult, RunState, Scope } from '../../src/runtime/rpc'
import type { ToolRule } from '../../src/runtime/tool-rules-schema'
import type { Approval, ApprovalAnswer, ClientTool } from '../../src/runtime/types'
import {
  agentStub,
  bindings,
  blockRow,
  freshAgent,
  freshBlock,
  freshScope,
  giveTools,
  send,
  sentences,
  storedMessages,
  submission,
} from '../support/agent'

const gate = (tool_name: string): ToolRule => ({ type: 'requires_approval', tool_name, prompt_template: null })
const read: ClientTool = {
  name: 'read',
  description: 'Reads a file.',
  parameters: { type: 'object', properties: { path: { type: 'string' } } },
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** An agent that needs approval to append to its block. */
async function guarded(rules: ToolRule[] = [gate('core_memory_append')]) {
  const scope = await freshScope()
  const agent = await freshAgent(scope, { tool_rules: rules })
  await giveTools(scope, agent, ['core_memory_append', 'send_message'])
  const block = await freshBlock(scope, [agent], { label: 'human', value: 'Ada' })
  return { scope, agent, block, value: async () => (await blockRow(block))?.value }
}

const append = '/call core_memory_append {"label":"human","content":"x"}'
const types = (result: RunResult) => result.messages.map((m) => m.message_type)
const callsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'approval_request_message' && Array.isArray(m.tool_calls) ? m.tool_calls : []))
const idsOf = (result: RunResult) => callsOf(result).map((call) => call.tool_call_id)
const returnsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))

const approval = (approvals: Approval[], otid: string | null = null): ApprovalAnswer => ({ approvals, otid, group_id: null })
const approve = (id: string | undefined): Approval => ({ type: 'approval', tool_call_id: id ?? '', approve: true })
const deny = (id: string | undefined, reason: string): Approval => ({ type: 'approval', tool_call_id: id ?? '', approve: false, reason })
const returned = (id: string | undefined, tool_return: string): Approval => ({
  type: 'tool',
  tool_call_id: id ?? '',
  tool_return,
  status: 'success',
})

type Overrides = Parameters<typeof submission>[1]
const answer = (scope: Scope, agent: string, approvals: Approval[], more: Overrides = {}) =>
  send(scope, agent, '', { input: [], approval: approval(approvals), ...more })
const submit = async (scope: Scope, agent: string, text: string, overrides: Overrides = {}) =>
  unwrap((await agentStub(agent).submit(scope, submission(text, overrides))) as never) as RunState
const result = async (scope: Scope, agent: string, id: string) => unwrap((await agentStub(agent).result(scope, id)) as never) as RunResult
const cancel = async (scope: Scope, agent: string, which: { run_ids?: string[] } = {}) =>
  unwrap((await agentStub(agent).cancel(scope, which)) as never) as Record<string, string>

const crash = (agent: string) => runInDurableObject(agentStub(agent), (_, state) => state.abort('crash')).catch(() => undefined)
const passTime = (agent: string) =>
  runInDurableObject(agentStub(agent), async (_, state) => {
    state.storage.sql.exec('update schedule set due_at = 0')
    await state.storage.setAlarm(Date.now())
  })

/** Every call that an agent ever made has exactly one result, in the stored history. */
async function expectPaired(agent: string) {
  const stored = await storedMessages(agent)
  const calls = stored.flatMap((m) => JSON.parse(m.tool_calls as string).map((call: { id: string }) => call.id))
  const returns = stored.flatMap((m) => JSON.parse(m.tool_returns as string).map((r: { tool_call_id: string }) => r.tool_call_id))
  expect(returns.toSorted()).toEqual(calls.toSorted())
}

describe('a call that needs approval', () => {
  it.each([{ stream_tokens: false }, { stream_tokens: true }])(
    'ends its run, in D1 before the answer, and is carried out once approved (%o)',
    async (mode) => {
      const { scope, agent, value } = await guarded()
      const asked = await send(scope, agent, `/say May I?\n${append}\n/then\n/say done`, mode)
      expect(asked).toMatchObject({ stop_reason: 'requires_approval', run: { status: 'completed' } })
      expect(types(asked)).toEqual(['assistant_message', 'approval_request_message'])
      expect(callsOf(asked)).toMatchObject([{ name: 'core_memory_append', arguments: '{"label":"human","content":"x"}' }])
      expect(await value()).toBe('Ada')
      const stored = await storedMessages(agent)
      expect(stored.map((m) => m.role)).toEqual(['system', 'user', 'assistant', 'approval'])
      expect(stored.at(-1)).toMatchObject({ id: asked.messages.at(-1)?.id, run_id: asked.run.id })
      const row = await bindings.DB.prepare('select last_stop_reason from agents where id = ?1').bind(agent).first()
      expect(row).toEqual({ last_stop_reason: 'requires_approval' })

      const done = await answer(scope, agent, [approve(idsOf(asked)[0])], mode)
      expect(done.run.id).not.toBe(asked.run.id)
      expect(types(done)).toEqual(['tool_return_message', 'assistant_message'])
      expect(returnsOf(done)).toMatchObject([{ status: 'success', tool_call_id: idsOf(asked)[0] }])
      expect(done.messages[0]?.step_id).toBe(asked.messages[0]?.step_id)
      expect([done.stop_reason, sentences(done).join('')]).toEqual(['end_turn', 'done'])
      expect(await value()).toBe('Ada\nx')
      expect((await storedMessages(agent)).map((m) => m.role)).toEqual([
        'system',
        'user',
        'assistant',
        'approval',
        'approval',
        'tool',
        'assistant',
      ])
      await expectPaired(agent)
    },
  )

  it('that is refused is not carried out, and the model reads the reason', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, append)
    const done = await answer(scope, agent, [deny(idsOf(asked)[0], 'not now')])
    expect(returnsOf(done)).toMatchObject([{ status: 'error', tool_return: 'Error: request to call tool denied. User reason: not now' }])
    expect(sentences(done).join('')).toContain('not now')
    expect(await value()).toBe('Ada')
    expect((await send(scope, agent, '/say on')).stop_reason).toBe('end_turn')
  })

  it('keeps messages out until it is answered, in every mode, and only in its conversation', async () => {
    const { scope, agent } = await guarded()
    const asked = await send(scope, agent, append)
    const request = asked.messages.at(-1)?.id
    for (const outcome of [
      await agentStub(agent).send(scope, submission('hello?')),
      await agentStub(agent).submit(scope, submission('hello?', { background: true })),
    ])
      expect(outcome).toMatchObject({
        ok: false,
        kind: 'conflict',
        detail: expect.stringContaining('Please approve or deny the pending request before continuing'),
        extra: { code: 'PENDING_APPROVAL', pending_request_id: request },
      })
    expect((await storedMessages(agent)).filter((m) => m.role === 'user')).toHaveLength(1)
  })

  it('takes an answer only for exactly what waits', async () => {
    const { scope, agent } = await guarded()
    const none = await agentStub(agent).send(scope, submission('', { input: [], approval: approval([approve('call_1')]) }))
    expect(none).toMatchObject({ kind: 'bad_request', detail: expect.stringContaining('No tool call is currently awaiting approval') })
    const [first, second] = idsOf(await send(scope, agent, `${append}\n${append}\n/then\n/say done`))
    for (const approvals of [[approve(first)], [approve('call_1')], [approve(first), approve(second), approve('call_1')], []]) {
      const outcome = await agentStub(agent).send(scope, submission('', { input: [], approval: approval(approvals) }))
      expect(outcome).toMatchObject({
        kind: 'bad_request',
        detail: expect.stringContaining(`Invalid tool call IDs. Expected '['${first}', '${second}']'`),
      })
    }
    const done = await answer(scope, agent, [deny(second, 'once is enough'), approve(first)])
    expect(returnsOf(done).map((r) => [r.tool_call_id, r.status])).toEqual([
      [first, 'success'],
      [second, 'error'],
    ])
  })

  it('may be named by its request, as older clients do', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/say done`)
    const done = await answer(scope, agent, [approve(asked.messages.at(-1)?.id)])
    expect([done.stop_reason, await value()]).toEqual(['end_turn', 'Ada\nx'])
  })

  it('that the rules forbid is refused without asking anybody', async () => {
    const { scope, agent } = await guarded([
      gate('core_memory_append'),
      { type: 'max_count_per_step', tool_name: 'core_memory_append', max_count_limit: 1, prompt_template: null },
    ])
    const asked = await send(scope, agent, `${append}\n/then\n${append}\n/then\n/say done`)
    const done = await answer(scope, agent, [approve(idsOf(asked)[0])])
    expect(returnsOf(done).map((r) => r.status)).toEqual(['success', 'error'])
    expect(returnsOf(done)[1]?.tool_return).toContain('ToolConstraintError')
    expect(done.stop_reason).toBe('end_turn')
  })
})

describe('calls of one response', () => {
  it('that need no approval run at once; all results are returned together, in call order', async () => {
    const { scope, agent } = await guarded()
    const script = `/think Hm.\n/say All of it.\n/call send_message {"message":"hi"}\n${append}\n${append}\n/call read {"path":"a"}\n/then\n/say done`
    const asked = await send(scope, agent, script, { client_tools: [read] })
    expect(types(asked)).toEqual(['reasoning_message', 'assistant_message', 'tool_call_message', 'approval_request_message'])
    const [first, second, third] = idsOf(asked)
    const states = await runInDurableObject(agentStub(agent), (_, state) =>
      state.storage.sql.exec<{ state: string }>('select state from calls order by n').toArray(),
    )
    expect(states.map((row) => row.state)).toEqual(['done', 'waiting', 'waiting', 'waiting'])
    const done = await answer(scope, agent, [approve(first), deny(second, 'no'), returned(third, 'secret')], { client_tools: [read] })
    expect(types(done)).toEqual(['tool_return_message', 'assistant_message'])
    expect(returnsOf(done).map((r) => [r.status, r.tool_return])).toEqual([
      ['success', 'Sent message successfully.'],
      ['success', 'Ada\nx'],
      ['error', 'Error: request to call tool denied. User reason: no'],
      ['success', 'secret'],
    ])
    await expectPaired(agent)
  })
})

describe('a tool of the client', () => {
  it('ends the run when it is called, and stands in for a tool of the same name in that request only', async () => {
    const { scope, agent, value } = await guarded([])
    const mine = { ...read, name: 'core_memory_append' }
    const asked = await send(scope, agent, `${append}\n/then\n/say done`, { client_tools: [mine] })
    expect(asked.stop_reason).toBe('requires_approval')
    const done = await answer(scope, agent, [{ ...returned(idsOf(asked)[0], 'mine'), stdout: ['line'] }], { client_tools: [mine] })
    expect(returnsOf(done)).toMatchObject([{ tool_return: 'mine', status: 'success', stdout: ['line'] }])
    expect(await value()).toBe('Ada')
    expect((await send(scope, agent, `${append}\n/then\n/say done`)).stop_reason).toBe('end_turn')
    expect(await value()).toBe('Ada\nx')
  })

  it('is shown to the model only in requests that bring it, as are skills', async () => {
    const { scope, agent } = await guarded([])
    const skills = [{ name: 'pdf', description: 'Reads PDFs.', location: '/skills/pdf/SKILL.md' }]
    const plain = await send(scope, agent, '/say hi')
    const skilled = await send(scope, agent, '/say hi', { client_skills: skills, client_tools: [read] })
    expect(skilled.usage.prompt_tokens).toBeGreaterThan(plain.usage.prompt_tokens + 20)
    const [system] = await storedMessages(agent)
    expect(system?.content).not.toContain('pdf')
    const rows = await runInDurableObject(agentStub(agent), (_, state) =>
      state.storage.sql.exec<{ request: string }>('select request from runs').toArray(),
    )
    expect(rows.filter(({ request }) => request.includes('SKILL.md') || request.includes('Reads a file'))).toEqual([])
  })

  it('that is approved in place of answered has an error for a result', async () => {
    const { scope, agent } = await guarded([])
    const asked = await send(scope, agent, '/call read {}', { client_tools: [read] })
    const done = await answer(scope, agent, [approve(idsOf(asked)[0])], { client_tools: [read] })
    expect(returnsOf(done)).toMatchObject([{ status: 'error', tool_return: expect.stringContaining('run by the client') }])
  })
})

describe('an answer', () => {
  it('may be followed by messages, which come after the results, even when the calls end the turn', async () => {
    const { scope, agent } = await guarded([
      gate('core_memory_append'),
      { type: 'exit_loop', tool_name: 'core_memory_append', prompt_template: null },
    ])
    const asked = await send(scope, agent, append)
    const done = await answer(scope, agent, [approve(idsOf(asked)[0])], { input: submission('/say and now?').request.input })
    expect([done.stop_reason, sentences(done)]).toEqual(['end_turn', ['and now?']])
    expect((await storedMessages(agent)).map((m) => m.role).slice(-4)).toEqual(['approval', 'tool', 'user', 'assistant'])
  })

  it('that comes twice is worked on once, and after its end keeps the agent going', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/wait 300ms\n/say done`)
    const ids = idsOf(asked)
    const first = await submit(scope, agent, '', { input: [], approval: approval([approve(ids[0])]) })
    const second = await submit(scope, agent, '', { input: [], approval: approval([deny(ids[0], 'no')]) })
    expect(second.id).toBe(first.id)
    const third = await submit(scope, agent, '/say and more', { approval: approval([approve(ids[0])]) })
    expect(sentences(await result(scope, agent, third.id))).toEqual(['and more'])
    expect((await result(scope, agent, first.id)).stop_reason).toBe('end_turn')
    const again = await answer(scope, agent, [approve(ids[0])])
    expect(again.run.id).not.toBe(first.id)
    expect(again.stop_reason).toBe('end_turn')
    expect((await storedMessages(agent)).at(-2)).toMatchObject({ role: 'user', text: expect.stringContaining('keep-alive') })
    expect(await value()).toBe('Ada\nx')
    await expectPaired(agent)
  })

  it('whose run fails afterwards has its results all the same, and the agent goes on', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/fail auth`)
    const failed = await answer(scope, agent, [approve(idsOf(asked)[0])])
    expect([failed.run.status, types(failed), await value()]).toEqual(['failed', ['tool_return_message'], 'Ada\nx'])
    await expectPaired(agent)
    expect((await send(scope, agent, '/say on')).stop_reason).toBe('end_turn')
  })

  it('with a known otid is its first run', async () => {
    const { scope, agent } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/say done`)
    const given = { input: [], approval: approval([approve(idsOf(asked)[0])], 'answer-1') }
    const first = await send(scope, agent, '', given)
    expect((await send(scope, agent, '', given)).run.id).toBe(first.run.id)
  })
})

describe('nobody who waits for ever', () => {
  it('is freed by cancel: every call has a result, the run is cancelled, the agent goes on', async () => {
    const { scope, agent } = await guarded()
    const asked = await send(scope, agent, `/call send_message {"message":"hi"}\n${append}`)
    expect(await cancel(scope, agent)).toEqual({ [asked.run.id]: 'cancelled' })
    const row = await bindings.DB.prepare('select status, stop_reason from runs where id = ?1').bind(asked.run.id).first()
    expect(row).toEqual({ status: 'cancelled', stop_reason: 'cancelled' })
    const { last_stop_reason } = (await bindings.DB.prepare('select last_stop_reason from agents where id = ?1').bind(agent).first()) ?? {}
    expect(last_stop_reason).toBe('cancelled')
    await expectPaired(agent)
    expect(await agentStub(agent).cancel(scope, {})).toMatchObject({ ok: false, kind: 'conflict' })
    expect((await send(scope, agent, '/say on')).stop_reason).toBe('end_turn')
  })

  it('is freed by naming the run, by a reset, and by another context', async () => {
    const { scope, agent } = await guarded()
    const one = await send(scope, agent, append)
    expect(await cancel(scope, agent, { run_ids: [one.run.id] })).toEqual({ [one.run.id]: 'cancelled' })
    await send(scope, agent, append)
    unwrap((await agentStub(agent).reset(scope, [])) as never)
    expect((await send(scope, agent, '/say on')).stop_reason).toBe('end_turn')
    const asked = await send(scope, agent, append)
    const context = (await storedMessages(agent)).map((m) => m.id as string)
    const [system] = context
    const request = asked.messages.at(-1)?.id as string
    unwrap((await agentStub(agent).setContext(scope, [system as string, request])) as never)
    expect(await agentStub(agent).send(scope, submission('hello?'))).toMatchObject({ kind: 'conflict' })
    unwrap((await agentStub(agent).setContext(scope, [system as string])) as never)
    expect((await send(scope, agent, '/say on')).stop_reason).toBe('end_turn')
    expect(await agentStub(agent).setContext(scope, [system as string, request])).toMatchObject({ kind: 'invalid' })
    await expectPaired(agent)
  })

  it('is told by a cancel that names no conversation, unless it waits in one', async () => {
    const { scope, agent } = await guarded()
    const conversation_id = newId('conversation')
    await insertRows(bindings.DB, conversations, [{ id: conversation_id, organization_id: scope.organization_id, agent_id: agent }]).run()
    const asked = await send(scope, agent, append, { conversation_id })
    expect(await agentStub(agent).cancel(scope, {})).toMatchObject({ kind: 'conflict' })
    unwrap((await agentStub(agent).cancel(scope, { conversation_id })) as never)
    expect((await send(scope, agent, '/say on', { conversation_id })).stop_reason).toBe('end_turn')
    expect(asked.stop_reason).toBe('requires_approval')
    await expectPaired(agent)
  })

  it('stays where it is when its context is forked: the fork goes on without the calls', async () => {
    const { scope, agent } = await guarded()
    await send(scope, agent, '/say before')
    const asked = await send(scope, agent, `/say May I?\n${append}`)
    const conversation_id = newId('conversation')
    await insertRows(bindings.DB, conversations, [{ id: conversation_id, organization_id: scope.organization_id, agent_id: agent }]).run()
    unwrap((await agentStub(agent).fork(scope, null, conversation_id)) as never)
    const told = await send(scope, agent, 'and you?', { conversation_id })
    expect(told.stop_reason).toBe('end_turn')
    expect((await answer(scope, agent, [approve(idsOf(asked)[0])])).stop_reason).toBe('end_turn')
    await expectPaired(agent)
  })

  it('waits behind an approval: a queued run is turned away, and may be sent again after the answer', async () => {
    const { scope, agent } = await guarded()
    const asking = await submit(scope, agent, `/wait 200ms\n${append}\n/then\n/say done`)
    const queued = await submit(scope, agent, '/say later', { otid: 'later' })
    const asked = await result(scope, agent, asking.id)
    expect(await result(scope, agent, queued.id)).toMatchObject({
      stop_reason: 'error',
      run: { status: 'failed' },
      error: { type: 'pending_approval', message: expect.stringContaining('waiting for approval') },
    })
    await answer(scope, agent, [approve(idsOf(asked)[0])])
    const again = await send(scope, agent, '/say later', { otid: 'later' })
    expect([again.run.id === queued.id, sentences(again)]).toEqual([false, ['later']])
  })

  it('keeps a run whose calls wait from being deleted', async () => {
    const { scope, agent } = await guarded()
    const { run } = await send(scope, agent, append)
    expect(await agentStub(agent).deleteRun(scope, run.id)).toMatchObject({ kind: 'conflict', detail: expect.stringContaining('wait') })
    await cancel(scope, agent)
    expect(await agentStub(agent).deleteRun(scope, run.id)).toMatchObject({ ok: true })
  })
})

describe('a crash', () => {
  it('while calls wait changes nothing', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/say done`)
    await crash(agent)
    expect(await agentStub(agent).send(scope, submission('hello?'))).toMatchObject({ kind: 'conflict' })
    await crash(agent)
    const done = await answer(scope, agent, [approve(idsOf(asked)[0])])
    expect([done.stop_reason, await value()]).toEqual(['end_turn', 'Ada\nx'])
  })

  it('after the answer was taken loses neither the answer nor a call: the alarm takes it up', async () => {
    const { scope, agent, value } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/wait 300ms\n/say done`)
    const run = await submit(scope, agent, '', { input: [], approval: approval([approve(idsOf(asked)[0])]) })
    await crash(agent)
    await passTime(agent)
    await runDurableObjectAlarm(agentStub(agent))
    const done = await result(scope, agent, run.id)
    expect([done.stop_reason, await value()]).toEqual(['end_turn', 'Ada\nx'])
    await expectPaired(agent)
  })

  it('and a cancel in the middle of an answer leave every call with a result', async () => {
    const { scope, agent } = await guarded()
    const asked = await send(scope, agent, `${append}\n/then\n/wait 60s\n/say done`)
    const run = await submit(scope, agent, '', { input: [], approval: approval([approve(idsOf(asked)[0])]) })
    await pause(50)
    await crash(agent)
    expect(await cancel(scope, agent, { run_ids: [run.id] })).toEqual({ [run.id]: 'cancelled' })
    await expectPaired(agent)
    expect((await answer(scope, agent, [approve(idsOf(asked)[0])])).stop_reason).toBe('end_turn')
  })
})
