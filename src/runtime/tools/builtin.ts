import { iso, type Millis, zonedInstant } from '../../lib/time'
import type { ToolServices } from '../ports'
import type { AgentConfig } from '../types'

/** What a built-in tool knows of the call it serves. */
export interface ToolContext {
  config: AgentConfig
  user_id: string
  /** Null outside of a turn. */
  run_id: string | null
  /** The conversation in which it is made; null in the agent's own context. */
  conversation_id: string | null
  /** Names this call for good: a repeat after a crash has the same key. */
  key: string
  services: ToolServices
  now: Millis
}

/** A tool that runs in process. All of them may be run again after a crash: an edit counts once by its key, the others change nothing. */
export interface BuiltinTool {
  run(args: Record<string, unknown>, context: ToolContext): Promise<unknown> | unknown
}

/** A refusal that the model reads as it is. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
}

/** A string argument that must be there. */
export function text(args: Record<string, unknown>, name: string): string {
  const value = args[name]
  if (typeof value !== 'string') throw new ToolError(`Parameter \`${name}\` is required and must be a string.`)
  return value
}

/** An optional argument of a type: absent and null are the default. */
export function optional<T>(
  args: Record<string, unknown>,
  name: string,
  is: (value: unknown) => value is T,
  expected: string,
  fallback: T,
): T {
  const value = args[name]
  if (value === undefined || value === null) return fallback
  if (!is(value)) throw new ToolError(`Parameter \`${name}\` must be ${expected}.`)
  return value
}

export const isText = (value: unknown): value is string => typeof value === 'string'

/** A number of results that may be asked for. */
export const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 100

/**
 * An optional argument that is an ISO date or datetime, as an instant; null when it is absent or empty. Without an offset it is local to the
 * agent; a date alone as an end is the end of that day.
 */
export function instant(args: Record<string, unknown>, name: string, timeZone: string, edge: 'start' | 'end'): string | null {
  const value = optional(args, name, isText, 'an ISO date', '')
  if (value === '') return null
  const at = zonedInstant(value, timeZone, edge)
  if (Number.isNaN(at))
    throw new ToolError(`Parameter \`${name}\` must be an ISO date or datetime such as 2024-01-15 or 2024-01-15T14:30:00.`)
  return iso(at)
}
