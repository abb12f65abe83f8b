import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, flag, id, instant } from '../../db/columns'
import { organizations } from '../organizations/table'

/** Model providers that an organization brought its own keys for (seed 001). Keys are sealed with `ENCRYPTION_KEY` and never returned. */
export const providers = sqliteTable(
  'providers',
  {
    id: id('provider'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    name: text().notNull(),
    provider_type: text().notNull(),
    provider_category: text().notNull().default('byok'),
    base_url: text(),
    region: text(),
    api_version: text(),
    api_key_enc: text(),
    access_key_enc: text(),
    last_synced: instant(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('unique_name_organization_id').on(t.name, t.organization_id).where(alive),
    index('ix_providers_organization_created').on(t.organization_id, t.created_at, t.id),
  ],
)

/** The models that a provider said it has, when it was last asked. */
export const providerModels = sqliteTable(
  'provider_models',
  {
    id: id('model'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    provider_id: text()
      .notNull()
      .references(() => providers.id, { onDelete: 'cascade' }),
    handle: text().notNull(),
    display_name: text().notNull(),
    name: text().notNull(),
    model_type: text({ enum: ['llm', 'embedding'] }).notNull(),
    enabled: flag().notNull().default(true),
    model_endpoint_type: text().notNull(),
    max_context_window: integer(),
    supports_token_streaming: flag(),
    supports_tool_calling: flag(),
    embedding_dim: integer(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('unique_model_per_provider_and_type').on(t.name, t.provider_id, t.model_type),
    uniqueIndex('unique_handle_per_org_and_type').on(t.handle, t.organization_id, t.model_type),
    index('ix_provider_models_organization_id').on(t.organization_id, t.model_type),
    index('ix_provider_models_provider_id').on(t.provider_id),
  ],
)
