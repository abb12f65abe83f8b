import { runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import type { Env } from '../../src/env'
import { newId } from '../../src/lib/id'
import {
  attempts,
  day,
  enqueue,
  inside,
  never,
  nextTry,
  objectOf,
  ok,
  owed,
  receive,
  redeliver,
  row,
  run,
  type Seen,
  settled,
  WEBHOOK_SECRET,
} from '../support/receiver'

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
