import { describe, expect, it } from 'vitest'
import { unwrap } from '../../src/lib/errors'
import type { RunState, Scope } from '../../src/runtime/rpc'
import { agentStub, freshAgent, freshScope, type send, submission } from '../support/agent'
import { readFrames, typesOf } from '../support/sse'

async function start(text: string, overrides: Parameters<typeof submission>[1] = {}) {
  const scope = await freshScope()
  const agent = await freshAgent(scope)
  const run = unwrap((await agentStub(agent).submit(scope, submission(text, overrides))) as never) as RunState
  return { scope, agent, run }
}

async function follow(scope: Scope, agent: string, run_id: string, after = 0) {
  const outcome = (await agentStub(agent).stream(scope, run_id, { after, pings: true, types: null })) as never
  return readFrames((unwrap(outcome) as { body: ReadableStream<Uint8Array> }).body)
}

describe('the stream of a run', () => {
  it('begins with a ping that names the run and ends with stop reason, usage and [DONE]', async () => {
    const { scope, agent, run } = await start('hello')
    const { frames, done } = await follow(scope, agent, run.id)
    expect(typesOf(frames)).toEqual(['ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
    expect(frames[0]?.data.run_id).toBe(run.id)
    expect(done).toBe(true)
  })

  it('numbers its frames from 1 without a gap, and goes on after any of them', async () => {
    const { scope, agent, run } = await start('one two three', { stream_tokens: true })
    const { frames } = await follow(scope, agent, run.id)
    expect(frames.map((f) => f.data.seq_id)).toEqual(frames.map((_, i) => i + 1))
    for (const after of [1, 3, frames.length - 1, frames.length]) {
      const rest = await follow(scope, agent, run.id, after)
      expect(rest.frames).toEqual(frames.slice(after))
      expect(rest.done).toBe(true)
    }
  })

  it('says in tokens what the blocking answer says in whole messages', async () => {
    const { scope, agent, run } = await start('/think hm\n/say one two three', { stream_tokens: true })
    const { frames } = await follow(scope, agent, run.id)
    const said = frames.filter((f) => f.data.message_type === 'assistant_message').map((f) => f.data.content)
    expect(said.length).toBeGreaterThan(1)
    const blocking = unwrap((await agentStub(agent).result(scope, run.id)) as never) as Awaited<ReturnType<typeof send>>
    expect(blocking.messages.map((m) => m.message_type)).toEqual(['reasoning_message', 'assistant_message'])
    expect(blocking.messages.at(-1)).toMatchObject({ content: said.join('') })
  })

  it('tells of a failed model after the stop reason, as an error event', async () => {
    const { scope, agent, run } = await start('/fail auth')
    const { frames, done } = await follow(scope, agent, run.id)
    expect(typesOf(frames)).toEqual(['ping', 'stop_reason', 'error_message'])
    expect(frames.at(-1)).toMatchObject({ event: 'error', data: { error_type: 'llm_authentication', run_id: run.id } })
    expect(done).toBe(true)
  })

  it('survives readers that leave: the run ends, and the next reader sees all of it', async () => {
    const { scope, agent, run } = await start('/say before\n/wait 200ms\n/say after', { stream_tokens: true })
    const outcome = (await agentStub(agent).stream(scope, run.id, { after: 0, pings: true, types: null })) as never
    const reader = (unwrap(outcome) as { body: ReadableStream<Uint8Array> }).body.getReader()
    await reader.read()
    await reader.cancel()
    const { frames } = await follow(scope, agent, run.id)
    expect(frames.at(-2)?.data).toMatchObject({ message_type: 'stop_reason', stop_reason: 'end_turn' })
  })
})
