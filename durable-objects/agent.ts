import { DurableObject } from 'cloudflare:workers'
import { configOf, type Env } from '../src/env'
import { AppError, messageOf, notFound, type Outcome, settle } from '../src/lib/errors'
import { log, setLogLevel } from '../src/lib/log'
import { loadAgentConfig } from '../src/resources/agents/config'
import type { CapturedMessage } from '../src/runtime/capture'
import type { CompactionSettings } from '../src/runtime/compaction-schema'
import { condensed } from '../src/runtime/emit'
import type { ModelRequest } from '../src/runtime/model'
import type { ToolServices, TurnPorts } from '../src/runtime/ports'
import type {
  AgentRpc,
  CompactionResult,
  ContextReport,
  DirectResult,
  HistoryPart,
  RunResult,
  RunState,
  Scope,
  Submission,
} from '../src/runtime/rpc'
import type { AgentConfig, InputMessage } from '../src/runtime/types'
import { admit } from './agent/admit'
import { approvals } from './agent/approvals'
import { withdrawRun, withdrawRuns } from './agent/cancel'
import { Compactor } from './agent/compactor'
import { contexts } from './agent/contexts'
import { runDirectly } from './agent/direct'
import { events } from './agent/events'
import { Executor, pauseAfter } from './agent/executor'
import { Flusher } from './agent/flusher'
import { importHistory } from './agent/history'
import { contextKey } from './agent/messages'
import { modelsFor } from './agent/models'
import { preview } from './agent/preview'
import { follow, Readers, type View } from './agent/readers'
import { type Run, runs, stateOf, watchdogMs } from './agent/runs'
import { type Due, schedule } from './agent/schedule'
import { servicesOf } from './agent/services'
import { isBorn, migrate, one, type Store, storeOf } from './agent/store'
import { resultOf, webhookBody } from './agent/webhook'

const rowsPerAlarm = 50
/** How long one alarm stays with a run; the next follows at once, so that other due rows get their turn. */
const alarmSliceMs = 10_000
const cancelReason = 'The user cancelled the request.'

/** The single thread of one agent: it gives its messages their order, runs its turns, and owes D1 a copy of both. */
export class AgentObject extends DurableObject<Env> implements AgentRpc {
  readonly #store: Store
  readonly #readers = new Readers()
  readonly #flusher: Flusher
  readonly #executor: Executor
  readonly #compactor: Compactor
  readonly #model: TurnPorts['model']
  readonly #services: ToolServices
  #organization_id: string | null = null
  #armedFor = Number.POSITIVE_INFINITY

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const config = configOf(env)
    setLogLevel(config.LOG_LEVEL)
    const store = storeOf(ctx.storage)
    this.#store = store
    if (isBorn(ctx.storage)) this.#wakeUp()
    const arm = () => this.#arm()
    this.#model = modelsFor(env, config, () => this.#owner().organization_id)
    this.#compactor = new Compactor({ store, load: this.#load, model: this.#model })
    this.#flusher = new Flusher(store, { env: () => this.env, owner: () => this.#owner(), arm })
    this.#services = servicesOf(
      env,
      () => this.#owner().organization_id,
      () => this.#flusher.settle(),
    )
    this.#executor = new Executor({
      store,
      agent_id: () => this.#agentId,
      load: (conversation_id) => loadAgentConfig(env.DB, { ...this.#owner(), conversation_id }),
      model: this.#model,
      services: this.#services,
      payload: (run) => webhookBody(store, run),
      traced: config.PROVIDER_TRACE_DAYS > 0,
      flush: () => this.#organization_id !== null && this.#flusher.kick(),
      wake: (run_id) => this.#readers.wake(run_id),
      arm,
    })
  }

  get #agentId(): string {
    return this.ctx.id.name ?? String(one(this.#store, 'select agent_id from identity')?.agent_id)
  }

  #owner() {
    return { agent_id: this.#agentId, organization_id: this.#organization_id ?? '' }
  }

  /** A fresh object works on nothing: whatever is in progress was cut, and is due at once, or after a rest when that happened before. */
  #wakeUp(): void {
    migrate(this.ctx.storage)
    this.#organization_id = (one(this.#store, 'select organization_id from identity')?.organization_id as string | undefined) ?? null
    for (const { id } of runs.inProgress(this.#store, this.#agentId)) {
      const tries = schedule.attempts(this.#store, { kind: 'run', ref: id })
      schedule.set(this.#store, 'run', id, this.#store.now() + pauseAfter(tries))
    }
    this.#arm()
  }

  /** Lets the agent's own organization in. An object of an unknown agent stays without a trace. */
  async #enter(scope: Scope): Promise<void> {
    if (this.#organization_id === null) {
      await loadAgentConfig(this.env.DB, { organization_id: scope.organization_id, agent_id: this.#agentId, conversation_id: null })
      if (this.#organization_id === null) {
        migrate(this.ctx.storage)
        this.#store.all('insert or ignore into identity (agent_id, organization_id) values (?1, ?2)', this.#agentId, scope.organization_id)
        this.#organization_id = scope.organization_id
      }
    }
    if (this.#organization_id !== scope.organization_id) throw notFound('Agent', this.#agentId)
  }

  #load = (conversation_id: string | null): Promise<AgentConfig> => loadAgentConfig(this.env.DB, { ...this.#owner(), conversation_id })

  #run = (id: string): Run => runs.get(this.#store, this.#agentId, id)

  /** Does `work` for a caller of the agent's organization; what it owes to D1 is there before the answer. */
  #serve<T>(scope: Scope, work: () => T | Promise<T>): Promise<Outcome<T>> {
    return settle(async () => {
      await this.#enter(scope)
      const value = await work()
      await this.#flusher.settle()
      return value
    })
  }

  #arm(): void {
    const next = schedule.next(this.#store)
    if (next === null || next >= this.#armedFor) return
    this.#armedFor = next
    void this.ctx.storage.setAlarm(Math.max(next, this.#store.now()))
  }

  open(scope: Scope, conversation_id: string | null, initial: InputMessage[] = []): Promise<Outcome<null>> {
    return this.#serve(scope, async () => {
      contexts.open(this.#store, await this.#load(conversation_id), conversation_id, initial, scope.user_id)
      return null
    })
  }

  importHistory(scope: Scope, conversation_id: string | null, part: HistoryPart): Promise<Outcome<null>> {
    return this.#serve(scope, async () => {
      importHistory(this.#store, await this.#load(conversation_id), conversation_id, part, scope.user_id)
      return null
    })
  }

  #accept(scope: Scope, submission: Submission): Run {
    const run = admit(this.#store, this.#agentId, scope.user_id, submission, configOf(this.env).MAX_QUEUED_RUNS)
    this.#arm()
    return run
  }

  #start(run: Pick<Run, 'id' | 'conversation_id'>): void {
    if (runs.isInProgress(this.#store, run.id)) void this.#executor.ensure(run.conversation_id)
  }

  /** The turn begins when the run is stored everywhere, so that it does not slow the answer down. */
  async submit(scope: Scope, submission: Submission): Promise<Outcome<RunState>> {
    const outcome = await this.#serve(scope, () => stateOf(this.#accept(scope, submission)))
    if (outcome.ok) this.#start(outcome.value)
    return outcome
  }

  send(scope: Scope, submission: Submission): Promise<Outcome<RunResult>> {
    return this.#serve(scope, () => {
      const run = this.#accept(scope, submission)
      this.#start(run)
      return this.#ended(run.id)
    })
  }

  result(scope: Scope, run_id: string): Promise<Outcome<RunResult>> {
    return this.#serve(scope, () => this.#ended(run_id))
  }

  async #ended(run_id: string): Promise<RunResult> {
    while (runs.isInProgress(this.#store, run_id)) await this.#readers.changed(run_id, 60_000)
    return resultOf(this.#store, this.#run(run_id))
  }

  stream(scope: Scope, run_id: string, view: View): Promise<Outcome<{ body: ReadableStream<Uint8Array> }>> {
    return settle(async () => {
      await this.#enter(scope)
      const run = this.#run(run_id)
      this.#start(run)
      return { body: follow(this.#store, this.#readers, run, view, () => this.#flusher.settle()) }
    })
  }

  find(scope: Scope, by: { conversation_id: string | null; otid?: string | null }): Promise<Outcome<RunState | null>> {
    return settle(async () => {
      await this.#enter(scope)
      const found = by.otid
        ? one(this.#store, 'select run_id from requests where key = ?1', `otid:${by.otid}`)?.run_id
        : runs.inProgress(this.#store, this.#agentId, contextKey(by.conversation_id)).at(-1)?.id
      return found ? stateOf(this.#run(found as string)) : null
    })
  }

  cancel(scope: Scope, which: { run_ids?: string[]; conversation_id?: string | null }): Promise<Outcome<Record<string, string>>> {
    return this.#serve(scope, () => {
      const { run_ids, conversation_id } = which
      const key = conversation_id === undefined ? undefined : contextKey(conversation_id)
      const running = runs.inProgress(this.#store, this.#agentId, key).map((run) => run.id)
      // Another conversation may wait for another person: only what is named is told that nobody will answer.
      const ids = run_ids ?? [...running, ...approvals.waitingRuns(this.#store, key ?? contextKey(null))]
      if (ids.length === 0)
        throw new AppError(
          'conflict',
          `CONFLICT: No active runs to cancel for ${conversation_id ? 'conversation' : 'agent'} ${conversation_id ?? this.#agentId}`,
        )
      const known = ids.map((id) => this.#run(id))
      for (const { id } of known) {
        if (runs.isInProgress(this.#store, id)) this.#executor.cancel(id)
        else withdrawRun(this.#store, this.#agentId, id, cancelReason)
      }
      return Object.fromEntries(ids.map((id) => [id, this.#run(id).status]))
    })
  }

  reset(scope: Scope, initial: InputMessage[]): Promise<Outcome<null>> {
    return this.#serve(scope, async () => {
      contexts.reset(this.#store, await this.#load(null), initial, scope.user_id)
      return null
    })
  }

  dropGroup(scope: Scope, group_id: string): Promise<Outcome<null>> {
    return this.#serve(scope, () => {
      contexts.dropGroup(this.#store, this.#agentId, group_id)
      return null
    })
  }

  setContext(scope: Scope, message_ids: string[]): Promise<Outcome<null>> {
    return this.#serve(scope, () => {
      contexts.replace(this.#store, this.#agentId, message_ids)
      return null
    })
  }

  fork(scope: Scope, from: string | null, to: string, message_id: string | null = null): Promise<Outcome<null>> {
    return this.#serve(scope, async () => {
      contexts.fork(this.#store, await this.#load(to), from, to, message_id, scope.user_id)
      return null
    })
  }

  recompile(scope: Scope, conversation_id: string | null, { dry_run }: { dry_run: boolean }): Promise<Outcome<string>> {
    return this.#serve(scope, async () => contexts.recompile(this.#store, await this.#load(conversation_id), conversation_id, dry_run))
  }

  context(scope: Scope, conversation_id: string | null): Promise<Outcome<ContextReport>> {
    return this.#serve(scope, async () => contexts.report(this.#store, await this.#load(conversation_id), conversation_id))
  }

  compact(scope: Scope, conversation_id: string | null, settings: CompactionSettings | null): Promise<Outcome<CompactionResult>> {
    return this.#serve(scope, () => this.#compactor.compact({ agent_id: this.#agentId, user_id: scope.user_id }, conversation_id, settings))
  }

  preview(scope: Scope, submission: Submission): Promise<Outcome<{ handle: string; request: ModelRequest }>> {
    return settle(async () => {
      await this.#enter(scope)
      const config = await this.#load(submission.conversation_id)
      const handle = submission.request.override_model ?? config.model
      return { handle, request: preview(this.#store, config, await this.#model(handle), scope.user_id, submission) }
    })
  }

  capture(scope: Scope, said: CapturedMessage[]): Promise<Outcome<number>> {
    return this.#serve(scope, async () => contexts.capture(this.#store, await this.#load(null), scope.user_id, said))
  }

  runTool(scope: Scope, { name, args, key }: Parameters<AgentRpc['runTool']>[1]): Promise<Outcome<DirectResult>> {
    return this.#serve(scope, async () => {
      const config = await this.#load(null)
      const of = { config, user_id: scope.user_id, run_id: null, conversation_id: null, key }
      return runDirectly(name, args, { ...of, services: this.#services, now: this.#store.now() })
    })
  }

  closeConversation(scope: Scope, conversation_id: string): Promise<Outcome<null>> {
    return this.#serve(scope, () => {
      for (const run of runs.inProgress(this.#store, this.#agentId, contextKey(conversation_id))) this.#executor.cancel(run.id)
      withdrawRuns(this.#store, this.#agentId, contextKey(conversation_id), 'The conversation was deleted.')
      contexts.close(this.#store, conversation_id)
      return null
    })
  }

  deleteRun(scope: Scope, run_id: string): Promise<Outcome<null>> {
    return this.#serve(scope, () => {
      if (this.#run(run_id).completed_at === null) throw new AppError('conflict', `Run '${run_id}' is in progress. Cancel it first.`)
      if (approvals.isOpen(this.#store, run_id))
        throw new AppError('conflict', `Run '${run_id}' made calls that wait. Answer them or cancel the run first.`)
      this.#store.transaction(() => runs.forget(this.#store, run_id))
      return null
    })
  }

  destroy(scope: Scope): Promise<Outcome<null>> {
    return settle(async () => {
      if (this.#organization_id === null) return null
      if (this.#organization_id !== scope.organization_id) throw notFound('Agent', this.#agentId)
      for (const run of runs.inProgress(this.#store, this.#agentId)) this.#executor.cancel(run.id)
      await this.#flusher.settle()
      if (!this.#flusher.strike()) return null
      await this.ctx.storage.deleteAlarm()
      await this.ctx.storage.deleteAll()
      this.#organization_id = null
      this.#armedFor = Number.POSITIVE_INFINITY
      return null
    })
  }

  override async alarm(): Promise<void> {
    this.#armedFor = Number.POSITIVE_INFINITY
    if (!isBorn(this.ctx.storage)) return
    try {
      await Promise.all(schedule.due(this.#store, rowsPerAlarm).map((due) => this.#attend(due)))
    } finally {
      this.#arm()
    }
  }

  /** Serves one due row; a failure is its own and puts only that row off. */
  async #attend(due: Due): Promise<void> {
    try {
      if (due.kind === 'flush') await this.#flush()
      else if (due.kind === 'fold') this.#fold(due.ref)
      else await this.#lookAfter(due)
    } catch (error) {
      log('error', { msg: 'alarm', kind: due.kind, agent_id: this.#agentId, error: messageOf(error) })
      schedule.again(this.#store, due, this.#store.now() + 30_000)
    }
  }

  async #flush(): Promise<void> {
    await this.#flusher.settle()
    if (this.#flusher.strike()) schedule.clear(this.#store, 'flush', '')
  }

  #fold(run_id: string): void {
    this.#store.transaction(() => {
      events.replace(
        this.#store,
        run_id,
        condensed(events.after(this.#store, run_id, 0, Number.MAX_SAFE_INTEGER).map(({ event }) => event)),
      )
      schedule.clear(this.#store, 'fold', run_id)
    })
  }

  /** Takes up a run that nobody works on, and stays with it for a while: an alarm keeps the object alive. */
  async #lookAfter(due: Due): Promise<void> {
    if (!runs.isInProgress(this.#store, due.ref)) return schedule.clear(this.#store, 'run', due.ref)
    const run = this.#run(due.ref)
    schedule.set(this.#store, 'run', run.id, this.#store.now() + watchdogMs)
    void this.#executor.ensure(run.conversation_id)
    const until = this.#store.now() + alarmSliceMs
    while (runs.isInProgress(this.#store, run.id) && this.#store.now() < until)
      await this.#readers.changed(run.id, until - this.#store.now())
    if (!runs.isInProgress(this.#store, run.id) || this.#executor.isPutOff(run.id)) return
    schedule.set(this.#store, 'run', run.id, this.#store.now() + (run.request.background ? 0 : watchdogMs))
  }
}
