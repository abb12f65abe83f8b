import { z } from 'zod'
import { pageQuery } from '../../lib/page'

const name = z.string().min(1).max(200).meta({ description: 'What people call the organization.', example: 'Acme' })
const description = z.string().max(2000)
const metadata = z.record(z.string(), z.unknown()).describe('Free-form values kept with the organization.')

export const Organization = z
  .object({
    id: z.string(),
    name,
    description: description.nullable(),
    metadata,
    privileged_tools: z.boolean(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Organization' })

export const OrganizationCreate = z
  .object({ name, description: description.nullish(), metadata: metadata.optional(), privileged_tools: z.boolean().optional() })
  .meta({ id: 'OrganizationCreate' })

export const OrganizationUpdate = OrganizationCreate.partial().meta({ id: 'OrganizationUpdate' })

export const OrganizationQuery = pageQuery({ order: 'asc' })
