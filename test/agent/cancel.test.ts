import { describe, expect, it } from 'vitest'
import { unwrap } from '../../src/lib/errors'
import type { RunResult, RunState, Scope } from '../../src/runtime/rpc'
import { agentStub, bindings, freshAgent, freshScope, send, sentences, storedMessages, submission } from '../support/agent'

const call = async <T>(outcome: Promise<unknown>): Promise<T> => unwrap((await outcome) as never) as T
const submit = (scope: Scope, agent: string, text: string, overrides: Parameters<typeof submission>[1] = {}) =>
  call<RunState>(agentStub(agent).submit(scope, submission(text, overrides)))
const result = (scope: Scope, agent: string, id: string) => call<RunResult>(agentStub(agent).result(scope, id))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('cancel', () => {
  it.each([{ stream_tokens: true }, { stream_tokens: false }])(
    'keeps what was said and frees the conversation at once (%o)',
    async (mode) => {
      const scope = await freshScope()
      const agent = await freshAgent(scope)
      const run = await submit(scope, agent, '/say half a sentence\n/wait 60s\n/say the rest', mode)
      await pause(100)
      expect(await call(agentStub(agent).cancel(scope, {}))).toEqual({ [run.id]: 'cancelled' })
      const end = await result(scope, agent, run.id)
      expect(end).toMatchObject({ stop_reason: 'cancelled', run: { status: 'cancelled' } })
      expect(sentences(end).join('')).toContain('half a sentence')
      expect((await storedMessages(agent)).at(-1)).toMatchObject({ role: 'assistant', run_id: run.id })
      expect((await send(scope, agent, 'next')).stop_reason).toBe('end_turn')
      const row = await bindings.DB.prepare('select status, stop_reason from runs where id = ?1').bind(run.id).first()
      expect(row).toEqual({ status: 'cancelled', stop_reason: 'cancelled' })
    },
  )

  it('ends a run that waits for its turn without a trace in the history', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const first = await submit(scope, agent, '/wait 300ms\n/say done')
    const second = await submit(scope, agent, 'never sent')
    await call(agentStub(agent).cancel(scope, { run_ids: [second.id] }))
    expect((await result(scope, agent, second.id)).stop_reason).toBe('cancelled')
    expect((await result(scope, agent, first.id)).stop_reason).toBe('end_turn')
    expect((await storedMessages(agent)).some((m) => String(m.text).includes('never sent'))).toBe(false)
  })

  it('answers 409 when nothing runs, and leaves a finished run as it is', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    const { run } = await send(scope, agent, 'hello')
    expect(await agentStub(agent).cancel(scope, {})).toMatchObject({ ok: false, kind: 'conflict' })
    expect(await call(agentStub(agent).cancel(scope, { run_ids: [run.id] }))).toEqual({ [run.id]: 'completed' })
  })
})
