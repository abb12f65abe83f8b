import { describe, expect, it, vi } from 'vitest'
import { Executor } from '../../../durable-objects/agent/executor'
import { type Run, runs } from '../../../durable-objects/agent/runs'
import { schedule } from '../../../durable-objects/agent/schedule'
import { resultOf, webhookBody } from '../../../durable-objects/agent/webhook'
import { scriptedModel } from '../../../src/models/scripted'
import type { Message } from '../../../src/runtime/types'
import { agentConfig } from '../../support/fakes/config'
import { noServices } from '../../support/fakes/services'
import { FakeStorage } from '../../support/fakes/store'
import { submission } from '../../support/submission'

const agent_id = 'agent-018f0000-0000-7000-8000-000000000001'
const config = agentConfig(agent_id, ['core_memory_append'])

/** One life of an agent whose first edit works and whose second never comes back. */
function live(storage: FakeStorage) {
  const store = storage.open()
  let edits = 0
  const executor = new Executor({
    store,
    agent_id: () => agent_id,
    load: async () => config,
    model: () => scriptedModel,
    services: {
      ...noServices,
      editBlock: () => (edits++ === 0 ? Promise.resolve('edited') : new Promise(() => undefined)),
    },
    payload: (run: Run) => webhookBody(store, run),
    flush: () => undefined,
    wake: () => undefined,
    arm: () => undefined,
  })
  return { store, executor }
}

const call = '/call core_memory_append {"label":"human","content":"x"}'

describe('a run that is given up', () => {
  it('counts an answer and a finished call as progress, and leaves every call with a result', async () => {
    const storage = new FakeStorage()
    const first = live(storage)
    const { id } = first.store.transaction(() =>
      runs.accept(first.store, agent_id, 'user-1', submission([call, call, call].join('\n')), 100),
    )
    const due = { kind: 'run', ref: id, due_at: 0, attempts: 0 } as const
    for (let n = 0; n < 7; n++) schedule.again(first.store, due, first.store.now())
    void first.executor.ensure(null).catch(() => undefined)
    await vi.waitFor(() => expect(first.store.all("select n from calls where state = 'started'")).toEqual([{ n: 1 }]))
    expect(schedule.attempts(first.store, due)).toBe(0)

    storage.crash()
    const { store, executor } = live(storage)
    for (let n = 0; n < 8; n++) schedule.again(store, due, store.now())
    await executor.ensure(null)
    const { run, messages } = resultOf(store, runs.get(store, agent_id, id))
    expect([run.status, run.stop_reason]).toEqual(['failed', 'error'])
    const stored = store
      .all('select body from messages where run_id = ?1 order by seq', id)
      .map((row) => JSON.parse(row.body as string) as Message)
    const [, response, answer, ...more] = stored
    expect(more).toEqual([])
    expect(answer?.tool_returns.map((each) => each.tool_call_id)).toEqual(response?.tool_calls.map((each) => each.id))
    expect(answer?.tool_returns.map((each) => [each.status, each.content])).toEqual([
      ['success', 'edited'],
      ['error', expect.stringContaining('outcome unknown')],
      ['error', expect.stringContaining('not carried out')],
    ])
    expect(messages.map((message) => message.message_type)).toEqual(['tool_call_message', 'tool_return_message'])
  })
})
