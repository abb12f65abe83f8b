import { RunEnded, type TurnPorts, type TurnRun } from './ports'
import { takeStep } from './step'

/**
 * Takes a run to its end, from wherever its journal says it is: a fresh run from its first step, one that a crash cut from its last
 * commit. `current` reads the run again before each step. Returns when the run has ended, here or elsewhere (a cancel); throws the
 * signal's reason when aborted, and whatever is neither the model's nor the agent's fault, to be tried again.
 */
export async function runTurn(current: () => TurnRun, ports: TurnPorts, signal: AbortSignal): Promise<void> {
  try {
    while (!(await takeStep(current(), ports, signal))) ports.flush()
  } catch (error) {
    if (!(error instanceof RunEnded)) throw error
  }
}
