import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryText } from '../../lib/query'
import { brandTypes } from '../../models/brands'

const text = () => z.string().nullable()

/** A model provider of an organization. Its keys are stored encrypted and never sent. */
export const Provider = z
  .object({
    id: z.string(),
    name: z.string().describe('What stands before the slash in the handles of its models.'),
    provider_type: z.string(),
    provider_category: z.string(),
    api_key: z.null().describe('Never sent.'),
    access_key: z.null().describe('Never sent.'),
    base_url: text(),
    region: text(),
    api_version: text(),
    organization_id: z.string(),
    last_synced: text().describe('When its models were last read; null when it does not tell them.'),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Provider' })
export type Provider = z.output<typeof Provider>

const key = z.string().max(10_000)
const url = z.string().max(2_000).meta({ example: 'https://api.openai.com/v1' })
const settings = {
  access_key: key.nullish(),
  region: z.string().max(255).nullish(),
  api_version: z.string().max(255).nullish(),
  base_url: url.nullish().describe('Where it is, when not at the address of its type. Without a path it gets that of its type.'),
}

const provider_type = z
  .enum(brandTypes, { error: `must be a supported provider type: ${brandTypes.join(', ')}` })
  .meta({ example: 'openai' })
const api_key = key.nullish().describe('Its key. Servers that people run themselves may need none.')

export const ProviderCreate = z
  .object({
    name: z
      .string()
      .regex(/^[^/\s]{1,100}$/, 'must have 1 to 100 characters, without spaces or slashes')
      .describe('What stands before the slash in the handles of its models. Unique within the organization.')
      .meta({ example: 'my-openai' }),
    provider_type,
    api_key,
    ...settings,
  })
  .meta({ id: 'ProviderCreate' })

/** Fields that are left out or null stay as they are. */
export const ProviderUpdate = z.object({ api_key, ...settings }).meta({ id: 'ProviderUpdate' })

export const ProviderCheck = z.object({ provider_type, api_key, ...settings }).meta({ id: 'ProviderCheck' })

export const ProviderQuery = pageQuery().extend({
  name: queryText('Only the provider with this name.'),
  provider_type: queryText('Only providers of this type.'),
})
