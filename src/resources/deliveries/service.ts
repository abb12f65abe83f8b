import { and, eq } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { type Config, type Env, reachOf } from '../../env'
import { sha256 } from '../../lib/crypto'
import type { EgressPolicy } from '../../lib/egress'
import { unwrap } from '../../lib/errors'
import type { Page } from '../../lib/page'
import type { Millis } from '../../lib/time'
import { runs } from '../runs/table'
import type { DeliveryQuery } from './schema'
import { deliveries, deliveryAttempts } from './table'

/** A webhook to be delivered: `body` is the JSON text that is sent and signed, `id` the `webhook-id` of every try. */
export interface NewDelivery {
  id: string
  organization_id: string
  agent_id: string | null
  run_id: string | null
  event: string
  url: string
  body: string
  created_at: Millis
}

/** What a webhook may reach and cost. `network` is a transport to public addresses only, where the deployment has one. */
export const webhookPolicy = (config: Pick<Config, 'EGRESS_ALLOW' | 'ENVIRONMENT'>, network?: Pick<Fetcher, 'fetch'>): EgressPolicy => ({
  ...reachOf(config, network),
  timeoutMs: 10_000,
  maxResponseBytes: 4096,
  maxRedirects: 3,
})

/** The name of the object that owns an endpoint: the organization's receiver at one origin and path. */
export async function deliveryName(organization_id: string, url: string): Promise<string> {
  const { origin, pathname } = new URL(url)
  return sha256(`${organization_id}\n${origin}${pathname}`)
}

const endpointOf = async (env: Env, organization_id: string, url: string) =>
  env.DELIVERY.getByName(await deliveryName(organization_id, url))

/** Hands a webhook to the object of its endpoint. May be repeated with the same id: it is sent once. */
export async function enqueueDelivery(env: Env, delivery: NewDelivery): Promise<void> {
  unwrap(await (await endpointOf(env, delivery.organization_id, delivery.url)).enqueue(delivery))
}

type Delivery = Row<typeof deliveries>

const rows = repository(deliveries, 'Delivery')
const attemptRows = repository(deliveryAttempts, 'Delivery attempt')
const runRows = repository(runs, 'Run')

export const deliveryService = {
  list(ctx: Ctx, { run_id, agent_id, status, ...page }: z.output<typeof DeliveryQuery>): Promise<Delivery[]> {
    const where = and(
      run_id ? eq(deliveries.run_id, run_id) : undefined,
      agent_id ? eq(deliveries.agent_id, agent_id) : undefined,
      status ? eq(deliveries.status, status) : undefined,
    )
    return rows.list(ctx, page, where)
  },

  get: rows.get,

  async listOfRun(ctx: Ctx, run_id: string, page: Page): Promise<Delivery[]> {
    await runRows.get(ctx, run_id)
    return rows.list(ctx, page, eq(deliveries.run_id, run_id))
  },

  /** The finished tries of a delivery, by number. */
  async attempts(ctx: Ctx, id: string, page: Page): Promise<Row<typeof deliveryAttempts>[]> {
    await rows.get(ctx, id)
    return attemptRows.list(ctx, page, eq(deliveryAttempts.delivery_id, id), deliveryAttempts.number)
  },

  /** Plans one try for now, in whatever state the delivery is. The try itself is not waited for: it shows in `attempts`. */
  async redeliver(ctx: Ctx, id: string): Promise<Delivery> {
    const { organization_id, url } = await rows.get(ctx, id)
    unwrap(await (await endpointOf(ctx.env, organization_id, url)).redeliver(organization_id, id))
    return rows.get(ctx, id)
  },
}
