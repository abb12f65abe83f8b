import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryText } from '../../lib/query'
import { Job } from '../jobs/schema'
import { SendRequest } from '../messages/schema'

const requestsMax = 200

export const BatchCreate = z
  .object({
    requests: z
      .array(SendRequest)
      .min(1, 'must not be empty')
      .max(requestsMax)
      .describe('Requests to agents, each with an `agent_id`. Those to one agent run one after the other, in this order.'),
    callback_url: z.null({ error: 'is not served for batches: read the batch, or give each request a callback_url of its own' }).optional(),
  })
  .superRefine(({ requests }, ctx) => {
    for (const [i, { agent_id }] of requests.entries())
      if (!agent_id) ctx.addIssue({ code: 'custom', path: ['requests', i, 'agent_id'], message: 'must name the agent' })
  })
  .meta({ id: 'CreateBatch' })
export type BatchCreate = z.output<typeof BatchCreate>

/** A batch is a job. */
export const BatchJob = Job

export const BatchQuery = pageQuery({ limit: 100 }).extend({ active: queryFlag('`true`: only batches that have not ended.') })

export const BatchMessagesQuery = pageQuery({ limit: 100 }).extend({ agent_id: queryText('Only messages of this agent.') })

export const BatchMessages = z
  .object({ messages: z.array(z.record(z.string(), z.unknown())).describe('Stored messages in their internal form.') })
  .meta({ id: 'LettaBatchMessages' })
