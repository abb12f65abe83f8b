import type { ProcessingState } from './table'

/** What may follow each state. The last two end a file's processing. */
const following: Record<ProcessingState, readonly ProcessingState[]> = {
  pending: ['parsing', 'error'],
  parsing: ['embedding', 'error'],
  embedding: ['completed', 'error'],
  completed: [],
  error: [],
}

/** The states that `to` may follow. */
export const before = (to: ProcessingState): ProcessingState[] =>
  (Object.keys(following) as ProcessingState[]).filter((from) => following[from].includes(to))

/** The states of files that are still to be processed. */
export const unfinished = (Object.keys(following) as ProcessingState[]).filter((state) => following[state].length > 0)

/** Where a file's processing is: `attempt` names the worker that has it. */
export interface Progress {
  processing_status: ProcessingState
  attempt: number
}

/** How long a file rests without a sign of its worker before another may take it. A worker gives one with everything it writes. */
export const silentMs = 2 * 60_000

/** True when a worker may take a file: nobody has it yet, or whoever has it has been silent. */
export const isFree = (
  { processing_status, updated_at }: { processing_status: ProcessingState; updated_at: string },
  now: number,
): boolean => processing_status === 'pending' || (unfinished.includes(processing_status) && Date.parse(updated_at) <= now - silentMs)

/** Attempts after which a file that nobody could finish is given up. */
export const attemptsMax = 10

/** What the next worker makes of a file: it is at the first state of work, or goes on where the last one stopped. Null: nothing to do. */
export function take({ processing_status, attempt }: Progress): Progress | null {
  if (!unfinished.includes(processing_status)) return null
  if (attempt >= attemptsMax) return { processing_status: 'error', attempt }
  return { processing_status: processing_status === 'pending' ? 'parsing' : processing_status, attempt: attempt + 1 }
}

/** What a worker's step makes of a file; null when the file is no longer this worker's, or not where the step begins. */
export function move(file: Progress, worker: number, to: ProcessingState): Progress | null {
  return file.attempt === worker && before(to).includes(file.processing_status) ? { ...file, processing_status: to } : null
}
