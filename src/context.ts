import type { Database } from './db/client'
import type { Config, Env } from './env'

/** Who acts: an organization, one of its users, and what the key allows. */
export interface Actor {
  organization_id: string
  user_id: string
  scopes: readonly string[]
}

/** What every service verb gets first. */
export interface Ctx {
  db: Database
  env: Env
  config: Config
  actor: Actor
}
