import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, type React, type ReceiverServer, startReceiver } from '../support/receiver-server'
import { bodyOf, type Call, client, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
/** This machine at addresses that may be reached; at 127.0.0.9 it may not. */
const [usual, other, forbidden] = ['127.0.0.1', '127.0.0.2', '127.0.0.9']

interface Attempt {
  number: number
  manual: boolean
  started_at: string
  duration_ms: number
  status_code: number | null
  error: string | null
  response_excerpt: string | null
}

let server: RunningServer
let call: Call
let agent: string
const receivers: ReceiverServer[] = []

beforeAll(async () => {
  server = await startServer({ env: { WEBHOOK_SECRET: secret, EGRESS_ALLOW: `${usual},${other}` } })
  call = client(server)
  agent = bodyOf(await call('POST', '/v1/agents', { name: 'webhooks', include_base_tools: false })).id
})
afterAll(async () => {
  await server.stop()
  await Promise.all(receivers.map((receiver) => receiver.close()))
})

async function receive(react?: React, at?: Parameters<typeof startReceiver>[1]): Promise<ReceiverServer> {
  const receiver = await startReceiver(react, at)
  receivers.push(receiver)
  return receiver
}

/** Starts a run that is to be told to `callback_url`. */
async function run(callback_url: string, content = 'hello', of = agent): Promise<string> {
  return bodyOf(await call('POST', `/v1/agents/${of}/messages/async`, { messages: [{ role: 'user', content }], callback_url })).id
}

const deliveryOf = async (run_id: string) => bodyOf(await call('GET', `/v1/runs/${run_id}/deliveries`))[0]
const attemptsOf = async (run_id: string): Promise<Attempt[]> => {
  const delivery = await deliveryOf(run_id)
  return delivery ? bodyOf(await call('GET', `/v1/deliveries/${delivery.id}/attempts`)) : []
}
const attempted = (run_id: string, n: number, limit = 30_000) =>
  until(`try ${n}`, async () => ((await attemptsOf(run_id)).length >= n ? attemptsOf(run_id) : null), limit)

/** The requests of one run, each of them signed, with the id of its delivery, and with the same body. */
async function requestsOf(receiver: ReceiverServer, run_id: string) {
  const got = receiver.received.filter(({ body }) => body.includes(run_id))
  const { id } = await deliveryOf(run_id)
  for (const { headers, body } of got) {
    expect([headers['webhook-id'], body, headers['content-type']]).toEqual([id, got[0]?.body, 'application/json'])
    const told = new Webhook(secret).verify(body, headers as Record<string, string>)
    expect(told).toMatchObject({
      type: 'run.completed',
      run_id,
      agent_id: expect.any(String),
      status: 'completed',
      stop_reason: 'end_turn',
    })
  }
  return got
}

/** What the log of a delivery says of each try, and the wait from the first to the second. */
function log(attempts: Attempt[]): { tries: [number, number | null, string | null][]; wait: number } {
  const [first, second] = attempts
  const end = first ? Date.parse(first.started_at) + first.duration_ms : 0
  return {
    tries: attempts.map(({ number, status_code, error }) => [number, status_code, error]),
    wait: second ? Date.parse(second.started_at) - end : 0,
  }
}

/** The first retry comes after five seconds, give or take a fifth; the clock and a busy machine may add to it. */
function expectRetried(attempts: Attempt[], expected: [number, number | null, unknown][]): void {
  const { tries, wait } = log(attempts)
  expect(tries).toEqual(expected)
  expect(wait).toBeGreaterThanOrEqual(3990)
  expect(wait).toBeLessThan(12_000)
}

const expectTold = async (run_id: string, told: { callback_status_code: number | null; callback_error: unknown }) =>
  expect(bodyOf(await call('GET', `/v1/runs/${run_id}`))).toMatchObject({
    ...told,
    status: 'completed',
    callback_sent_at: expect.any(String),
  })

describe('a webhook', () => {
  it('is signed and sent once to a receiver that takes it, whatever the kind of request', async () => {
    const receiver = await receive()
    const callback_url = `${receiver.url}/hook`
    const messages = [{ role: 'user', content: 'hello' }]
    const background = await run(callback_url)
    const blocking = bodyOf(await call('POST', `/v1/agents/${agent}/messages`, { messages, callback_url })).messages[0].run_id
    const stream = await call('POST', `/v1/agents/${agent}/messages`, { messages, callback_url, streaming: true })
    const streamed = /"run_id":"(run-[^"]+)"/.exec(stream.body)?.[1] ?? ''
    for (const id of [background, blocking, streamed]) {
      await until('the delivery', async () => (await deliveryOf(id))?.status === 'delivered')
      const [request, ...more] = await requestsOf(receiver, id)
      expect(more).toEqual([])
      const { metadata } = JSON.parse(request?.body ?? '{}')
      expect(metadata.result.messages.at(-1)).toMatchObject({
        message_type: 'assistant_message',
        content: expect.stringMatching(/^You said: "hello"/),
      })
      expect(await deliveryOf(id)).toMatchObject({
        attempts: 1,
        next_attempt_at: null,
        last_status_code: 200,
        last_error: null,
        url: callback_url,
      })
      await expectTold(id, { callback_status_code: 200, callback_error: null })
    }
    const { id } = await deliveryOf(background)
    bodyOf(await call('POST', `/v1/deliveries/${id}/redeliver`))
    const tries = await attempted(background, 2)
    expect(tries.map(({ manual, status_code }) => [manual, status_code])).toEqual([
      [false, 200],
      [true, 200],
    ])
    expect(await requestsOf(receiver, background)).toHaveLength(2)
    expect(
      (await call('POST', `/v1/agents/${agent}/messages/async`, { messages, callback_url: `http://${forbidden}/hook` })).body,
    ).toMatchObject({
      status: 422,
      detail: expect.stringContaining('callback_url'),
    })
    console.log('webhooks: 3 runs, 3 deliveries, 1 redelivered by hand')
  })

  it('arrives although its receiver is down, fails, hangs or redirects at first; other receivers and other agents notice nothing', async () => {
    const port = await freePort()
    const secrets = await receive(undefined, { host: forbidden })
    const target = await receive(undefined, { host: other })
    const failing = await receive((_, nth) => (nth === 1 ? { status: 500, body: 'out of order' } : { status: 204 }))
    const hanging = await receive((_, nth) => (nth === 1 ? 'hang' : { status: 200 }))
    const redirecting = await receive((_, nth) => ({ status: 307, headers: { location: `${nth === 1 ? secrets.url : target.url}/taken` } }))
    const gone = await receive(() => ({ status: 410 }))
    const healthy = await receive()

    const down = await run(`http://${usual}:${port}/hook`)
    const [failed, hung, redirected, refused] = await Promise.all(
      [failing, hanging, redirecting, gone].map((receiver) => run(`${receiver.url}/hook`)),
    )
    if (!failed || !hung || !redirected || !refused) throw new Error('four runs were started')
    await until('the request that hangs', () => hanging.received.length > 0)

    // While one request hangs and three deliveries wait: turns of this and of other agents, told to a receiver that is well.
    const others = await Promise.all(
      Array.from(
        { length: 3 },
        async () => bodyOf(await call('POST', '/v1/agents', { name: 'other', include_base_tools: false })).id as string,
      ),
    )
    const started = performance.now()
    const well = await Promise.all(
      Array.from({ length: 20 }, (_, n) => run(`${healthy.url}/hook/${n % 5}`, `hello ${n}`, [agent, ...others][n % 4])),
    )
    await until('20 webhooks', () => healthy.received.length === well.length, 9000)
    const unharmed = performance.now() - started
    expect(hanging.received.map(({ answered }) => answered)).toEqual([null])
    expect(await attemptsOf(hung)).toEqual([])
    expect(new Set(healthy.received.map(({ id }) => id)).size).toBe(well.length)

    const [firstDown] = await attempted(down, 1)
    expect(firstDown).toMatchObject({ number: 1, status_code: null, error: expect.stringContaining('could not be reached') })
    expect(await deliveryOf(down)).toMatchObject({ status: 'pending', attempts: 1, next_attempt_at: expect.any(String) })
    const up = await receive(undefined, { port })

    expectRetried(await attempted(down, 2), [
      [1, null, expect.stringContaining('could not be reached')],
      [2, 200, null],
    ])
    const answers = await attempted(failed, 2)
    expectRetried(answers, [
      [1, 500, 'the receiver answered 500'],
      [2, 204, null],
    ])
    expect(answers[0]?.response_excerpt).toBe('out of order')
    expectRetried(await attempted(redirected, 2), [
      [1, 307, expect.stringMatching(/127\.0\.0\.9.*not a public address/)],
      [2, 200, null],
    ])
    const slow = await attempted(hung, 2, 40_000)
    expectRetried(slow, [
      [1, null, expect.stringMatching(/10 seconds|10000 ms|10 s/)],
      [2, 200, null],
    ])
    expect(slow[0]?.duration_ms).toBeGreaterThanOrEqual(9_900)
    expect(slow[0]?.duration_ms).toBeLessThan(15_000)

    for (const [receiver, id, status] of [
      [up, down, 200],
      [failing, failed, 204],
      [target, redirected, 200],
      [hanging, hung, 200],
    ] as const) {
      expect((await requestsOf(receiver, id)).filter(({ answered }) => answered === status)).toHaveLength(1)
      expect(await deliveryOf(id)).toMatchObject({ status: 'delivered', attempts: 2, next_attempt_at: null, last_status_code: status })
      await expectTold(id, { callback_status_code: status, callback_error: null })
    }
    expect(redirecting.received).toHaveLength(2)
    expect(secrets.received).toEqual([])

    // 410 is the one answer that ends it at once.
    expect(await deliveryOf(refused)).toMatchObject({ status: 'failed', attempts: 1, next_attempt_at: null, last_status_code: 410 })
    await expectTold(refused, { callback_status_code: 410, callback_error: 'the receiver answered 410' })
    await delay(100)
    for (const id of well) expect(log(await attemptsOf(id)).tries).toEqual([[1, 200, null]])
    console.log(
      `webhooks: 5 bad receivers, 9 tries logged, 4 delivered at the second; meanwhile ${well.length} runs of 4 agents were told within ${unharmed.toFixed(0)} ms`,
    )
  })
})
