import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { afterEach, expect, vi } from 'vitest'
import type { DeliveryObject } from '../../durable-objects/delivery'
import { database } from '../../src/db/client'
import type { Env } from '../../src/env'
import { newId } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { deliveryName, enqueueDelivery, type NewDelivery } from '../../src/resources/deliveries/service'
import { deliveries, deliveryAttempts } from '../../src/resources/deliveries/table'
import { organizations } from '../../src/resources/organizations/table'
import { runs } from '../../src/resources/runs/table'

export const { DB, DELIVERY, WEBHOOK_SECRET } = env as unknown as Env & { WEBHOOK_SECRET: string }
export const db = database(DB)
export const day = 24 * 3600 * 1000

/** A webhook of a fresh organization, agent and run, to a receiver of its own. */
export async function owed(changes: Partial<NewDelivery> = {}): Promise<NewDelivery> {
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

export type Seen = { url: string; id: string | null; headers: Headers; body: string }
export type Answer = (seen: Seen, nth: number) => Response | Promise<Response>
const receivers = new Map<string, { answer: Answer; seen: Seen[] }>()

/** Stands in for the receiver of one delivery and returns what it gets. Requests to no receiver fail as on a network. */
export function receive({ url }: { url: string }, answer: Answer): Seen[] {
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

export const ok = () => new Response('thanks')
export const never = () => new Promise<Response>(() => undefined)

export const objectOf = async ({ organization_id, url }: NewDelivery) => DELIVERY.getByName(await deliveryName(organization_id, url))
export const inside = async <T>(
  delivery: NewDelivery,
  work: (object: DeliveryObject, state: DurableObjectState) => T | Promise<T>,
): Promise<T> => runInDurableObject(await objectOf(delivery), work)
export const enqueue = (delivery: NewDelivery) => enqueueDelivery(env as unknown as Env, delivery)
export const redeliver = async ({ id, organization_id, ...delivery }: NewDelivery) =>
  (await objectOf({ id, organization_id, ...delivery })).redeliver(organization_id, id)

export const row = async ({ id }: NewDelivery) => (await db.select().from(deliveries).where(eq(deliveries.id, id)))[0]!
export const attempts = ({ id }: NewDelivery) =>
  db.select().from(deliveryAttempts).where(eq(deliveryAttempts.delivery_id, id)).orderBy(deliveryAttempts.number)
export const run = async ({ run_id }: NewDelivery) => (await db.select().from(runs).where(eq(runs.id, run_id!)))[0]!
export const settled = (delivery: NewDelivery, expected: Partial<Awaited<ReturnType<typeof row>>>) =>
  vi.waitFor(async () => expect(await row(delivery)).toMatchObject(expected), { timeout: 8000, interval: 10 })

/** Lets the next automatic try fall due now. */
export const nextTry = async (delivery: NewDelivery) => {
  await inside(delivery, (_, { storage }) => void storage.sql.exec(`update schedule set due_at = 0 where kind = 'send'`))
  await runDurableObjectAlarm(await objectOf(delivery))
}
