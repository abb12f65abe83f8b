import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { agentStub, bindings, send, sentences, storedMessages, submission } from '../support/agent'
import {
  answer,
  append,
  approval,
  approve,
  callsOf,
  deny,
  expectPaired,
  gate,
  guarded,
  idsOf,
  read,
  result,
  returned,
  returnsOf,
  submit,
  types,
} from '../support/waiting'

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
