import { describe, expect, it } from 'vitest'
import { database } from '../../src/db/client'
import { configOf } from '../../src/env'
import { root } from '../../src/http/router'
import { newId } from '../../src/lib/id'
import { answer } from '../../src/resources/messages/answer'
import { SendRequest } from '../../src/resources/messages/schema'
import { modeOf } from '../../src/resources/messages/service/request'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'
import { readFrames, typesOf } from '../support/sse'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const send = (call: Call, id: string, input: unknown, more: Record<string, unknown> = {}) =>
  call('POST', `/v1/agents/${id}/messages`, { input, ...more })
const frames = (body: string) => readFrames(new Response(body).body as ReadableStream<Uint8Array>)

describe('a streamed turn', () => {
  it('begins with a ping that names the run and ends with stop reason, usage and [DONE]', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const answer = await send(call, id, '/say Hello.', { streaming: true })
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const { frames: shown, done } = await frames(answer.body)
    expect(typesOf(shown)).toEqual(['ping', 'assistant_message', 'stop_reason', 'usage_statistics'])
    expect(done).toBe(true)
    expect(shown[0]?.data.run_id).toMatch(/^run-/)
    const tokens = await frames(
      (await call('POST', `/v1/agents/${id}/messages/stream`, { input: '/stream 2\n/say Hello.', stream_tokens: true })).body,
    )
    const deltas = tokens.frames.filter((frame) => frame.data.message_type === 'assistant_message')
    expect(deltas.length).toBeGreaterThan(1)
    expect(deltas.map((frame) => frame.data.content).join('')).toBe('Hello.')
    expect((await call('POST', `/v1/agents/${newId('agent')}/messages`, { input: 'x', streaming: true })).status).toBe(404)
  })

  it('tells a failure of the model as an error event', async () => {
    const { call } = await freshOrganization()
    const { frames: shown } = await frames((await send(call, await agent(call), '/fail auth', { streaming: true })).body)
    expect(typesOf(shown).slice(-2)).toEqual(['stop_reason', 'error_message'])
    expect(shown.at(-1)).toMatchObject({ event: 'error', data: { error_type: 'llm_authentication' } })
  })

  it('can be read again from any event, by run, by otid and by conversation', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const otid = 'resume-me'
    const message = { messages: [{ role: 'user', content: '/say one\n/then\n/say two', otid }], streaming: true, background: true }
    const first = await frames((await call('POST', `/v1/agents/${id}/messages`, message)).body)
    const run_id = first.frames[0]?.data.run_id as string
    const again = await frames((await call('POST', `/v1/runs/${run_id}/stream`, { starting_after: 0 })).body)
    const seqs = (shown: typeof first.frames) => shown.map((frame) => frame.data.seq_id)
    expect(seqs(again.frames)).toEqual(seqs(first.frames))
    const later = await frames((await call('POST', `/v1/runs/${run_id}/stream`, { starting_after: 1 })).body)
    expect(later.frames).toEqual(again.frames.slice(1))
    expect((await frames((await call('POST', `/v1/runs/${run_id}/stream`)).body)).done).toBe(true)
    for (const body of [
      { otid, agent_id: id },
      { run_id, agent_id: id },
    ])
      expect(seqs((await frames((await call('POST', '/v1/conversations/default/stream', body)).body)).frames)).toEqual(seqs(first.frames))
    const idle = await call('POST', `/v1/conversations/${id}/stream`, {})
    expect([idle.status, idle.body.detail]).toEqual([400, 'No active runs found for this conversation.'])
    expect((await call('POST', `/v1/conversations/${id}/stream`, { otid: 'never sent' })).status).toBe(404)
    expect((await call('POST', `/v1/runs/${newId('run')}/stream`, {})).status).toBe(404)
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`)).body
    expect((await call('POST', `/v1/conversations/${conversation.id}/stream`, { run_id })).status).toBe(404)
    expect((await (await freshOrganization()).call('POST', `/v1/runs/${run_id}/stream`, {})).status).toBe(404)
  })

  it('is found while it runs, as the latest of its conversation', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const run = (await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 700ms\n/say late' })).body
    const { frames: shown } = await frames((await call('POST', `/v1/conversations/default/stream`, { agent_id: id })).body)
    expect(shown[0]?.data.run_id).toBe(run.id)
    expect(typesOf(shown)).toContain('assistant_message')
  })
})

describe('a blocking turn that takes long', () => {
  const patience = { headersAfter: 50, beatEvery: 40 }
  /** The route of a blocking request, less patient than the real one. */
  async function impatient(input: string) {
    const { call, organization_id, user_id } = await freshOrganization()
    const id = await agent(call)
    const actor = { organization_id, user_id, scopes: ['write'] }
    const app = root()
    app.post('/', (c) => {
      c.set('ctx', { db: database(bindings.DB), env: bindings, config: configOf(bindings), actor, later: () => undefined })
      const request = SendRequest.parse({ input })
      const sending = { agent_id: id, conversation_id: null, request, mode: modeOf(request, false), idempotency_key: null }
      return answer(c, sending, patience)
    })
    const response = await app.request('/', { method: 'POST' }, bindings)
    return { call, id, response, text: await response.text() }
  }

  it('sends its headers early and white space until the answer', async () => {
    const { response, text } = await impatient('/wait 200ms\n/say Finally.')
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(text).toMatch(/^ +\{/)
    expect(JSON.parse(text)).toMatchObject({ messages: [{ content: 'Finally.' }], stop_reason: { stop_reason: 'end_turn' } })
    expect(JSON.parse(text)).not.toHaveProperty('error')
  })

  it('tells a late failure in the body', async () => {
    const { response, text } = await impatient('/wait 200ms\n/fail auth')
    expect(response.status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({
      stop_reason: { message_type: 'stop_reason', stop_reason: 'llm_api_error' },
      usage: { message_type: 'usage_statistics' },
      error: { type: 'llm_authentication', message: expect.any(String) },
      run_id: expect.stringMatching(/^run-/),
    })
  })

  it('is a plain answer when it does not take long', async () => {
    const { text } = await impatient('/say At once.')
    expect(text).toMatch(/^\{/)
    const failed = await impatient('/fail auth')
    expect(failed.response.status).toBe(401)
  })
})
