import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/env'
import { agentStub, bindings, freshAgent, freshScope, send, sentences, storedMessages } from '../support/agent'

/** Takes an agent's D1 away for writes, or gives it back. Reads go on, so that turns can be taken. */
const setWritable = (agent: string, writable: boolean) =>
  runInDurableObject(agentStub(agent), (object) => {
    const held = object as unknown as { env: Env }
    const down = new Proxy(bindings.DB, {
      get: (d1, key) =>
        key === 'batch' ? () => Promise.reject(new Error('D1 is down')) : (d1[key as keyof D1Database] as () => unknown).bind(d1),
    })
    held.env = { ...bindings, DB: writable ? bindings.DB : down }
  })

describe('while D1 takes no writes', () => {
  it('a turn commits and answers, and D1 catches up in order', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await send(scope, agent, 'before')
    await setWritable(agent, false)
    expect(sentences(await send(scope, agent, 'during'))[0]).toContain('during')
    expect((await storedMessages(agent)).map((m) => m.role)).toEqual(['system', 'user', 'assistant'])
    await setWritable(agent, true)
    await runInDurableObject(agentStub(agent), async (_, state) => {
      state.storage.sql.exec('update schedule set due_at = 0')
      await state.storage.setAlarm(Date.now())
    })
    await runDurableObjectAlarm(agentStub(agent))
    await vi.waitFor(async () => expect(await storedMessages(agent)).toHaveLength(5), { timeout: 5_000 })
    const stored = await storedMessages(agent)
    expect(stored.map((m) => m.sequence_id)).toEqual([1, 2, 3, 4, 5])
    const row = await bindings.DB.prepare('select message_ids from agents where id = ?1').bind(agent).first()
    expect(JSON.parse(row?.message_ids as string)).toEqual(stored.map((m) => m.id))
  })
})

describe('a row that D1 refuses for good', () => {
  it('is set aside with the reason and holds up no other', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await send(scope, agent, 'before')
    await runInDurableObject(agentStub(agent), (_, state) => {
      const payload = { id: 'step-broken', run_id: 'run-of-nobody', sequence_id: 1, status: 'pending', usage: {}, tags: [], started_at: 0 }
      state.storage.sql.exec("insert into outbox (kind, payload) values ('step', ?)", JSON.stringify(payload))
    })
    await send(scope, agent, 'after')
    expect(await storedMessages(agent)).toHaveLength(5)
    await runInDurableObject(agentStub(agent), (_, state) => {
      expect(state.storage.sql.exec('select kind, reason from outbox_refused').toArray()).toMatchObject([
        { kind: 'step', reason: expect.stringContaining('FOREIGN KEY') },
      ])
      expect(state.storage.sql.exec("select * from outbox where kind = 'step' and payload like '%broken%'").toArray()).toEqual([])
    })
  })
})
