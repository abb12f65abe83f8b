import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { apiKeyScopes } from './table'

const name = z.string().min(1).max(200).meta({ description: 'What the key is for.', example: 'ci' })
const scopes = z
  .array(z.enum(apiKeyScopes))
  .min(1, 'name at least one scope')
  .transform((given) => apiKeyScopes.filter((scope) => given.includes(scope)))
  .meta({ description: '`read` serves GET and searches, `write` everything else.', example: ['read', 'write'] })
const expires_at = z.iso
  .datetime({ offset: true })
  .refine((at) => Date.parse(at) > Date.now(), 'must be in the future')
  .meta({ description: 'When the key stops working; never, when left out.' })

export const ApiKey = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    user_id: z.string(),
    name,
    prefix: z.string().meta({ description: 'The first characters of the key, to recognise it by.', example: 'loci_Ab3xYz9' }),
    scopes: z.array(z.enum(apiKeyScopes)),
    expires_at: z.string().nullable(),
    last_used_at: z.string().nullable().meta({ description: 'Exact to a minute.' }),
    revoked_at: z.string().nullable(),
    created_by_id: z.string().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'ApiKey' })

export const ApiKeyCreated = ApiKey.extend({
  key: z.string().meta({ description: 'The key itself. It is shown this once and cannot be read again.' }),
}).meta({ id: 'ApiKeyCreated' })

export const ApiKeyCreate = z
  .object({
    name,
    user_id: z.string().nullish().describe('Whom the key speaks for: the caller, when left out.'),
    scopes: scopes.nullish(),
    expires_at: expires_at.nullish(),
  })
  .meta({ id: 'ApiKeyCreate' })

export const AdminApiKeyCreate = ApiKeyCreate.extend({
  organization_id: z.string(),
  user_id: z.string().nullish().describe('Whom the key speaks for: a user made for it, when left out.'),
}).meta({ id: 'AdminApiKeyCreate' })

export const ApiKeyQuery = pageQuery()
