import { env, exports } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { database } from '../../src/db/client'
import type { Env } from '../../src/env'
import { sha256 } from '../../src/lib/crypto'
import { newId } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { apiKeys } from '../../src/resources/api-keys/table'
import { enqueueDelivery, type NewDelivery } from '../../src/resources/deliveries/service'
import { organizations } from '../../src/resources/organizations/table'
import { runs } from '../../src/resources/runs/table'
import { users } from '../../src/resources/users/table'

const { DB } = env as unknown as Env
const db = database(DB)

/** An organization with one agent and one run, and a client that holds its key. */
async function tenant() {
  const [organization_id, user_id, agent_id, run_id] = [newId('organization'), newId('user'), newId('agent'), newId('run')]
  const key = `key of ${organization_id}`.replaceAll(' ', '-')
  await db.insert(organizations).values({ id: organization_id, name: 'o' })
  await db.insert(users).values({ id: user_id, organization_id, name: 'u' })
  await db
    .insert(apiKeys)
    .values({ organization_id, user_id, name: 'k', prefix: 'k', key_hash: await sha256(key), scopes: ['read', 'write'] })
  await db.insert(agents).values({ id: agent_id, organization_id, name: 'a', system: '', model: 'loci/scripted', llm_config: {} })
  await db.insert(runs).values({ id: run_id, organization_id, agent_id })
  const call = async (path: string, method = 'GET', headers: Record<string, string> = { authorization: `Bearer ${key}` }) => {
    const response = await (exports as unknown as { default: Fetcher }).default.fetch(`http://loci/v1${path}`, { method, headers })
    return { status: response.status, body: (await response.json()) as never as Record<string, unknown> & { id: string }[] }
  }
  const owed = (changes: Partial<NewDelivery> = {}): NewDelivery => ({
    ...{ id: newId('delivery'), organization_id, agent_id, run_id, event: 'run.completed', url: `https://${agent_id}.example/hook` },
    ...{ body: '{"a":1}', created_at: Date.now() },
    ...changes,
  })
  return { organization_id, agent_id, run_id, call, owed }
}

let sent: string[] = []
/** Receivers answer with the status that their path names. */
function receivers() {
  sent = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input as string, init as RequestInit)
    sent.push(`${request.headers.get('webhook-id')}`)
    return new Response('answer', { status: Number(new URL(request.url).pathname.slice(1)) || 200 })
  })
}
afterEach(() => void vi.restoreAllMocks())

const deliver = async (call: Awaited<ReturnType<typeof tenant>>['call'], delivery: NewDelivery) => {
  await enqueueDelivery(env as unknown as Env, delivery)
  await vi.waitFor(async () => expect((await call(`/deliveries/${delivery.id}`)).body.attempts).toBe(1), { timeout: 5000, interval: 10 })
}

describe('/v1/deliveries', () => {
  it('shows a delivery and its tries, by itself and by its run', async () => {
    receivers()
    const { call, owed, run_id, organization_id, agent_id } = await tenant()
    const delivery = owed()
    await deliver(call, delivery)
    const { body } = await call(`/deliveries/${delivery.id}`)
    expect(body).toEqual({
      ...{
        id: delivery.id,
        organization_id,
        agent_id,
        run_id,
        event: 'run.completed',
        url: delivery.url,
        status: 'delivered',
        attempts: 1,
      },
      ...{ next_attempt_at: null, delivered_at: expect.any(String), last_status_code: 200, last_error: null },
      ...{ created_at: new Date(delivery.created_at).toISOString(), updated_at: expect.any(String) },
    })
    expect((await call(`/deliveries/${delivery.id}/attempts`)).body).toEqual([
      {
        ...{ id: expect.stringMatching(/^attempt-/), delivery_id: delivery.id, number: 1, manual: false, started_at: expect.any(String) },
        ...{ duration_ms: expect.any(Number), status_code: 200, error: null, response_excerpt: 'answer' },
      },
    ])
    for (const path of ['/deliveries', '/deliveries/', `/runs/${run_id}/deliveries`, `/runs/${run_id}/deliveries/`])
      expect((await call(path)).body, path).toEqual([body])
  })

  it('filters by run, agent and state, and pages', async () => {
    receivers()
    const { call, owed, run_id, agent_id } = await tenant()
    const other_run = newId('run')
    const list = [
      owed({ created_at: 1000 }),
      owed({ created_at: 2000, run_id: other_run, url: 'https://a.example/410' }),
      owed({ created_at: 3000 }),
    ]
    for (const delivery of list) await deliver(call, delivery)
    const [first, second, third] = list.map((d) => d.id)
    const ids = async (query: string) => (await call(`/deliveries?${query}`)).body.map((d) => d.id)
    expect(await ids('')).toEqual([third, second, first])
    expect(await ids('order=asc&limit=2')).toEqual([first, second])
    expect(await ids(`after=${third}`)).toEqual([second, first])
    expect(await ids(`run_id=${other_run}`)).toEqual([second])
    expect(await ids(`agent_id=${agent_id}&status=delivered`)).toEqual([third, first])
    expect(await ids('status=failed')).toEqual([second])
    expect(await ids(`agent_id=${newId('agent')}`)).toEqual([])
    expect((await call('/deliveries?status=lost')).status).toBe(422)
    expect((await call(`/runs/${run_id}/deliveries?limit=1`)).body.map((d) => d.id)).toEqual([third])
  })

  it('sends a delivery again on request, and answers before the try is over', async () => {
    receivers()
    const { call, owed } = await tenant()
    const delivery = owed({ url: 'https://a.example/410' })
    await deliver(call, delivery)
    const { status, body } = await call(`/deliveries/${delivery.id}/redeliver`, 'POST')
    expect([status, body.id, body.status]).toEqual([200, delivery.id, 'failed'])
    await vi.waitFor(async () => expect((await call(`/deliveries/${delivery.id}/attempts`)).body).toHaveLength(2), { timeout: 5000 })
    expect(sent).toEqual([delivery.id, delivery.id])
    expect((await call(`/deliveries/${delivery.id}/attempts?order=desc&limit=1`)).body).toMatchObject([{ number: 2, manual: true }])
  })

  it('is nothing to a stranger', async () => {
    receivers()
    const [owner, stranger] = [await tenant(), await tenant()]
    const delivery = owner.owed()
    await deliver(owner.call, delivery)
    const paths = [`/deliveries/${delivery.id}`, `/deliveries/${delivery.id}/attempts`, `/runs/${owner.run_id}/deliveries`]
    for (const path of paths) {
      expect((await stranger.call(path)).status, path).toBe(404)
      expect((await owner.call(path, 'GET', {})).status, path).toBe(401)
    }
    expect((await stranger.call(`/deliveries/${delivery.id}/redeliver`, 'POST')).status).toBe(404)
    for (const query of ['', `?run_id=${owner.run_id}`, `?agent_id=${owner.agent_id}`]) {
      expect((await stranger.call(`/deliveries${query}`)).body, query).toEqual([])
    }
    expect((await stranger.call(`/deliveries?after=${delivery.id}`)).status).toBe(404)
    expect(sent).toHaveLength(1)
  })

  it('reads its lists along an index', async () => {
    const list = (where: string, table = 'deliveries', by = 'created_at') =>
      `select * from ${table} where organization_id = 'o' and is_deleted = 0 ${where} order by ${by} desc, id desc limit 50`
    const queries = [
      ...['', `and run_id = 'r'`, `and agent_id = 'a'`, `and status = 'failed'`].map((where) => list(where)),
      list(`and delivery_id = 'd'`, 'delivery_attempts', 'number'),
    ]
    for (const query of queries) {
      const { results } = await DB.prepare(`explain query plan ${query}`).all<{ detail: string }>()
      expect(results.map((r) => r.detail).join('; '), query).toMatch(/^SEARCH \w+ USING INDEX ix_deliver[^;]*$/)
    }
  })
})
