import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { unwrap } from '../../src/lib/errors'
import type { RunResult, RunState, Scope } from '../../src/runtime/rpc'
import { agentStub, freshAgent, freshScope, send, sentences, storedMessages, submission } from '../support/agent'

const submit = async (scope: Scope, agent: string, text: string, overrides: Parameters<typeof submission>[1] = {}) =>
  unwrap((await agentStub(agent).submit(scope, submission(text, overrides))) as never) as RunState
const result = async (scope: Scope, agent: string, id: string) => unwrap((await agentStub(agent).result(scope, id)) as never) as RunResult
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Ends the object as a crash does: whatever it was doing stops, its storage stays. */
const crash = (agent: string) => runInDurableObject(agentStub(agent), (_, state) => state.abort('crash')).catch(() => undefined)

/** Makes every scheduled row due, as time would. */
const passTime = (agent: string) =>
  runInDurableObject(agentStub(agent), async (_, state) => {
    state.storage.sql.exec('update schedule set due_at = 0')
    await state.storage.setAlarm(Date.now())
  })

describe('a run that a crash cut', () => {
  it('is taken up by the alarm and ends, its message stored once', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const run = await submit(scope, agent, '/wait 400ms\n/say here I am', { otid: 'once' })
    await pause(100)
    await crash(agent)
    await passTime(agent)
    await runDurableObjectAlarm(agentStub(agent))
    const end = await result(scope, agent, run.id)
    expect(end.stop_reason).toBe('end_turn')
    expect(sentences(end)).toEqual(['here I am'])
    expect((await storedMessages(agent)).map((m) => m.role)).toEqual(['system', 'user', 'assistant'])
  })

  it('leaves out of the blocking answer what a lost response had streamed', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const run = await submit(scope, agent, '/say first words\n/wait 400ms\n/say last words', { stream_tokens: true })
    await pause(100)
    await crash(agent)
    await passTime(agent)
    await runDurableObjectAlarm(agentStub(agent))
    const end = await result(scope, agent, run.id)
    expect(
      sentences(end)
        .join('')
        .match(/first words/g),
    ).toHaveLength(1)
  })

  it('fails after eight tries that came to nothing, and the agent goes on', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const run = await submit(scope, agent, '/wait 60s')
    await pause(100)
    await runInDurableObject(
      agentStub(agent),
      (_, state) => void state.storage.sql.exec("update schedule set attempts = 8 where kind = 'run'"),
    )
    await crash(agent)
    await passTime(agent)
    const end = await result(scope, agent, run.id)
    expect(end).toMatchObject({ stop_reason: 'error', run: { status: 'failed' }, error: { message: expect.stringContaining('8 tries') } })
    expect((await send(scope, agent, 'still there?')).stop_reason).toBe('end_turn')
  })
})
