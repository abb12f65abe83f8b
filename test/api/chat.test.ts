import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Answer, type Call, freshOrganization } from '../support/client'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const chat = (call: Call, model: string, content: unknown, more: Record<string, unknown> = {}) =>
  call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content }], ...more })
const framesOf = (text: string) =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((frame) => (frame === 'data: [DONE]' ? 'done' : JSON.parse(frame.slice('data: '.length))))

describe('POST /v1/chat/completions', () => {
  it('answers a turn of the agent as a chat completion', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const messages = [
      { role: 'system', content: 'Ignored.' },
      { role: 'user', content: '/say Ignored too.' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: '/say Hello, Ada.' },
    ]
    const { status, body } = await call('POST', '/v1/chat/completions', { model: id, messages, temperature: 0.2, n: 1 })
    expect(status).toBe(200)
    const [run] = (await call('GET', '/v1/runs')).body
    expect(run).toMatchObject({ metadata: { run_type: 'openai_chat_completions' }, status: 'completed' })
    expect(body).toEqual({
      id: `chatcmpl-${run.id}`,
      object: 'chat.completion',
      created: Math.floor(Date.parse(run.created_at) / 1000),
      model: id,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello, Ada.', refusal: null }, logprobs: null, finish_reason: 'stop' }],
      usage: expect.objectContaining({ prompt_tokens: expect.any(Number) }),
    })
    const history = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body
    expect(history.slice(1).map((m: { content: string }) => m.content)).toEqual(['/say Hello, Ada.', 'Hello, Ada.'])
  })

  it('streams it in chunks that begin with the role and end with [DONE]', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { status, headers, body } = await chat(call, id, [{ type: 'text', text: '/say Hello, dear Ada.' }], {
      stream: true,
      stream_options: { include_usage: true },
    })
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    const frames = framesOf(body)
    expect(frames.at(-1)).toBe('done')
    const chunks = frames.slice(0, -1)
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
    expect(chunks[0].choices[0].delta.role).toBe('assistant')
    expect(
      chunks.flatMap((chunk) => chunk.choices.map((choice: { delta: { content?: string } }) => choice.delta.content ?? '')).join(''),
    ).toBe('Hello, dear Ada.')
    expect(chunks.at(-2).choices[0].finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
  })

  it('lets an agent use its tools, and shows only what it says', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const script = '/say Looking.\n/call conversation_search {"query":"x"}\n/then\n/say Nothing.'
    expect((await chat(call, id, script)).body.choices[0].message.content).toBe('Looking.\n\nNothing.')
    const streamed = framesOf((await chat(call, id, script, { stream: true })).body)
    expect(streamed.map((frame) => frame.choices?.[0].delta.content ?? '').join('')).toBe('Looking.\n\nNothing.')
  })

  it('tells of the end by a limit of tokens', async () => {
    const { call } = await freshOrganization()
    const { body } = await chat(call, await agent(call), '/say Half a\n/stop length')
    expect(body.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Half a' } })
  })

  it('is refused by a problem that is an error of OpenAI’s too', async () => {
    const { call } = await freshOrganization()
    const stranger = await freshOrganization()
    const id = await agent(call)
    const expectError = async (answer: Promise<Answer<{ detail: string; code: string }>>, status: number, message: RegExp) => {
      const { body, ...rest } = await answer
      expect(rest.status).toBe(status)
      expect(rest.headers.get('content-type')).toContain('application/problem+json')
      expect(body).toMatchObject({
        status,
        detail: expect.stringMatching(message),
        error: { message: body.detail, param: null, code: body.code },
      })
    }
    await expectError(chat(call, 'gpt-4o', 'hi'), 404, /'gpt-4o' not found/)
    await expectError(chat(call, newId('agent'), 'hi'), 404, /not found/)
    await expectError(chat(stranger.call, id, 'hi'), 404, /not found/)
    await expectError(chat(stranger.call, id, 'hi', { stream: true }), 404, /not found/)
    await expectError(chat(call, id, ''), 422, /message of the user/)
    await expectError(chat(call, id, [{ type: 'input_audio', input_audio: {} }]), 422, /input_audio/)
    await expectError(call('POST', '/v1/chat/completions', { model: id }), 422, /messages/)
    await expectError(chat(call, id, '/fail auth'), 401, /failing with auth/)
  })

  it('tells a failure in a stream that has begun', async () => {
    const { call } = await freshOrganization()
    const frames = framesOf((await chat(call, await agent(call), '/fail bad_request', { stream: true })).body)
    expect(frames).toMatchObject([{ error: { type: 'api_error', code: 'llm_bad_request', message: expect.any(String) } }, 'done'])
  })
})

it('the voice endpoint says that it is gone', async () => {
  const { call } = await freshOrganization()
  const id = await agent(call)
  expect(await call('POST', `/v1/voice-beta/${id}/chat/completions`, {})).toMatchObject({ status: 410, body: { code: 'gone' } })
  expect((await call('POST', `/v1/voice-beta/${newId('agent')}/chat/completions`, {})).status).toBe(404)
})
