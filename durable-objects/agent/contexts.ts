import { AppError, notFound } from '../../src/lib/errors'
import type { CapturedMessage } from '../../src/runtime/capture'
import { compileSections, compileSystem } from '../../src/runtime/prompt'
import type { ContextReport } from '../../src/runtime/rpc'
import type { AgentConfig, InputMessage, Message } from '../../src/runtime/types'
import { approvals } from './approvals'
import { withdrawRuns } from './cancel'
import { refreshSystem } from './journal'
import { contextKey, messages } from './messages'
import { runs } from './runs'
import type { Store } from './store'
import { promptInput } from './system'

/** Messages that begin a context. An otid names a request's message for good, and they are no request. */
const beginning = (initial: InputMessage[], user_id: string) =>
  initial.map((message) => ({ ...message, otid: null, created_by_id: user_id }))

/** A context is not replaced under a turn that writes to it. */
export function refuseWhileRunning(store: Store, agent_id: string, conversation_id: string | null): void {
  const [run] = runs.inProgress(store, agent_id, contextKey(conversation_id))
  if (!run) return
  const detail = `CONFLICT: Another request (run_id=${run.id}) is currently being processed for this conversation. Please wait for it to complete.`
  throw new AppError('conflict', detail, { run_id: run.id })
}

const summaryOf = (message: Message | null): string | null => {
  const [part] = message?.content ?? []
  return part?.type === 'text' ? part.text : null
}

/** What is done to a context as a whole: each one transaction over the agent's store. */
export const contexts = {
  /** Gives a context its system message, followed by `initial`, unless it has one. */
  open(store: Store, config: AgentConfig, conversation_id: string | null, initial: InputMessage[], user_id: string): void {
    store.transaction(() => {
      if (messages.system(store, conversation_id)) return
      refreshSystem(store, config.id, conversation_id, config, { user_id })
      messages.append(store, { id: config.id }, conversation_id, beginning(initial, user_id))
    })
  },

  /** Cuts the agent's own context back to a fresh system message, followed by `initial`. */
  reset(store: Store, config: AgentConfig, initial: InputMessage[], user_id: string): void {
    store.transaction(() => {
      refuseWhileRunning(store, config.id, null)
      withdrawRuns(store, config.id, contextKey(null), 'The messages of the agent were reset.')
      refreshSystem(store, config.id, null, config, { force: true, user_id })
      const system = messages.system(store, null)
      messages.setContext(store, null, system ? [system.id] : [])
      messages.append(store, { id: config.id }, null, beginning(initial, user_id))
    })
  },

  /**
   * Replaces the agent's own context. Throws 422 unless the ids are messages of the agent, a system message first. Calls that wait go on
   * waiting when their request stays at the end.
   */
  replace(store: Store, agent_id: string, ids: string[]): void {
    store.transaction(() => {
      refuseWhileRunning(store, agent_id, null)
      const found = ids.map((id) => messages.get(store, id))
      const missing = found.indexOf(null)
      if (missing >= 0) throw new AppError('invalid', `message_ids: '${ids[missing]}' is not a message of this agent`)
      if (found[0]?.role !== 'system') throw new AppError('invalid', 'message_ids: the first must be a system message of this agent')
      const last = found.at(-1)
      const [waiting] = approvals.pending(store, contextKey(null))
      if (last?.id !== waiting?.message_id && last?.role === 'approval' && last.tool_calls.length > 0)
        throw new AppError('invalid', 'message_ids: the last must not be an approval request, unless it is the one that waits')
      if (last?.id !== waiting?.message_id) withdrawRuns(store, agent_id, contextKey(null), 'The messages of the agent were replaced.')
      messages.setContext(store, null, [...new Set(ids)])
    })
  },

  /** Takes the messages of a group out of every context. */
  dropGroup(store: Store, agent_id: string, group_id: string): void {
    store.transaction(() => {
      const ofGroup = "select id from messages where body ->> '$.group_id' = ?1"
      for (const { conversation } of store.all(`select distinct conversation from context where message_id in (${ofGroup})`, group_id)) {
        const conversation_id = (conversation as string) || null
        refuseWhileRunning(store, agent_id, conversation_id)
        const dropped = new Set(store.all(ofGroup, group_id).map((row) => row.id))
        const kept = messages.contextIds(store, conversation_id).filter((id) => !dropped.has(id))
        messages.setContext(store, conversation_id, kept)
      }
    })
  },

  /**
   * Gives the new conversation `to` the messages of `from`, up to `message_id` when given, after a system message of its own. A response
   * whose calls wait stays behind.
   */
  fork(store: Store, config: AgentConfig, from: string | null, to: string, message_id: string | null, user_id: string): void {
    const system = messages.system(store, from)
    const [waiting] = approvals.pending(store, contextKey(from))
    const asksNow = (id: string) => waiting !== undefined && messages.get(store, id)?.step_id === waiting.step_id
    const ids = messages.contextIds(store, from).filter((id) => id !== system?.id && !asksNow(id))
    const end = message_id === null ? ids.length : ids.indexOf(message_id) + 1
    if (message_id !== null && end === 0) throw notFound('Message', message_id)
    store.transaction(() => {
      if (messages.system(store, to)) return
      refreshSystem(store, config.id, to, config, { user_id })
      messages.setContext(store, to, [...messages.contextIds(store, to), ...ids.slice(0, end)])
    })
  },

  /** The text of the system message, compiled now, and stored unless `dry_run`. */
  recompile(store: Store, config: AgentConfig, conversation_id: string | null, dry_run: boolean): string {
    if (dry_run) return compileSystem(promptInput(store, conversation_id, config))
    return store.transaction(() => refreshSystem(store, config.id, conversation_id, config, { force: true }))
  },

  report(store: Store, config: AgentConfig, conversation_id: string | null): ContextReport {
    return {
      ...compileSections(promptInput(store, conversation_id, config)),
      context_window: config.context_window,
      summary: summaryOf(messages.summary(store, conversation_id)),
      functions: config.tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
      message_ids: messages.contextIds(store, conversation_id),
      num_archival_memory: config.archival_memories,
      num_recall_memory: messages.recallCount(store, conversation_id),
    }
  },

  /** Adds what was said elsewhere to the agent's own context. Answers how many messages. */
  capture(store: Store, config: AgentConfig, user_id: string, said: CapturedMessage[]): number {
    return store.transaction(() => {
      refuseWhileRunning(store, config.id, null)
      if (!messages.system(store, null)) refreshSystem(store, config.id, null, config, { user_id })
      const drafts = said.map((message) => ({ ...message, created_by_id: user_id }))
      return messages.append(store, { id: config.id }, null, drafts).length
    })
  },

  /** Forgets a context; its messages stay in the history. */
  close(store: Store, conversation_id: string): void {
    store.transaction(() => {
      store.all('delete from context where conversation = ?1', contextKey(conversation_id))
      store.all('delete from conversations where id = ?1', contextKey(conversation_id))
    })
  },
}
