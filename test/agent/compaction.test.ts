import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { unwrap } from '../../src/lib/errors'
import type { CompactionSettings } from '../../src/runtime/compaction-schema'
import type { ModelRequest } from '../../src/runtime/model'
import type { CompactionResult, Scope } from '../../src/runtime/rpc'
import { agentStub, freshAgent, freshScope, giveTools, send, sentences, storedMessages, submission } from '../support/agent'

const call = async <T>(outcome: Promise<unknown>): Promise<T> => unwrap((await outcome) as never) as T
const compact = (scope: Scope, agent: string, settings: CompactionSettings = {}) =>
  call<CompactionResult>(agentStub(agent).compact(scope, null, { mode: 'all', prompt: '/say They met.', ...settings }))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const crash = (agent: string) => runInDurableObject(agentStub(agent), (_, state) => state.abort('crash')).catch(() => undefined)
const rolesInContext = async (scope: Scope, agent: string) => {
  const { message_ids } = await call<{ message_ids: string[] }>(agentStub(agent).context(scope, null))
  const stored = await storedMessages(agent)
  return message_ids.map((id) => stored.find((m) => m.id === id)?.role)
}
/** What the model would be sent for one more message. */
const nextRequest = async (scope: Scope, agent: string, overrides: Parameters<typeof submission>[1] = {}) =>
  (await call<{ request: ModelRequest }>(agentStub(agent).preview(scope, submission('next', overrides)))).request
const textsOf = ({ messages }: ModelRequest) =>
  messages.map((m) => [m.role, m.content.map((p) => (p.type === 'text' ? p.text : p.type)).join()])

async function talkative(): Promise<{ scope: Scope; agent: string }> {
  const scope = await freshScope()
  const agent = await freshAgent(scope)
  for (const word of ['one', 'two']) await send(scope, agent, `/say ${word}`)
  return { scope, agent }
}

describe('a compacted context', () => {
  it('has a summary in the place of older messages, which stay in the history, in their order', async () => {
    const { scope, agent } = await talkative()
    expect(await compact(scope, agent)).toEqual({ summary: 'They met.', num_messages_before: 5, num_messages_after: 2 })
    expect(await rolesInContext(scope, agent)).toEqual(['system', 'summary'])
    const stored = await storedMessages(agent)
    expect(stored.map((m) => m.role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'summary'])
    expect(stored.map((m) => m.sequence_id)).toEqual([1, 2, 3, 4, 5, 6])
    expect(textsOf(await nextRequest(scope, agent))).toEqual([
      ['summary', expect.stringContaining('They met.')],
      ['user', 'next'],
    ])
    expect(sentences(await send(scope, agent, '/say go on'))).toEqual(['go on'])
  })

  it('keeps its summary however little of the rest fits the window', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope, { llm_config: { context_window: 2_000 } })
    for (const word of ['one', 'two']) await send(scope, agent, `/say ${word}`)
    await compact(scope, agent)
    for (let n = 0; n < 6; n++) await send(scope, agent, `/say ${'many words '.repeat(150)}`)
    const sent = textsOf(await nextRequest(scope, agent))
    expect(sent[0]).toEqual(['summary', expect.stringContaining('They met.')])
    expect(sent.length).toBeLessThan(6)
    expect(sent.at(-1)).toEqual(['user', 'next'])
  })

  it('has a fresh system message', async () => {
    const { scope, agent } = await talkative()
    const before = (await nextRequest(scope, agent)).system
    await compact(scope, agent)
    expect(before).toContain('- 0 previous messages')
    expect((await nextRequest(scope, agent)).system).toContain('- 4 previous messages')
  })

  it('keeps calls with their results', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await giveTools(scope, agent, ['conversation_search'])
    for (const word of ['one', 'two', 'three']) await send(scope, agent, `/call conversation_search {"query":"${word}"}\n/say ${word}`)
    const done = await compact(scope, agent, { mode: 'sliding_window' })
    expect(done).toMatchObject({ num_messages_before: 13, num_messages_after: 10 })
    expect(await rolesInContext(scope, agent)).toEqual([
      'system',
      'summary',
      ...['user', 'assistant', 'tool', 'assistant'],
      ...['user', 'assistant', 'tool', 'assistant'],
    ])
  })
})

describe('compacting', () => {
  it('is refused while a turn is running, by the words that clients look for', async () => {
    const { scope, agent } = await talkative()
    const run = await call<{ id: string }>(agentStub(agent).submit(scope, submission('/wait 400ms\n/say done')))
    const refused = await agentStub(agent).compact(scope, null, { mode: 'all' })
    expect(refused).toMatchObject({ ok: false, kind: 'conflict', extra: { run_id: run.id } })
    expect(refused).toMatchObject({ detail: expect.stringContaining('is currently being processed') })
    await call(agentStub(agent).result(scope, run.id))
    expect(await compact(scope, agent)).toMatchObject({ num_messages_before: 7, num_messages_after: 2 })
  })

  it('does not hold up a turn that begins meanwhile, and keeps what it adds', async () => {
    const { scope, agent } = await talkative()
    const compacting = compact(scope, agent, { prompt: '/wait 300ms\n/say They met.' })
    await pause(100)
    expect(sentences(await send(scope, agent, '/say three'))).toEqual(['three'])
    expect(await compacting).toMatchObject({ num_messages_before: 7, num_messages_after: 4 })
    expect(await rolesInContext(scope, agent)).toEqual(['system', 'summary', 'user', 'assistant'])
  })

  it('is done once for requests that come while it goes on', async () => {
    const { scope, agent } = await talkative()
    const settings = { prompt: '/wait 200ms\n/say They met.' }
    const [one, two] = await Promise.all([compact(scope, agent, settings), compact(scope, agent, settings)])
    expect(two).toEqual(one)
    expect((await storedMessages(agent)).filter((m) => m.role === 'summary')).toHaveLength(1)
  })

  it('stores nothing when the context was replaced meanwhile', async () => {
    const { scope, agent } = await talkative()
    const compacting = agentStub(agent).compact(scope, null, { mode: 'all', prompt: '/wait 300ms\n/say They met.' })
    await pause(100)
    await call(agentStub(agent).reset(scope, []))
    expect(await compacting).toMatchObject({ ok: false, kind: 'conflict' })
    expect((await storedMessages(agent)).map((m) => m.role)).not.toContain('summary')
  })

  it('leaves no trace when a crash cuts it or the model fails, and works afterwards', async () => {
    const { scope, agent } = await talkative()
    const cut = compact(scope, agent, { prompt: '/wait 5s\n/say They met.' }).catch((error: Error) => error)
    await pause(100)
    await crash(agent)
    expect(await cut).toBeInstanceOf(Error)
    const failed = await agentStub(agent).compact(scope, null, { mode: 'all', prompt: '/fail auth' })
    expect(failed).toMatchObject({ ok: false, kind: 'llm_authentication', extra: { error: { type: 'llm_authentication' } } })
    expect(await rolesInContext(scope, agent)).toEqual(['system', 'user', 'assistant', 'user', 'assistant'])
    expect(await compact(scope, agent)).toMatchObject({ num_messages_after: 2 })
  })
})

describe('a preview of a request', () => {
  it('is what a turn would send, and leaves nothing behind', async () => {
    const { scope, agent } = await talkative()
    const state = () =>
      runInDurableObject(agentStub(agent), (_, { storage }) =>
        ['messages', 'context', 'runs', 'requests', 'events', 'outbox', 'schedule', 'conversations', 'steps'].map((table) => [
          ...storage.sql.exec(`select * from ${table}`),
        ]),
      )
    // What the outbox still owes is struck off a moment after.
    await pause(100)
    const before = await state()
    const request = await nextRequest(scope, agent, { override_system: 'Only for now.' })
    expect(request.system).toBe('Only for now.')
    expect(textsOf(request).at(-1)).toEqual(['user', 'next'])
    expect(request.messages).toHaveLength(5)
    await pause(100)
    expect(await state()).toEqual(before)
  })

  it('may be of a message that was sent already', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await send(scope, agent, '/say hi', { otid: 'once' })
    expect(textsOf(await nextRequest(scope, agent, { otid: 'once' })).at(-1)).toEqual(['user', 'next'])
  })
})
