import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { insertRows } from '../../src/db/rows'
import { unwrap } from '../../src/lib/errors'
import { newId } from '../../src/lib/id'
import { conversations } from '../../src/resources/conversations/table'
import { agentStub, bindings, send, sentences, storedMessages, submission } from '../support/agent'
import {
  answer,
  append,
  approval,
  approve,
  cancel,
  crash,
  expectPaired,
  guarded,
  idsOf,
  passTime,
  pause,
  result,
  submit,
} from '../support/waiting'

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
