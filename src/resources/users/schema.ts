import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'

const name = z.string().min(1).max(200).meta({ description: 'What people call the user.', example: 'Ada' })
const email = z.email().max(320)

export const User = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name,
    email: z.string().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'User' })

export const UserCreate = z.object({ organization_id: z.string(), name, email: email.nullish() }).meta({ id: 'UserCreate' })

export const UserUpdate = z.object({ name: name.optional(), email: email.nullish() }).meta({ id: 'UserUpdate' })

export const UserQuery = pageQuery({ order: 'asc' }).extend({
  organization_id: blankAsAbsent(z.string().optional()).describe('Only users of this organization.'),
})
