import { isAppError, messageOf } from '../../src/lib/errors'
import { log } from '../../src/lib/log'
import { backoff, sleep } from '../../src/lib/time'
import { type Journal, RunEnded, type ToolServices, type TurnPorts } from '../../src/runtime/ports'
import { runTurn } from '../../src/runtime/turn'
import type { AgentConfig } from '../../src/runtime/types'
import { cancelRun } from './cancel'
import { journalOf, refreshSystem } from './journal'
import { contextKey, messages } from './messages'
import { type Run, runs, watchdogMs } from './runs'
import { schedule } from './schedule'
import type { Store } from './store'
import { tracing } from './traces'

/** What the executor needs of the object around it. */
export interface ExecutorHost {
  store: Store
  agent_id(): string
  load(conversation_id: string | null): Promise<AgentConfig>
  model: TurnPorts['model']
  services: ToolServices
  payload(run: Run): string
  /** Whether what is sent to models is kept. */
  traced?: boolean
  flush(): void
  wake(run_id: string): void
  arm(): void
}

/** Head start of a turn that is quick: after it D1 is told of what was accepted and begun, although the model has not answered. */
const tellAfterMs = 25

/** Tries in a row without progress, each ended by a crash or an outage, after which a run counts as failed. */
const triesMax = 8

/** How long a run rests after so many tries that came to nothing: a crash that repeats itself is not repeated at once. */
export const pauseAfter = (tries: number): number => (tries <= 1 ? 0 : backoff(tries, 250, 60_000))

/** A promise that rejects with the signal's reason when it aborts. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

/** Runs turns: one at a time in a conversation, in the order of acceptance; different conversations side by side. */
export class Executor {
  readonly #host: ExecutorHost
  readonly #drains = new Map<string, Promise<void>>()
  readonly #active = new Map<string, { controller: AbortController; partial: TurnPorts['partial'] }>()

  constructor(host: ExecutorHost) {
    this.#host = host
  }

  /** Sees to it that the waiting runs of a conversation are worked off. The promise ends when none is left or one must be tried later. */
  ensure(conversation_id: string | null): Promise<void> {
    const key = contextKey(conversation_id)
    this.#tell()
    const running = this.#drains.get(key)
    if (running) return running
    const drain = this.#drain(key).finally(() => {
      this.#drains.delete(key)
      // A run accepted between the last look and here would otherwise wait for the alarm.
      const head = this.#head(key)
      // It fails only with the storage, and the object with it: the alarm of the next life takes the run up.
      if (head && !this.isPutOff(head.id)) this.ensure(conversation_id).catch(() => undefined)
    })
    this.#drains.set(key, drain)
    return drain
  }

  /** True for a run that is to be tried later, at the time its row in the schedule says. */
  isPutOff = (id: string): boolean => this.#putOff.has(id)

  /** Ends a run as cancelled at once, whatever it is doing. */
  cancel(id: string): void {
    const { store, payload, wake, flush } = this.#host
    const active = this.#active.get(id)
    cancelRun(store, this.#host.agent_id(), id, active?.partial.current ?? null, payload)
    active?.controller.abort(new RunEnded())
    wake(id)
    flush()
  }

  #tell = () => void setTimeout(() => this.#drains.size > 0 && this.#host.flush(), tellAfterMs)

  #head = (key: string) => runs.head(this.#host.store, this.#host.agent_id(), key)
  #putOff = new Set<string>()

  async #drain(key: string): Promise<void> {
    for (let run = this.#head(key); run; run = this.#head(key)) {
      if (!(await this.#execute(run))) return
    }
  }

  /** Takes a run to its end. Returns false when it must be tried later. */
  async #execute(run: Run): Promise<boolean> {
    const { store, wake, flush } = this.#host
    const controller = new AbortController()
    const partial: TurnPorts['partial'] = { current: null }
    this.#putOff.delete(run.id)
    this.#active.set(run.id, { controller, partial })
    try {
      await Promise.race([this.#take(run, partial, controller.signal), aborted(controller.signal)])
      return true
    } catch (error) {
      return controller.signal.aborted || error instanceof RunEnded || this.#later(run, error)
    } finally {
      this.#active.delete(run.id)
      if (!runs.isInProgress(store, run.id)) wake(run.id)
      flush()
    }
  }

  #journal(agent_id: string): Journal {
    const { store, payload, traced } = this.#host
    const journal = journalOf(store, agent_id, payload)
    return traced ? tracing(store, agent_id, journal) : journal
  }

  async #take(run: Run, partial: TurnPorts['partial'], signal: AbortSignal): Promise<void> {
    const { store } = this.#host
    const agent_id = this.#host.agent_id()
    let loaded: AgentConfig | null = null
    const journal = this.#journal(agent_id)
    const row = { kind: 'run', ref: run.id } as const
    if (schedule.attempts(store, row) >= triesMax) return this.#giveUp(run)
    schedule.again(store, row, store.now() + watchdogMs)
    if (run.status === 'created') {
      try {
        loaded = await this.#host.load(run.conversation_id)
      } catch (error) {
        if (!isAppError(error)) throw error
        journal.fail(run.id, null, 'error', { type: 'internal_error', message: error.message, detail: null })
        return
      }
      const config = loaded
      store.transaction(() => {
        if (!runs.isInProgress(store, run.id)) throw new RunEnded()
        if (!messages.system(store, run.conversation_id)) refreshSystem(store, agent_id, run.conversation_id, config)
        runs.begin(store, run, config)
      })
      this.#tell()
    }
    const ports: TurnPorts = {
      journal,
      load: async () => {
        const fresh = loaded ?? (await this.#host.load(run.conversation_id))
        loaded = null
        return fresh
      },
      model: this.#host.model,
      services: this.#host.services,
      flush: this.#host.flush,
      wake: this.#host.wake,
      partial,
      now: store.now,
      sleep,
    }
    await runTurn(() => runs.get(store, agent_id, run.id), ports, signal)
  }

  /** Puts a run off after a failure that is neither the model's nor the agent's; after too many, the run fails. */
  #later(run: Run, error: unknown): boolean {
    const { store, arm } = this.#host
    const row = { kind: 'run', ref: run.id } as const
    const tries = schedule.attempts(store, row)
    const stack = error instanceof Error ? error.stack : null
    log('error', { msg: 'run put off', agent_id: run.agent_id, run_id: run.id, attempt: tries, error: messageOf(error), stack })
    if (tries < triesMax) {
      this.#putOff.add(run.id)
      schedule.set(store, 'run', run.id, store.now() + pauseAfter(tries))
      arm()
      return false
    }
    this.#giveUp(run)
    return true
  }

  #giveUp(run: Run): void {
    const journal = journalOf(this.#host.store, run.agent_id, this.#host.payload)
    const message = `The run could not go on after ${triesMax} tries, for a reason inside the server.`
    journal.fail(run.id, journal.openStep(run.id), 'error', { type: 'internal_error', message, detail: null })
  }
}
