import { expect, it } from 'vitest'
import { type Api, everyItem } from '../api'

/** Longer than a client waits for the head of an answer before the server begins it: 20 seconds. */
const long = '/wait 22s'

/** Turns that take long. They run beside the other tests, and are looked at in the end. */
export function patience(api: Api): void {
  async function slowTurns() {
    const { client, fetch, exchanges } = await api.member()
    const agent = async () => (await client.agents.create({})).id
    const ids = await Promise.all([agent(), agent(), agent(), agent()])
    const [spoken, raw, failing, streamed] = ids as [string, string, string, string]
    exchanges()
    const timed = async () => {
      const began = performance.now()
      const response = await fetch('POST', `/v1/agents/${raw}/messages`, { input: `${long}\n/say Late.` })
      return { head: performance.now() - began, status: response.status, text: await response.text(), all: performance.now() - began }
    }
    const [answer, plain, failed, frames] = await Promise.all([
      client.agents.messages.create(spoken, { input: `${long}\n/say Late.` }),
      timed(),
      client.agents.messages.create(failing, { input: `${long}\n/fail auth` }),
      client.agents.messages.create(streamed, { input: `${long}\n/say Late.`, streaming: true }).then((stream) => everyItem(stream)),
    ])
    const requests = exchanges()
    const runs = (await client.runs.list()).items
    return { answer, plain, failed, frames, requests, runs, failing }
  }
  const done = slowTurns()
  done.catch(() => {})

  it('turns longer than a client’s patience, in one request each', { timeout: 45_000 }, async () => {
    const { answer, plain, failed, frames, requests, runs, failing } = await done
    expect(answer).toMatchObject({ messages: [{ content: 'Late.' }], stop_reason: { stop_reason: 'end_turn' } })
    expect(requests).toHaveLength(3)
    expect(runs).toHaveLength(4)

    expect(plain.status).toBe(200)
    expect(plain.head).toBeGreaterThan(19_000)
    expect(plain.head).toBeLessThan(plain.all - 500)
    expect(plain.text).toMatch(/^\s*\{/)
    expect(JSON.parse(plain.text)).toMatchObject({ messages: [{ content: 'Late.' }] })

    const run = runs.find(({ agent_id }) => agent_id === failing)
    expect(run).toMatchObject({ status: 'failed' })
    expect(failed).toMatchObject({
      messages: [],
      stop_reason: { stop_reason: 'llm_api_error' },
      error: { type: 'llm_authentication' },
      run_id: run?.id,
    })

    expect(frames.map(({ message_type }) => message_type)).toEqual(['ping', 'ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
  })
}
