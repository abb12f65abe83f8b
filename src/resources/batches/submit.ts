import type { Ctx } from '../../context'
import { database } from '../../db/client'
import { configOf, type Env } from '../../env'
import { isAppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { agentObject } from '../agents/object'
import { SendRequest } from '../messages/schema'
import { submit } from '../messages/service'

interface Item {
  id: string
  agent_id: string
  step_state: string
}

/** Agents that are submitted to side by side. */
const abreast = 8

/** Failures that pass: the request is submitted later. */
const passing = ['queue_full', 'unavailable', 'rate_limited']

/** Submits one request. Its own id is its idempotency key: submitted again, it is the same run. */
async function submitItem(ctx: Ctx, item: Item): Promise<void> {
  const d1 = ctx.env.DB
  try {
    const request = SendRequest.parse(JSON.parse(item.step_state).request)
    const mode = { streaming: false, background: true, run_type: 'batch' }
    const run = await submit(ctx, { agent_id: item.agent_id, conversation_id: null, request, mode, idempotency_key: item.id })
    const row = await d1
      .prepare(
        `update llm_batch_items set run_id = ?2, request_status = iif(request_status = 'created', 'submitted', request_status)
          where id = ?1 returning request_status`,
      )
      .bind(item.id, run.id)
      .first<{ request_status: string }>()
    if (row?.request_status === 'cancelled') await agentObject(ctx, item.agent_id).cancel({ run_ids: [run.id] })
  } catch (error) {
    if (!isAppError(error)) throw error
    if (passing.includes(error.kind)) return
    await d1
      .prepare("update llm_batch_items set request_status = 'failed', batch_request_result = ?2 where id = ?1 and run_id is null")
      .bind(item.id, JSON.stringify({ error: { type: error.kind, message: error.message } }))
      .run()
  }
}

/** Submits what a batch has not submitted yet: of one agent in order, of several agents side by side. */
export async function submitBatch(ctx: Ctx, batchId: string): Promise<void> {
  const { results } = await ctx.env.DB.prepare(
    `select id, agent_id, step_state from llm_batch_items
      where llm_batch_id = ?1 and organization_id = ?2 and run_id is null and request_status = 'created' order by position`,
  )
    .bind(batchId, ctx.actor.organization_id)
    .all<Item & Record<string, unknown>>()
  const queues = [...Map.groupBy(results, ({ agent_id }) => agent_id).values()]
  const work = async () => {
    for (let queue = queues.shift(); queue; queue = queues.shift()) for (const item of queue) await submitItem(ctx, item)
  }
  await Promise.all(Array.from({ length: Math.min(abreast, queues.length) }, work))
}

/** Takes up batches whose requests were not all submitted: their caller's Worker was cut, or an agent had too many waiting. */
export async function resumeBatches(env: Env, later: Ctx['later'] = () => undefined): Promise<void> {
  const { results } = await env.DB.prepare(
    `select distinct b.id, b.organization_id, b.created_by_id as user_id from llm_batch_items i join llm_batch_job b on b.id = i.llm_batch_id
      where i.request_status = 'created' and b.created_at < ?1 limit 20`,
  )
    .bind(Date.now() - 60_000)
    .all<{ id: string; organization_id: string; user_id: string }>()
  for (const { id, organization_id, user_id } of results) {
    const actor = { organization_id, user_id, scopes: ['read', 'write'] }
    const ctx: Ctx = { db: database(env.DB), env, config: configOf(env), actor, later }
    await submitBatch(ctx, id).catch((error) => log('error', { msg: 'batch not submitted', error: messageOf(error) }))
  }
}
