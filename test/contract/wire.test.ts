import { afterAll, describe, expect, it } from 'vitest'
import { LettaStreamingResponse } from '../../src/runtime/wire-schema'
import { operationsOf } from '../support/operations'
import { type Frame, readFrames, typesOf } from '../support/sse'
import { type Member, startApi } from './api'

// What the SDK hides: bytes, headers, and requests that other clients send.

const api = await startApi({ MAX_QUEUED_RUNS: '2' })
afterAll(() => api.stop())

async function agent(): Promise<Member & { id: string }> {
  const member = await api.member()
  return { ...member, id: (await member.client.agents.create({})).id }
}

const json = async (response: Response): Promise<Record<string, unknown>> => (await response.json()) as Record<string, unknown>

/** The bytes of a stream as text, and its frames. */
async function streamed(response: Response): Promise<{ text: string; frames: Frame[]; done: boolean }> {
  const text = await response.text()
  return { text, ...(await readFrames(new Response(text).body as ReadableStream<Uint8Array>)) }
}

const base = ['id', 'date', 'name', 'otid', 'sender_id', 'step_id', 'is_err', 'seq_id', 'run_id']

describe('a stream', () => {
  const turn = '/think Look.\n/call conversation_search {"query":"tea"}\n/then\n/say Found.'

  it('has the headers of events, whatever the request accepts', async () => {
    const { id, fetch } = await agent()
    for (const accept of ['application/json', 'text/event-stream', '*/*']) {
      const response = await fetch('POST', `/v1/agents/${id}/messages`, { input: '/say Hi.', streaming: true }, { accept })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      expect(response.headers.get('cache-control')).toContain('no-cache')
      expect((await streamed(response)).done).toBe(true)
      const blocking = await fetch('POST', `/v1/agents/${id}/messages`, { input: '/say Hi.' }, { accept })
      expect(blocking.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await json(blocking)).toMatchObject({ stop_reason: { stop_reason: 'end_turn' }, logprobs: null, turns: null })
    }
  })

  it.each([
    ['steps', {}],
    ['tokens', { stream_tokens: true }],
    ['tokens in the background', { stream_tokens: true, background: true }],
  ])('of %s is data lines only, each of a known shape, and ends with stop reason, usage and [DONE]', async (_, options) => {
    const { id, fetch } = await agent()
    const { text, frames } = await streamed(await fetch('POST', `/v1/agents/${id}/messages`, { input: turn, streaming: true, ...options }))
    expect(text).toMatch(/^data: \{/)
    expect(text).toMatch(/\n\ndata: \[DONE\]\n\n$/)
    expect(
      text
        .split('\n\n')
        .slice(0, -1)
        .filter((block) => !/^data: [^\n]+$/.test(block)),
    ).toEqual([])
    expect(typesOf(frames)[0]).toBe('ping')
    expect(typesOf(frames).slice(-2)).toEqual(['stop_reason', 'usage_statistics'])
    expect(new Set(typesOf(frames))).toEqual(
      new Set([
        'ping',
        'reasoning_message',
        'tool_call_message',
        'tool_return_message',
        'assistant_message',
        'stop_reason',
        'usage_statistics',
      ]),
    )
    for (const { data } of frames) {
      expect(LettaStreamingResponse.safeParse(data).error?.message).toBeUndefined()
      if (!['stop_reason', 'usage_statistics'].includes(data.message_type)) expect(Object.keys(data)).toEqual(expect.arrayContaining(base))
    }
    expect(frames.map(({ data }) => data.seq_id ?? null)).toEqual(frames.map((_, i) => i + 1))
    const dates = frames.flatMap(({ data }) => (typeof data.date === 'string' ? [data.date] : []))
    expect(dates.filter((date) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(date))).toEqual([])
  })

  it('of a failing model tells the stop reason, then an error event, then [DONE]', async () => {
    const { id, fetch } = await agent()
    const response = await fetch('POST', `/v1/agents/${id}/messages`, { input: '/fail credits', streaming: true })
    expect(response.status).toBe(200)
    const { text, frames } = await streamed(response)
    expect(frames.map(({ event, data }) => [event, data.message_type])).toEqual([
      [null, 'ping'],
      [null, 'stop_reason'],
      ['error', 'error_message'],
    ])
    expect(frames[1]?.data).toMatchObject({ stop_reason: 'llm_api_error' })
    expect(frames[2]?.data).toMatchObject({
      error_type: 'llm_insufficient_credits',
      run_id: frames[0]?.data.run_id,
      message: expect.stringMatching(/\w/),
    })
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
  })

  it('that is cancelled has one stop reason and ends', async () => {
    const { id, fetch } = await agent()
    const response = await fetch('POST', `/v1/agents/${id}/messages`, { input: '/wait 60s', streaming: true })
    expect(Object.values(await json(await fetch('POST', `/v1/agents/${id}/messages/cancel`)))).toEqual(['cancelled'])
    const { text } = await streamed(response)
    expect(text.match(/"stop_reason":"cancelled"/g)).toHaveLength(1)
    expect(text).not.toContain('event: error')
  })
})

describe('paths', () => {
  it('answer with and without a trailing slash, and under /latest', async () => {
    const { fetch } = await agent()
    const lists = operationsOf(api.document).filter(
      ({ method, path, admin, responses }) => method === 'GET' && !path.includes('{') && !admin && !responses[501],
    )
    expect(lists.length).toBeGreaterThan(15)
    for (const { path } of lists) {
      const [plain, slashed, latest] = await Promise.all([path, `${path}/`, `/latest${path}/`].map((one) => fetch('GET', one)))
      expect([path, plain?.status, slashed?.status, latest?.status]).toEqual([path, 200, 200, 200])
      const body = await plain?.text()
      expect(await slashed?.text()).toBe(body)
      expect(await latest?.text()).toBe(body)
    }
    for (const path of ['/v1/blocks', '/v1/blocks/', '/latest/v1/blocks']) {
      expect((await fetch('POST', path, { label: 'human', value: path })).status).toBe(200)
    }
  })

  it('without a route are a problem', async () => {
    const { fetch } = await agent()
    for (const [method, path] of [
      ['GET', '/v1/nothing'],
      ['DELETE', '/v1/agents/'],
      ['GET', '/nothing'],
    ] as const) {
      const response = await fetch(method, path)
      expect(response.status).toBe(404)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await json(response)).toMatchObject({ detail: expect.stringContaining(path.replace(/\/$/, '')), code: 'not_found' })
    }
  })

  it('show the document and its page, and send browsers there', async () => {
    const page = await fetch(`${api.url}/`)
    expect([page.url, page.status, page.headers.get('content-type')]).toEqual([
      `${api.url}/docs`,
      200,
      expect.stringContaining('text/html'),
    ])
    expect(await page.text()).not.toMatch(/(src|href)="(https?:)?\/\//)
  })
})

describe('requests of other clients', () => {
  it('carry unknown fields and bodies that nobody reads', async () => {
    const { id, fetch } = await agent()
    const made = await fetch('POST', '/v1/agents', { name: 'x', from_the_future: { a: 1 }, template: false, embedding_chunk_size: 300 })
    expect(await json(made)).toMatchObject({ name: 'x' })
    const sent = await fetch('POST', `/v1/agents/${id}/messages`, {
      messages: [{ role: 'user', content: '/say Hi.', from_the_future: 1 }],
      enable_thinking: 'true',
    })
    expect(sent.status).toBe(200)
    expect((await fetch('DELETE', `/v1/agents/${id}`, {})).status).toBe(200)
  })

  it('ask from a browser of any origin', async () => {
    const origin = { origin: 'https://app.example' }
    const preflight = await fetch(`${api.url}/v1/agents`, {
      method: 'OPTIONS',
      headers: {
        ...origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,content-type,if-match',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('if-match')
    const health = await fetch(`${api.url}/v1/health`, { headers: origin })
    expect(health.headers.get('access-control-allow-origin')).toBe('*')
    expect(health.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('etag')
  })

  it('repeat themselves under an Idempotency-Key', async () => {
    const { id, fetch } = await agent()
    const keyed = { 'idempotency-key': crypto.randomUUID() }
    const [first, again] = [
      await fetch('POST', '/v1/blocks', { label: 'a', value: 'b' }, keyed),
      await fetch('POST', '/v1/blocks', { label: 'a', value: 'b' }, keyed),
    ]
    expect(await again.json()).toEqual(await first.json())
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const send = () => fetch('POST', `/v1/agents/${id}/messages`, { input: '/say Once.' }, keyed)
    const [one, two] = [await json(await send()), await json(await send())]
    expect(two).toEqual(one)
  })

  it('say which version they change', async () => {
    const { fetch } = await agent()
    const made = await fetch('POST', '/v1/blocks', { label: 'a', value: 'one' })
    const { id } = await json(made)
    const etag = made.headers.get('etag') ?? (await fetch('GET', `/v1/blocks/${id}`)).headers.get('etag') ?? ''
    const changed = await fetch('PATCH', `/v1/blocks/${id}`, { value: 'two' }, { 'if-match': etag })
    expect(changed.status).toBe(200)
    const stale = await fetch('PATCH', `/v1/blocks/${id}`, { value: 'three' }, { 'if-match': etag })
    expect([stale.status, (await json(stale)).code]).toEqual([412, 'precondition_failed'])
    const old = await fetch('PATCH', `/v1/blocks/${id}`, { value: 'three', base_version: 1 })
    expect([old.status, old.headers.get('x-should-retry')]).toEqual([409, 'false'])
    expect(await json(await fetch('GET', `/v1/blocks/${id}`))).toMatchObject({ value: 'two', version: 2 })
  })

  it('are told to wait when a conversation has too many', async () => {
    const { id, fetch } = await agent()
    const send = () => fetch('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 60s' })
    const answers = [await send(), await send(), await send(), await send()]
    const refused = answers.find(({ status }) => status === 429)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused && (await json(refused))).toMatchObject({ code: 'queue_full', detail: expect.stringMatching(/wait/i) })
    expect((await fetch('POST', `/v1/agents/${id}/messages/cancel`, {})).status).toBe(200)
  })
})
