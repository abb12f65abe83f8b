import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { audit, id, instant } from '../../db/columns'
import { agents } from '../agents/table'
import { organizations } from '../organizations/table'

export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/** Webhooks owed to a receiver: a projection of the delivery object of its endpoint. `id` is the `webhook-id` of every try. */
export const deliveries = sqliteTable(
  'deliveries',
  {
    id: id('delivery'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    agent_id: text().references(() => agents.id, { onDelete: 'cascade' }),
    run_id: text(),
    event: text().notNull(),
    url: text().notNull(),
    status: text({ enum: deliveryStatuses }).notNull().default('pending'),
    attempts: integer().notNull().default(0),
    next_attempt_at: instant(),
    delivered_at: instant(),
    last_status_code: integer(),
    last_error: text(),
    ...audit(),
  },
  (t) => [
    index('ix_deliveries_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_deliveries_run_created').on(t.run_id, t.created_at, t.id),
    index('ix_deliveries_agent_created').on(t.agent_id, t.created_at, t.id),
  ],
)

/** One row a try, whoever asked for it. */
export const deliveryAttempts = sqliteTable(
  'delivery_attempts',
  {
    id: id('deliveryAttempt'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    delivery_id: text()
      .notNull()
      .references(() => deliveries.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    manual: integer({ mode: 'boolean' }).notNull().default(false),
    started_at: instant().notNull(),
    duration_ms: integer().notNull(),
    status_code: integer(),
    error: text(),
    response_excerpt: text(),
    ...audit(),
  },
  (t) => [index('ix_delivery_attempts_delivery_number').on(t.delivery_id, t.number, t.id)],
)
