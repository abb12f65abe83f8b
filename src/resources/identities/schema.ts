import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryList, queryText } from '../../lib/query'
import { identityTypes, propertyTypes } from './table'

const name = z.string().min(1).max(255)
const identifier_key = name.meta({
  description: 'Your own id of it. Unique within a project, where no project is one too.',
  example: 'user-42',
})
export const IdentityType = z.enum(identityTypes).meta({ id: 'IdentityType' })

const fits = ({ type, value }: { type: string; value: unknown }) => type === 'json' || type === typeof value

/** A fact about an identity. */
export const IdentityProperty = z
  .object({
    key: name,
    value: z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown()), z.array(z.unknown())]),
    type: z.enum(propertyTypes).describe('What the value is; `json` takes any.'),
  })
  .refine(fits, { path: ['value'], error: 'must be of the type that `type` names' })
  .meta({ id: 'IdentityProperty' })

/** Properties as they are stored: each key once, the last of equal ones. */
export const Properties = z
  .array(IdentityProperty)
  .max(1000)
  .transform((given) => [...new Map(given.map((property) => [property.key, property])).values()])

const ids = (what: string) => z.array(z.string()).nullish().describe(what)

const fields = {
  properties: Properties.nullish(),
  agent_ids: ids('Agents of the identity. Deprecated: attach it to the agents.'),
  block_ids: ids('Blocks of the identity. Deprecated: attach it to the blocks.'),
}

/** Who an agent or a block is for: a user, an organization, or another. */
export const Identity = z
  .object({
    id: z.string(),
    identifier_key,
    name,
    identity_type: IdentityType,
    project_id: z.string().nullable(),
    properties: z.array(IdentityProperty),
    agent_ids: z.array(z.string()).describe('Deprecated: list the agents of the identity.'),
    block_ids: z.array(z.string()).describe('Deprecated: list the blocks of the identity.'),
    organization_id: z.string(),
    created_at: z.string(),
    updated_at: z.string(),
    created_by_id: z.string().nullable(),
    last_updated_by_id: z.string().nullable(),
  })
  .meta({ id: 'Identity' })
export type Identity = z.output<typeof Identity>

export const IdentityCreate = z
  .object({ identifier_key, name, identity_type: IdentityType, project_id: z.string().nullish(), ...fields })
  .meta({ id: 'IdentityCreate' })
export type IdentityCreate = z.output<typeof IdentityCreate>

/** Fields that are left out or null stay. Agents and blocks are added; properties replace those of the same key. */
export const IdentityUpdate = z
  .object({ identifier_key: identifier_key.nullish(), name: name.nullish(), identity_type: IdentityType.nullish(), ...fields })
  .meta({ id: 'IdentityUpdate' })
export type IdentityUpdate = z.output<typeof IdentityUpdate>

const filters = {
  ids: queryList(z.string(), 'Only identities with one of these ids.'),
  name: queryText('Only identities whose name contains this text, in any case.'),
  project_id: queryText('Only identities of this project.'),
  identifier_key: queryText('Only identities with exactly this key.'),
  identity_type: blankAsAbsent(IdentityType.optional()).describe('Only identities of this type.'),
}
export const IdentityFilters = z.object(filters)
export type IdentityFilters = z.output<typeof IdentityFilters>
export const IdentityQuery = pageQuery().extend(filters)
