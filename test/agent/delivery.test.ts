import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { DeliveryObject } from '../../durable-objects/delivery'
import { database } from '../../src/db/client'
import type { Env } from '../../src/env'
import { newId } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { deliveryName, enqueueDelivery, type NewDelivery } from '../../src/resources/deliveries/service'
import { deliveries, deliveryAttempts } from '../../src/resources/deliveries/table'
import { organizations } from '../../src/resources/organizations/table'
import { runs } from '../../src/resources/runs/table'

const { DB, DELIVERY, WEBHOOK_SECRET } = env as unknown as Env & { WEBHOOK_SECRET: string }
const db = database(DB)
const day = 24 * 3600 * 1000

/** A webhook of a fresh organization, agent and run, to a receiver of its own. */
async function owed(changes: Partial<NewDelivery> = {}): Promise<NewDelivery> {
  const organization_id = newId('organization')
  const agent_id = newId('agent')
  const run_id = newId('run')
  await db.insert(organizations).values({ id: organization_id, name: 'o' })
  await db.insert(agents).values({ id: agent_id, organization_id, name: 'a', system: '', model: 'loci/scripted', llm_config: {} })
  await db.insert(runs).values({ id: run_id, organization_id, agent_id })
  return {
    id: newId('delivery'),
    organization_id,
    agent_id,
    run_id,
    event: 'run.completed',
    url: `https://${run_id}.example/hook`,
    body: JSON.stringify({ run_id, text: 'größe' }),
    created_at: Date.now(),
    ...changes,
  }
}

type Seen = { url: string; id: string | null; headers: Headers; body: string }
type Answer = (seen: Seen, nth: number) => Response | Promise<Response>
const receivers = new Map<string, { answer: Answer; seen: Seen[] }>()

/** Stands in for the receiver of one delivery and returns what it gets. Requests to no receiver fail as on a network. */
function receive({ url }: { url: string }, answer: Answer): Seen[] {
  const seen: Seen[] = []
  receivers.set(new URL(url).host, { answer, seen })
  if (!vi.isMockFunction(globalThis.fetch)) {
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const request = new Request(input as string, init as RequestInit)
      const receiver = receivers.get(new URL(request.url).host)
      if (!receiver) throw new Error('connection refused')
      const got = { url: request.url, id: request.headers.get('webhook-id'), headers: request.headers, body: await request.text() }
      receiver.seen.push(got)
      return receiver.answer(got, receiver.seen.length)
    })
  }
  return seen
}
afterEach(() => {
  vi.restoreAllMocks()
  receivers.clear()
})

const ok = () => new Response('thanks')
const never = () => new Promise<Response>(() => undefined)

const objectOf = async ({ organization_id, url }: NewDelivery) => DELIVERY.getByName(await deliveryName(organization_id, url))
const inside = async <T>(delivery: NewDelivery, work: (object: DeliveryObject, state: DurableObjectState) => T | Promise<T>): Promise<T> =>
  runInDurableObject(await objectOf(delivery), work)
const enqueue = (delivery: NewDelivery) => enqueueDelivery(env as unknown as Env, delivery)
const redeliver = async ({ id, organization_id, ...delivery }: NewDelivery) =>
  (await objectOf({ id, organization_id, ...delivery })).redeliver(organization_id, id)

const row = async ({ id }: NewDelivery) => (await db.select().from(deliveries).where(eq(deliveries.id, id)))[0]!
const attempts = ({ id }: NewDelivery) =>
  db.select().from(deliveryAttempts).where(eq(deliveryAttempts.delivery_id, id)).orderBy(deliveryAttempts.number)
const run = async ({ run_id }: NewDelivery) => (await db.select().from(runs).where(eq(runs.id, run_id!)))[0]!
const settled = (delivery: NewDelivery, expected: Partial<Awaited<ReturnType<typeof row>>>) =>
  vi.waitFor(async () => expect(await row(delivery)).toMatchObject(expected), { timeout: 8000, interval: 10 })

/** Lets the next automatic try fall due now. */
const nextTry = async (delivery: NewDelivery) => {
  await inside(delivery, (_, { storage }) => void storage.sql.exec(`update schedule set due_at = 0 where kind = 'send'`))
  await runDurableObjectAlarm(await objectOf(delivery))
}

describe('a delivery', () => {
  it('arrives signed, and the receiver can verify it with the standard library', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    const [{ headers, body }] = seen as [Seen]
    expect(new Webhook(WEBHOOK_SECRET).verify(body, Object.fromEntries(headers))).toEqual(JSON.parse(delivery.body))
    expect(Object.fromEntries(headers)).toMatchObject({
      'webhook-id': delivery.id,
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^Loci-Webhooks\/\d+\.\d+\.\d+/),
    })
    expect(() => new Webhook(WEBHOOK_SECRET).verify(`${body} `, Object.fromEntries(headers))).toThrow('No matching signature')
  })

  it('is in D1 with its try, its run and nothing left to do once it arrived', async () => {
    const delivery = await owed()
    receive(delivery, () => new Response('x'.repeat(9000), { status: 202 }))
    const before = Date.now()
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    const { id, organization_id, agent_id, run_id, event, url } = delivery
    expect(await row(delivery)).toMatchObject({
      ...{ id, organization_id, agent_id, run_id, event, url, created_at: new Date(delivery.created_at).toISOString() },
      ...{ attempts: 1, next_attempt_at: null, last_status_code: 202, last_error: null, delivered_at: expect.any(String) },
    })
    const [attempt] = await attempts(delivery)
    expect(attempt).toMatchObject({
      organization_id,
      number: 1,
      manual: false,
      status_code: 202,
      error: null,
      response_excerpt: 'x'.repeat(1000),
    })
    expect(attempt!.duration_ms).toBeLessThan(5000)
    expect(await run(delivery)).toMatchObject({ callback_status_code: 202, callback_error: null, callback_sent_at: attempt!.started_at })
    expect(Date.parse(attempt!.started_at)).toBeGreaterThanOrEqual(before)
    const left = await inside(delivery, (_, { storage }) => storage.sql.exec('select kind from schedule').toArray())
    expect(left).toEqual([{ kind: 'expire' }])
  })

  it('is in D1 when the caller has its answer, whatever the receiver does', async () => {
    const delivery = await owed()
    receive(delivery, never)
    await enqueue(delivery)
    expect(await row(delivery)).toMatchObject({ status: 'pending', delivered_at: null })
  })

  it('is sent once however often it is enqueued', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await Promise.all([enqueue(delivery), enqueue(delivery), enqueue(delivery)])
    await settled(delivery, { status: 'delivered' })
    await enqueue({ ...delivery, body: '{"other":true}' })
    await runDurableObjectAlarm(await objectOf(delivery))
    expect(seen.map((s) => s.body)).toEqual([delivery.body])
  })

  it('keeps its id over a 500 and a broken connection, and each try is logged', async () => {
    const delivery = await owed()
    const seen = receive(delivery, (_, nth) => {
      if (nth === 1) return new Response('down', { status: 500 })
      if (nth === 2) throw new Error('connection reset')
      return ok()
    })
    await enqueue(delivery)
    await settled(delivery, { status: 'pending', attempts: 1, last_status_code: 500, last_error: 'the receiver answered 500' })
    const wait = Date.parse((await row(delivery)).next_attempt_at!) - Date.now()
    expect(wait).toBeGreaterThan(1000)
    expect(wait).toBeLessThan(6001)
    expect(await run(delivery)).toMatchObject({ callback_status_code: 500, callback_error: 'the receiver answered 500' })
    await nextTry(delivery)
    await settled(delivery, { status: 'pending', attempts: 2, last_status_code: null })
    await nextTry(delivery)
    await settled(delivery, { status: 'delivered', attempts: 3, last_status_code: 200, last_error: null })
    expect(seen.map((s) => s.id)).toEqual([delivery.id, delivery.id, delivery.id])
    expect((await attempts(delivery)).map((a) => [a.number, a.status_code, a.error, a.response_excerpt])).toEqual([
      [1, 500, 'the receiver answered 500', 'down'],
      [2, null, expect.stringContaining('connection reset'), null],
      [3, 200, null, 'thanks'],
    ])
    expect(await run(delivery)).toMatchObject({ callback_status_code: 200, callback_error: null })
  })

  it('waits as long as the receiver asks', async () => {
    const delivery = await owed()
    receive(delivery, () => new Response(null, { status: 429, headers: { 'retry-after': '600' } }))
    await enqueue(delivery)
    await settled(delivery, { attempts: 1, last_status_code: 429 })
    const wait = Date.parse((await row(delivery)).next_attempt_at!) - Date.now()
    expect(Math.round(wait / 60_000)).toBe(10)
  })

  it('fails at once when the receiver is gone for good', async () => {
    const delivery = await owed()
    receive(delivery, () => new Response(null, { status: 410 }))
    await enqueue(delivery)
    await settled(delivery, { status: 'failed', attempts: 1, last_status_code: 410, next_attempt_at: null })
  })

  it('is given up after a day', async () => {
    const delivery = await owed({ created_at: Date.now() - day + 60_000 })
    const seen = receive(delivery, () => new Response(null, { status: 503 }))
    await enqueue(delivery)
    await settled(delivery, { status: 'pending', attempts: 1 })
    await inside(delivery, (object) => {
      object.now = () => Date.now() + 60_000
    })
    await nextTry(delivery)
    await settled(delivery, { status: 'failed', attempts: 2, last_status_code: 503, next_attempt_at: null })
    expect(seen).toHaveLength(2)
  })

  it('is recorded as failed when there is no secret to sign with, and can be sent once there is', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await inside(delivery, (object) => {
      ;(object as unknown as { env: Env }).env = { ...(env as unknown as Env), WEBHOOK_SECRET: '' }
    })
    await enqueue(delivery)
    expect(await row(delivery)).toMatchObject({
      status: 'failed',
      attempts: 0,
      last_error: expect.stringContaining('WEBHOOK_SECRET is not set'),
    })
    expect(await run(delivery)).toMatchObject({ callback_sent_at: null, callback_error: expect.stringContaining('WEBHOOK_SECRET') })
    expect(seen).toHaveLength(0)
    await inside(delivery, (object) => {
      ;(object as unknown as { env: unknown }).env = env
    })
    await redeliver(delivery)
    await settled(delivery, { status: 'delivered', attempts: 1 })
  })
})

describe('a bad receiver', () => {
  it('that hangs costs each try its time limit and other receivers nothing', async () => {
    const [hung, fine] = [await owed(), await owed()]
    const seen = receive(hung, never)
    receive(fine, ok)
    await inside(hung, (object) => {
      object.policy = { ...object.policy, timeoutMs: 1000 }
    })
    await enqueue(hung)
    await enqueue(fine)
    await settled(fine, { status: 'delivered' })
    expect(await row(hung)).toMatchObject({ status: 'pending', last_error: null })
    await settled(hung, { attempts: 1, status: 'pending', last_status_code: null, last_error: 'no complete answer within 1 s' })
    expect((await attempts(hung))[0]!.duration_ms).toBeGreaterThanOrEqual(990)
    expect(seen).toHaveLength(1)
  })

  it('that redirects to a private address is not followed, and the log says why', async () => {
    const delivery = await owed()
    const seen = receive(delivery, () => new Response(null, { status: 307, headers: { location: 'http://169.254.169.254/latest' } }))
    const metadata = receive({ url: 'http://169.254.169.254/' }, ok)
    await enqueue(delivery)
    await settled(delivery, { attempts: 1, status: 'pending' })
    expect((await attempts(delivery))[0]).toMatchObject({
      status_code: 307,
      error: expect.stringMatching(/redirect.*169\.254\.169\.254.*not a public address/),
    })
    expect([seen.length, metadata.length]).toEqual([1, 0])
  })

  it('at a private address is never called', async () => {
    const delivery = await owed({ url: 'http://10.0.0.8/hook' })
    const seen = receive(delivery, ok)
    await enqueue(delivery)
    await settled(delivery, { attempts: 1, status: 'pending', last_error: expect.stringContaining('not a public address') as never })
    expect(seen).toHaveLength(0)
  })

  it('gets its deliveries one at a time, in the order they fell due', async () => {
    const first = await owed()
    const others = Array.from({ length: 5 }, (_, n) => ({
      ...first,
      id: newId('delivery'),
      body: `{"n":${n}}`,
      created_at: Date.now() + n,
    }))
    let open = 0
    let most = 0
    const seen = receive(first, async () => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve, 20))
      open--
      return ok()
    })
    for (const delivery of [first, ...others]) await enqueue(delivery)
    for (const delivery of [first, ...others]) await settled(delivery, { status: 'delivered', attempts: 1 })
    expect(most).toBe(1)
    expect(seen.map((s) => s.id)).toEqual([first, ...others].map((d) => d.id))
  })
})

describe('a crash', () => {
  it('between the journal and the result counts as a try, and the next one carries the same id', async () => {
    const delivery = await owed()
    const seen = receive(delivery, (_, nth) => (nth === 1 ? never() : ok()))
    await enqueue(delivery)
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    await inside(delivery, (_, state) => state.abort('crash')).catch(() => undefined)
    await vi.waitFor(async () => {
      const open = await inside(delivery, (_, { storage }) =>
        storage.sql.exec('select id from attempts where finished_at is null').toArray(),
      )
      expect(open).toEqual([])
    })
    await nextTry(delivery)
    await settled(delivery, { status: 'delivered', attempts: 2 })
    expect(seen.map((s) => s.id)).toEqual([delivery.id, delivery.id])
    expect((await attempts(delivery)).map((a) => [a.status_code, a.error])).toEqual([
      [null, expect.stringMatching(/^interrupted/)],
      [200, null],
    ])
  })

  it('is noticed and made good without a caller', async () => {
    const delivery = await owed()
    const seen = receive(delivery, (_, nth) => (nth === 1 ? never() : ok()))
    await enqueue(delivery)
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    await inside(delivery, (_, state) => state.abort('crash')).catch(() => undefined)
    await vi.waitFor(() => expect(seen).toHaveLength(2), { timeout: 12_000 })
    await settled(delivery, { status: 'delivered', attempts: 2 })
  })
})

describe('while D1 is down', () => {
  it('a delivery is taken over and sent, and D1 catches up', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await inside(delivery, (object) => {
      const held = object as unknown as { env: Env }
      held.env = {
        ...(env as unknown as Env),
        DB: {
          prepare: () => ({ bind: () => null }),
          batch: async () => {
            throw new Error('D1 is down')
          },
        } as unknown as D1Database,
      }
    })
    await enqueue(delivery)
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    expect(await row(delivery)).toBeUndefined()
    await inside(delivery, (object) => {
      ;(object as unknown as { env: unknown }).env = env
    })
    await settled(delivery, { status: 'delivered', attempts: 1 })
    expect(await attempts(delivery)).toHaveLength(1)
    expect(await run(delivery)).toMatchObject({ callback_status_code: 200 })
    expect(seen).toHaveLength(1)
  })

  it('the result of a run that reaches D1 later is not forgotten', async () => {
    const delivery = await owed()
    const [held] = await db.delete(runs).where(eq(runs.id, delivery.run_id!)).returning()
    receive(delivery, ok)
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    await db.insert(runs).values(held!)
    await vi.waitFor(async () => expect(await run(delivery)).toMatchObject({ callback_status_code: 200 }), { timeout: 8000 })
  })
})

it('of a deleted agent is sent and leaves nothing behind in D1 or on the schedule', async () => {
  const delivery = await owed()
  const seen = receive(delivery, ok)
  await db.delete(agents).where(eq(agents.id, delivery.agent_id!))
  await enqueue(delivery)
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  await vi.waitFor(async () => {
    const left = await inside(delivery, (_, { storage }) => storage.sql.exec('select kind from schedule').toArray())
    expect(left).toEqual([{ kind: 'expire' }])
  })
  expect(await row(delivery)).toBeUndefined()
})

describe('redelivery', () => {
  it('sends a delivered webhook again with its id, logged as manual', async () => {
    const delivery = await owed()
    const seen = receive(delivery, (_, nth) => new Response(null, { status: nth === 1 ? 200 : 500 }))
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    expect(await redeliver(delivery)).toMatchObject({ ok: true })
    await settled(delivery, { status: 'delivered', attempts: 2, last_status_code: 500, next_attempt_at: null })
    expect(seen.map((s) => s.id)).toEqual([delivery.id, delivery.id])
    expect((await attempts(delivery)).map((a) => a.manual)).toEqual([false, true])
  })

  it('of a failing webhook leaves its schedule alone; when it arrives, the schedule ends', async () => {
    const delivery = await owed()
    const seen = receive(delivery, (_, nth) => new Response(null, { status: nth < 3 ? 500 : 200 }))
    await enqueue(delivery)
    await settled(delivery, { attempts: 1 })
    const { next_attempt_at } = await row(delivery)
    await redeliver(delivery)
    await settled(delivery, { status: 'pending', attempts: 2, next_attempt_at })
    await redeliver(delivery)
    await settled(delivery, { status: 'delivered', attempts: 3, next_attempt_at: null })
    expect(seen).toHaveLength(3)
  })

  it('is a 404 for another organization and for an unknown delivery, and sends nothing', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    const object = await objectOf(delivery)
    expect(await object.redeliver(newId('organization'), delivery.id)).toMatchObject({ ok: false, kind: 'not_found' })
    expect(await object.redeliver(delivery.organization_id, newId('delivery'))).toMatchObject({ ok: false, kind: 'not_found' })
    expect(seen).toHaveLength(1)
  })

  it('is over 30 days after the last try, and the id stays known', async () => {
    const delivery = await owed()
    const seen = receive(delivery, ok)
    await enqueue(delivery)
    await settled(delivery, { status: 'delivered' })
    await inside(delivery, (object) => {
      object.now = () => Date.now() + 30 * day
    })
    await runDurableObjectAlarm(await objectOf(delivery))
    expect(await redeliver(delivery)).toMatchObject({ ok: false, kind: 'gone' })
    await enqueue(delivery)
    expect(seen).toHaveLength(1)
  })
})
