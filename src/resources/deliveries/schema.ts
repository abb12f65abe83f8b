import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryText } from '../../lib/query'
import { deliveryStatuses } from './table'

const status = z.enum(deliveryStatuses).meta({
  description: '`pending` until a receiver answers 2xx (`delivered`), answers 410 or a day has passed (`failed`).',
})
const instant = z.string().meta({ example: '2026-01-31T12:00:00.000Z' })

/** A webhook that is owed to a receiver, or was. */
export const Delivery = z
  .object({
    id: z.string().meta({ description: 'Also the `webhook-id` of every try.', example: 'delivery-123e4567-e89b-42d3-8456-426614174000' }),
    organization_id: z.string(),
    agent_id: z.string().nullable(),
    run_id: z.string().nullable(),
    event: z.string().meta({ description: 'What happened.', example: 'run.completed' }),
    url: z.string(),
    status,
    attempts: z.int().meta({ description: 'Tries made so far, manual ones too.' }),
    next_attempt_at: instant.nullable().meta({ description: 'When it is tried next; null when nothing is planned.' }),
    delivered_at: instant.nullable().meta({ description: 'When a receiver first answered 2xx.' }),
    last_status_code: z.int().nullable(),
    last_error: z.string().nullable().meta({ description: 'Why the last try did not deliver; null when it did.' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Delivery' })

/** One try of a delivery. */
export const DeliveryAttempt = z
  .object({
    id: z.string(),
    delivery_id: z.string(),
    number: z.int().meta({ description: 'Counts the tries of one delivery from 1.' }),
    manual: z.boolean().meta({ description: 'True when someone asked for it.' }),
    started_at: instant,
    duration_ms: z.int(),
    status_code: z.int().nullable().meta({ description: 'What the receiver answered; null when it did not.' }),
    error: z.string().nullable(),
    response_excerpt: z.string().nullable().meta({ description: 'The first 1,000 characters of the answer.' }),
  })
  .meta({ id: 'DeliveryAttempt' })

export const DeliveryQuery = pageQuery().extend({
  run_id: queryText('Only deliveries of this run.'),
  agent_id: queryText('Only deliveries of this agent.'),
  status: blankAsAbsent(z.enum(deliveryStatuses).optional()).describe('Only deliveries in this state.'),
})

export const RunDeliveryQuery = pageQuery()

export const DeliveryAttemptQuery = pageQuery({ order: 'asc' })
