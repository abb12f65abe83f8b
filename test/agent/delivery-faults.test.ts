import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/env'
import { newId } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { runs } from '../../src/resources/runs/table'
import { attempts, db, enqueue, inside, never, nextTry, ok, owed, receive, row, run, settled } from '../support/receiver'

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
