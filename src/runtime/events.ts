import type { StopReason, Usage } from './types'
import type { LettaMessage } from './wire-schema'

/** Tokens of a whole run, as the API reports them. */
export interface RunUsage extends Usage {
  step_count: number
  /** Tokens in the context after the last step; null when no step was taken. */
  context_tokens: number | null
}

/** Why a run failed, in the API's terms. */
export interface RunError {
  type: string
  message: string
  detail: string | null
}

/**
 * What a run's log holds, in order. A run that streams tokens logs deltas, any other run whole messages; both log tool
 * returns whole. The last events are always `stop`, then `error` when it failed, else `usage`.
 */
export type RunEvent =
  | { type: 'ping' }
  | { type: 'message'; message: LettaMessage }
  | { type: 'delta'; message: LettaMessage }
  /** A crash cut the response that the message was part of: its deltas count for nothing, the model is asked again. */
  | { type: 'abandoned'; message_id: string }
  | { type: 'stop'; stop_reason: StopReason }
  | { type: 'usage'; usage: RunUsage }
  | { type: 'error'; error: RunError }
