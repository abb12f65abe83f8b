import type { Millis } from '../../lib/time'
import type { ToolServices } from '../ports'
import type { AgentConfig } from '../types'

/** What a built-in tool knows of the call it serves. */
export interface ToolContext {
  config: AgentConfig
  user_id: string
  /** Null outside of a turn. */
  run_id: string | null
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
