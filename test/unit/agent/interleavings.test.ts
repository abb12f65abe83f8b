import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit } from '../../../durable-objects/agent/admit'
import { approvals } from '../../../durable-objects/agent/approvals'
import { withdrawRuns } from '../../../durable-objects/agent/cancel'
import { events } from '../../../durable-objects/agent/events'
import { Executor } from '../../../durable-objects/agent/executor'
import { messages } from '../../../durable-objects/agent/messages'
import { type Run, runs } from '../../../durable-objects/agent/runs'
import type { Store } from '../../../durable-objects/agent/store'
import { resultOf, webhookBody } from '../../../durable-objects/agent/webhook'
import { isAppError } from '../../../src/lib/errors'
import { scriptedModel } from '../../../src/models/scripted'
import type { Approval, Message } from '../../../src/runtime/types'
import { agentConfig } from '../../support/fakes/config'
import { noServices } from '../../support/fakes/services'
import { FakeStorage } from '../../support/fakes/store'
import { submission } from '../../support/submission'

const agent_id = 'agent-018f0000-0000-7000-8000-000000000001'
const config = {
  ...agentConfig(agent_id, ['core_memory_append', 'core_memory_replace', 'send_message']),
  tool_rules: [{ type: 'requires_approval' as const, tool_name: 'core_memory_replace', prompt_template: null }],
}

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

const gated = '/call core_memory_replace {"label":"human","old_content":"a","new_content":"b"}'
const script = fc.constantFrom(
  'plain words',
  '/say a\n/wait 4ms\n/say b',
  '/call core_memory_append {"label":"human","content":"x"}\n/then\n/say done',
  '/call core_memory_append {"label":"human","content":"x"}\n/call send_message {"message":"hi"}\n/call missing {}\n/then\n/wait 4ms\n/say done',
  gated,
  `/say ah\n/call send_message {"message":"hi"}\n${gated}\n${gated}\n/then\n/wait 4ms\n/say done`,
  `${gated}\n/then\n${gated}\n/then\n/say done`,
  '/call core_memory_append not json\n/then\n/say done',
  '/fail bad_request',
  '/wait 4ms\n/fail auth',
)
interface Answering {
  conversation_id: string | null
  kinds: Iterator<string>
  text: string | null
  again: boolean
  stream_tokens: boolean
}

/** Does what the object may refuse with a 4xx. */
function take(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}

const conversation = fc.constantFrom(null, 'conv-1', 'conv-2')
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), text: script, conversation, stream_tokens: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), conversation }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      conversation,
      kinds: fc.infiniteStream(fc.constantFrom('yes', 'no', 'tool')),
      text: fc.option(script),
      again: fc.boolean(),
      stream_tokens: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9 }) }) },
)

const all = (store: Store) => store.all('select body from messages order by seq').map((row) => JSON.parse(row.body as string) as Message)

/** Every call has its one result before anything else is said. */
function expectPaired(history: Message[]): void {
  let open: { step_id: string | null; ids: string[] } = { step_id: null, ids: [] }
  for (const message of history) {
    if (message.tool_returns.length > 0) {
      expect(message.tool_returns.map((each) => each.tool_call_id).toSorted()).toEqual(open.ids.toSorted())
      open = { step_id: null, ids: [] }
    } else if (message.approvals.length === 0) {
      if (open.ids.length > 0) expect(message).toMatchObject({ role: 'approval', step_id: open.step_id })
      open = { step_id: message.step_id, ids: [...open.ids, ...message.tool_calls.map((call) => call.id)] }
    } else expect(open.ids.length).toBeGreaterThan(0)
  }
  expect(open.ids).toEqual([])
}

function expectSound(store: Store): void {
  const stored = all(store)
  expect(stored.map((m) => m.sequence_id)).toEqual(stored.map((_, i) => i + 1))
  for (const run of store.all('select id from runs').map((row) => runs.get(store, agent_id, row.id as string))) {
    expect(['completed', 'failed', 'cancelled']).toContain(run.status)
    const mine = stored.filter((m) => m.run_id === run.id)
    expect(mine.filter((m) => m.role === 'user').length).toBeLessThanOrEqual(1)
    const log = events.after(store, run.id, 0, 10_000)
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1))
    expect(log.filter(({ event }) => event.type === 'stop')).toHaveLength(1)
    const shown = resultOf(store, run).messages.map((m) => m.id)
    // What ended the waiting of a run came after its log.
    const later =
      run.stop_reason === 'cancelled' && log.some(({ event }) => event.type === 'stop' && event.stop_reason === 'requires_approval')
    const said = mine.filter((m) => m.role !== 'user' && m.approvals.length === 0)
    expect(new Set(shown)).toEqual(new Set((later ? said.slice(0, -1) : said).map((m) => m.id)))
  }
  expect(store.all("select 1 from approvals where state <> 'settled'")).toEqual([])
  for (const key of [null, 'conv-1', 'conv-2']) expectPaired(stored.filter((m) => m.conversation_id === key))
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
          take(() => admit(store, agent_id, 'user-1', submission(text, { conversation_id, stream_tokens }), 100))
          void executor.ensure(conversation_id).catch(() => undefined)
        }
        const answer = ({ conversation_id, kinds, text, again, stream_tokens }: Answering) => {
          const { store, executor } = life
          const key = conversation_id ?? ''
          const asked = again
            ? store
                .all(
                  'select c.call from approvals a join calls c on c.step_id = a.step_id and c.n = a.n where conversation = ?1 and a.step_id = (select step_id from approvals where conversation = ?1 order by id desc limit 1)',
                  key,
                )
                .map((row) => JSON.parse(row.call as string))
            : approvals.pending(store, key).map(({ call }) => call)
          const given = asked.map(({ id }: { id: string }): Approval => {
            const kind = kinds.next().value
            return kind === 'tool'
              ? { type: 'tool', tool_call_id: id, tool_return: 'x', status: 'success' }
              : { type: 'approval', tool_call_id: id, approve: kind === 'yes' }
          })
          const { input } = submission(text ?? '').request
          const request = {
            conversation_id,
            stream_tokens,
            input: text === null ? [] : input,
            approval: { approvals: given, otid: null, group_id: null },
          }
          if (given.length > 0) take(() => admit(store, agent_id, 'user-1', submission('', request), 100))
          void executor.ensure(conversation_id).catch(() => undefined)
        }
        for (const each of actions) {
          if (each.do === 'send') start(each.text, each.conversation, each.stream_tokens)
          if (each.do === 'answer') answer({ ...each, conversation_id: each.conversation })
          if (each.do === 'withdraw') withdrawRuns(life.store, agent_id, each.conversation ?? '', 'cancelled')
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
        for (const key of [null, 'conv-1', 'conv-2']) while (runs.head(life.store, agent_id, key ?? '')) await life.executor.ensure(key)
        withdrawRuns(life.store, agent_id, undefined, 'cancelled')
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
