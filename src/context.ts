import type { Database } from './db/client'
import type { Config, Env } from './env'

/** Who acts: an organization, one of its users, and what the key allows. */
export interface Actor {
  organization_id: string
  user_id: string
  scopes: readonly string[]
}

/** What an `Idempotency-Key` makes of a request: the same uuid each time, and whether an earlier try may have got somewhere. */
export interface Once {
  uuid: string
  again: boolean
}

/** What every service verb gets first. */
export interface Ctx {
  db: Database
  env: Env
  config: Config
  actor: Actor
  /** Takes work that may outlive the response. */
  later(work: Promise<unknown>): void
  /** Set on a POST with an `Idempotency-Key`. */
  once?: Once
}
