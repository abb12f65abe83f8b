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

/** How often a worker gives a sign that it lives, and how long a file rests without one before another worker may take it. */
export const signMs = 5_000
export const silentMs = 30_000

/** True when nobody works on a file: its worker has been silent, or none has come for it. */
export const isLeft = (
  { processing_status, updated_at }: { processing_status: ProcessingState; updated_at: string },
  now: number,
): boolean => unfinished.includes(processing_status) && Date.parse(updated_at) <= now - silentMs

/** Workers that may take up a file without getting on, before it is given up. */
export const attemptsMax = 10

/**
 * Workers are numbered in rounds: each that takes a file up has the next number, and one that got on and hands the file to another begins a
 * new round. So a number is used once, and the last two digits tell how many workers have tried since one got on.
 */
const round = 100

const tries = (attempt: number): number => attempt % round

/** The number of nobody yet, in the next round. */
export const nextRound = (attempt: number): number => attempt - tries(attempt) + round

/** What the next worker makes of a file: it is at the first state of work, or goes on where the last one stopped. Null: nothing to do. */
export function take({ processing_status, attempt }: Progress): Progress | null {
  if (!unfinished.includes(processing_status)) return null
  if (tries(attempt) >= attemptsMax) return { processing_status: 'error', attempt }
  return { processing_status: processing_status === 'pending' ? 'parsing' : processing_status, attempt: attempt + 1 }
}

/** What a worker makes of a file that it hands to another; null when it is no longer this worker's. */
export function handOver(file: Progress, worker: number): Progress | null {
  return file.attempt === worker && unfinished.includes(file.processing_status) ? { ...file, attempt: nextRound(worker) } : null
}

/** What a worker's step makes of a file; null when the file is no longer this worker's, or not where the step begins. */
export function move(file: Progress, worker: number, to: ProcessingState): Progress | null {
  return file.attempt === worker && before(to).includes(file.processing_status) ? { ...file, processing_status: to } : null
}
