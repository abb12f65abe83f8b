import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { events } from '../../../durable-objects/agent/events'
import { Executor } from '../../../durable-objects/agent/executor'
import { messages } from '../../../durable-objects/agent/messages'
import { type Run, runs } from '../../../durable-objects/agent/runs'
import type { Store } from '../../../durable-objects/agent/store'
import { resultOf, webhookBody } from '../../../durable-objects/agent/webhook'
import { scriptedModel } from '../../../src/models/scripted'
import type { Message } from '../../../src/runtime/types'
import { agentConfig } from '../../support/fakes/config'
import { noServices } from '../../support/fakes/services'
import { FakeStorage } from '../../support/fakes/store'
import { submission } from '../../support/submission'

const agent_id = 'agent-018f0000-0000-7000-8000-000000000001'
const config = agentConfig(agent_id, ['core_memory_append', 'send_message'])

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One life of an agent's object over a storage that outlives it. */
function live(storage: FakeStorage, edits: string[]) {
  const store = storage.open()
  const host = {
    store,
    agent_id: () => agent_id,
    load: async () => config,
    model: () => scriptedModel,
    services: {
      ...noServices,
      editBlock: async (_: unknown, __: unknown, by: { key: string }) => {
        await pause(3)
        if (!edits.includes(by.key)) edits.push(by.key)
        return 'edited'
      },
    },
    payload: (run: Run) => webhookBody(store, run),
    flush: () => undefined,
    wake: () => undefined,
    arm: () => undefined,
  }
  return { store, executor: new Executor(host) }
}

const script = fc.constantFrom(
  'plain words',
  '/say a\n/wait 4ms\n/say b',
  '/call core_memory_append {"label":"human","content":"x"}\n/then\n/say done',
  '/call core_memory_append {"label":"human","content":"x"}\n/call send_message {"message":"hi"}\n/call missing {}\n/then\n/wait 4ms\n/say done',
  '/call core_memory_append not json\n/then\n/say done',
  '/fail bad_request',
  '/wait 4ms\n/fail auth',
)
const conversation = fc.constantFrom(null, 'conv-1', 'conv-2')
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), text: script, conversation, stream_tokens: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9 }) }) },
)

const all = (store: Store) => store.all('select body from messages order by seq').map((row) => JSON.parse(row.body as string) as Message)

function expectSound(store: Store): void {
  const stored = all(store)
  expect(stored.map((m) => m.sequence_id)).toEqual(stored.map((_, i) => i + 1))
  for (const run of store.all('select id from runs').map((row) => runs.get(store, agent_id, row.id as string))) {
    expect(['completed', 'failed', 'cancelled']).toContain(run.status)
    const mine = stored.filter((m) => m.run_id === run.id)
    expect(mine.filter((m) => m.role === 'user').length).toBeLessThanOrEqual(1)
    const calls = mine.flatMap((m) => m.tool_calls.map((call) => call.id))
    const returns = mine.flatMap((m) => m.tool_returns.map((r) => r.tool_call_id))
    expect(returns).toEqual(calls)
    const log = events.after(store, run.id, 0, 10_000)
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1))
    expect(log.filter(({ event }) => event.type === 'stop')).toHaveLength(1)
    const shown = resultOf(store, run).messages.map((m) => m.id)
    expect(new Set(shown)).toEqual(new Set(mine.filter((m) => m.role !== 'user').map((m) => m.id)))
  }
  for (const key of [null, 'conv-1', 'conv-2']) {
    const context = messages.contextIds(store, key)
    expect(new Set(context).size).toBe(context.length)
  }
}

describe('whatever happens to an agent', () => {
  it('its order is dense, every call has one result, every run ends, and it answers the next message', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 14 }), async (actions) => {
        const storage = new FakeStorage()
        const edits: string[] = []
        let life = live(storage, edits)
        const start = (text: string, conversation_id: string | null, stream_tokens: boolean) => {
          const { store, executor } = life
          store.transaction(() => runs.accept(store, agent_id, 'user-1', submission(text, { conversation_id, stream_tokens }), 100))
          void executor.ensure(conversation_id).catch(() => undefined)
        }
        for (const each of actions) {
          if (each.do === 'send') start(each.text, each.conversation, each.stream_tokens)
          if (each.do === 'cancel') {
            const open = runs.inProgress(life.store, agent_id)
            const run = open[each.which % Math.max(1, open.length)]
            if (run) life.executor.cancel(run.id)
          }
          if (each.do === 'crash') {
            storage.crash()
            life = live(storage, edits)
            for (const run of runs.inProgress(life.store, agent_id)) void life.executor.ensure(run.conversation_id).catch(() => undefined)
          }
          if (each.do === 'wait') await pause(each.ms)
        }
        start('are you there?', null, false)
        for (const key of [null, 'conv-1', 'conv-2']) while (runs.head(life.store, agent_id, key ?? '')) await life.executor.ensure(key)
        expectSound(life.store)
        expect(
          all(life.store)
            .at(-1)
            ?.content.map((part) => (part.type === 'text' ? part.text : ''))
            .join(''),
        ).toBeTruthy()
      }),
      { numRuns: 250 },
    )
  }, 60_000)
})
