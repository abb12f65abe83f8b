import { index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, id, instant, json, jsonChecks } from '../../db/columns'
import { organizations } from '../organizations/table'
import { users } from '../users/table'

/** What a key may do: `read` serves GET, `write` everything else. */
export const apiKeyScopes = ['read', 'write'] as const
export type ApiKeyScope = (typeof apiKeyScopes)[number]

/** Keys for this server. Only the SHA-256 of a key is stored; `prefix` is what a person recognises it by. */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: id('apiKey'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    user_id: text()
      .notNull()
      .references(() => users.id),
    name: text().notNull(),
    prefix: text().notNull(),
    key_hash: text().notNull(),
    scopes: json<ApiKeyScope[]>().notNull().default(['read', 'write']),
    expires_at: instant(),
    last_used_at: instant(),
    revoked_at: instant(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_api_keys_key_hash').on(t.key_hash),
    index('ix_api_keys_organization_created').on(t.organization_id, t.created_at, t.id),
    index('ix_api_keys_user_id').on(t.user_id),
    ...jsonChecks('api_keys', t),
  ],
)
