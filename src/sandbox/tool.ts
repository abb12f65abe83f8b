import type { Parameters } from './json-schema'

/** A source as far as it tells of a tool. */
export interface ToolSource {
  /** Functions that could be the tool, in order. */
  names: string[]
  /** The function that is the tool; null when there is none. */
  tool: {
    name: string
    description: string | null
    /** The schema of its arguments. Throws a 400 that names the first parameter which does not say what it is. */
    parameters(): Parameters
  } | null
}
