import { responseMessages } from '../../src/runtime/approvals'
import { stepEvents } from '../../src/runtime/emit'
import type { RunError } from '../../src/runtime/events'
import { interruptedReturn } from '../../src/runtime/packaging'
import { type Journal, type JournalledCall, type OpenStep, RunEnded, type StepEnd, type TurnRun } from '../../src/runtime/ports'
import { compileSystem } from '../../src/runtime/prompt'
import { type AgentConfig, addUsage, type Folder, type StopReason, type ToolReturn, type Usage } from '../../src/runtime/types'
import { approvals } from './approvals'
import { events } from './events'
import { contextKey, messages, type NewMessage } from './messages'
import { pauseRun } from './pause'
import { type Run, runs } from './runs'
import { schedule } from './schedule'
import { steps } from './steps'
import { one, type Store } from './store'
import { promptInput } from './system'

/** What the system message was compiled from, as a string that differs when anything it shows does. */
const fingerprint = (config: AgentConfig): string =>
  JSON.stringify([
    config.system,
    config.agent_type,
    config.model,
    config.timezone,
    config.tool_rules,
    config.blocks.map((b) => [b.id, b.version, b.label, b.read_only]),
    ...(config.folders.length > 0 ? [config.file_limits, config.folders.map(({ files, ...folder }) => [folder, files.map(printOf)])] : []),
    ...(config.archival_memories > 0 ? [config.archival_memories] : []),
  ])

/** A file of a folder, without its content. */
const printOf = (file: Folder['files'][number]) => [file.name, file.is_open, file.version, file.visible_content?.length]

/** The journal of an agent's turns over its store. `payload` builds what a webhook of an ended run carries. */
export function journalOf(store: Store, agent_id: string, payload: (run: Run) => string): Journal {
  const guarded = <T>(run_id: string, work: () => T): T =>
    store.transaction(() => {
      if (!runs.isInProgress(store, run_id)) throw new RunEnded()
      return work()
    })

  const count = (run_id: string, usage: Usage, tools: string[]) => {
    const run = runs.get(store, agent_id, run_id)
    runs.countStep(store, run, addUsage(run.usage, usage), usage.total_tokens || null, tools)
  }

  const endStep = ({ id, run_id, resumed }: OpenStep, { stop }: StepEnd) => {
    if (resumed) approvals.settle(store, runs.get(store, agent_id, run_id), id)
    else steps.end(store, id, 'success', stop)
    if (stop) runs.end(store, agent_id, run_id, stop, null, payload)
  }

  /** Stores a message of the run and logs it, unless its deltas were logged as they came. */
  const append = (run_id: string, step_id: string, draft: NewMessage): void => {
    const { conversation_id, request, user_id } = runs.get(store, agent_id, run_id)
    const group_id = [request.approval, ...request.input].find((each) => each?.group_id)?.group_id ?? null
    const row = { ...draft, run_id, step_id, group_id, created_by_id: user_id }
    const [message] = messages.append(store, { id: agent_id }, conversation_id, [row])
    const streamed = request.stream_tokens && (draft.role === 'assistant' || draft.role === 'approval')
    if (!message || streamed || draft.role === 'user') return
    runs.firstToken(store, run_id)
    events.append(store, run_id, stepEvents(message))
  }

  return {
    openStep: (run_id) => approvals.openStep(store, run_id),
    startStep: (run, model, tags) =>
      guarded(run.id, () => {
        if (run.step_count > 0) schedule.progressed(store, 'run', run.id)
        return steps.start(store, run.id, model, tags)
      }),
    startResponse: (step, message_id) => guarded(step.run_id, () => steps.startResponse(store, step.id, message_id)),

    emit: (run_id, added) =>
      guarded(run_id, () => {
        runs.firstToken(store, run_id)
        events.append(store, run_id, added)
      }),

    respond: (step, response) =>
      guarded(step.run_id, () => {
        const { calls, usage } = response
        const stored = responseMessages(response)
        for (const message of stored) append(step.run_id, step.id, { ...message, model: modelOf(store, step.id) })
        steps.respond(store, step.id, stored[0]?.id ?? null, usage, calls)
        schedule.progressed(store, 'run', step.run_id)
        count(
          step.run_id,
          usage,
          calls.map((call) => call.name),
        )
        return steps.open(store, step.run_id) ?? step
      }),

    startCall: (step, n) => guarded(step.run_id, () => steps.startCall(store, step.id, n)),
    finishCall: (step, n, result) =>
      guarded(step.run_id, () => {
        steps.finishCall(store, step.id, n, result)
        schedule.progressed(store, 'run', step.run_id)
      }),

    finishWithResponse: (step, { message_id, content, usage }, nudge, end) =>
      guarded(step.run_id, () => {
        if (content.length > 0) append(step.run_id, step.id, { id: message_id, role: 'assistant', content, model: modelOf(store, step.id) })
        if (nudge) append(step.run_id, step.id, { role: 'user', content: [{ type: 'text', text: nudge }] })
        steps.respond(store, step.id, null, usage, [])
        count(step.run_id, usage, [])
        endStep(step, end)
      }),

    finishWithReturns: (step, returns, end) =>
      guarded(step.run_id, () => {
        const single = returns.length === 1 ? returns[0] : undefined
        append(step.run_id, step.id, { role: 'tool', content: [], tool_returns: returns, name: single?.name ?? null })
        endStep(step, end)
      }),

    pause: (step) => guarded(step.run_id, () => pauseRun(store, agent_id, step, payload)),

    fail: (run_id, step, stop: StopReason, error: RunError) =>
      guarded(run_id, () => {
        const run = runs.get(store, agent_id, run_id)
        if (run.status === 'created') approvals.begin(store, run)
        const open = approvals.openStep(store, run_id)
        // A failure ends the calls of a stored response too: each has a result, for the next turn to read.
        if (open?.response && open.calls.length > 0)
          append(run_id, open.id, { role: 'tool', content: [], tool_returns: open.calls.map((call) => call.result ?? resultless(call)) })
        if (open?.resumed) approvals.settle(store, run, open.id)
        else if (step)
          steps.end(store, step.id, 'failed', stop, { type: error.type, data: { message: error.message, detail: error.detail } })
        runs.end(store, agent_id, run_id, stop, error, payload)
      }),

    history: (conversation_id, bytes) => messages.tail(store, conversation_id, bytes),
    ofRun: (run_id) => messages.ofTurn(store, run_id),
    system: (run: TurnRun, config: AgentConfig) =>
      store.transaction(() =>
        refreshSystem(store, agent_id, run.conversation_id, config, { user_id: runs.get(store, agent_id, run.id).user_id }),
      ),
  }
}

/** What stands for the result of a call that has none when its run fails. */
const resultless = ({ call, state }: JournalledCall): ToolReturn =>
  state === 'started'
    ? interruptedReturn(call)
    : { ...interruptedReturn(call), content: 'The call was not carried out: the run failed before it was its turn.' }

const modelOf = (store: Store, step_id: string) =>
  (one(store, "select body ->> '$.model_handle' as handle from steps where id = ?1", step_id)?.handle as string | null) ?? null

/** The context's system message, made when there is none and rewritten in place when what it shows has moved or `force` is set. Returns its text. */
export function refreshSystem(
  store: Store,
  agent_id: string,
  conversation_id: string | null,
  config: AgentConfig,
  { force = false, user_id = null }: { force?: boolean; user_id?: string | null } = {},
): string {
  const key = contextKey(conversation_id)
  const print = fingerprint(config)
  const known = one(store, 'select fingerprint from conversations where id = ?1', key)?.fingerprint
  const stored = messages.system(store, conversation_id)
  const [part] = stored?.content ?? []
  if (stored && known === print && !force && part?.type === 'text') return part.text
  const text = compileSystem(promptInput(store, conversation_id, config))
  const content = [{ type: 'text' as const, text }]
  if (stored) messages.rewrite(store, { ...stored, content })
  else messages.append(store, { id: agent_id }, conversation_id, [{ role: 'system', content, created_by_id: user_id }])
  store.all(
    'insert into conversations (id, fingerprint) values (?1, ?2) on conflict (id) do update set fingerprint = excluded.fingerprint',
    key,
    print,
  )
  return text
}
