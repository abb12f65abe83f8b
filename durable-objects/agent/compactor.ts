import { AppError } from '../../src/lib/errors'
import { clipSummary, messageTokens, packSummary, planCompaction, summaryRequest } from '../../src/runtime/compaction'
import { CompactionSettings, compactionOf } from '../../src/runtime/compaction-schema'
import { completeText } from '../../src/runtime/complete'
import type { TurnPorts } from '../../src/runtime/ports'
import { estimateTokens } from '../../src/runtime/request'
import type { CompactionResult } from '../../src/runtime/rpc'
import type { AgentConfig, Message } from '../../src/runtime/types'
import { refuseWhileRunning } from './contexts'
import { refreshSystem } from './journal'
import { contextKey, messages } from './messages'
import type { Store } from './store'

/** What the compactor needs of the object around it. */
export interface CompactorHost {
  store: Store
  load(conversation_id: string | null): Promise<AgentConfig>
  model: TurnPorts['model']
}

/** Whose context is compacted, and on whose behalf. */
interface Caller {
  agent_id: string
  user_id: string
}

/**
 * Compacts contexts when asked to. Not while a turn is running; a turn that begins while the summary is being written is not held up, and
 * what it adds stays. Nothing is stored before the one transaction that puts the summary in the place of what it summarizes.
 */
export class Compactor {
  readonly #host: CompactorHost
  /** A request that is sent again, because its client lost patience, waits for the same summary. */
  readonly #running = new Map<string, Promise<CompactionResult>>()

  constructor(host: CompactorHost) {
    this.#host = host
  }

  compact(by: Caller, conversation_id: string | null, settings: CompactionSettings | null): Promise<CompactionResult> {
    const key = JSON.stringify([contextKey(conversation_id), settings])
    const running = this.#running.get(key)
    if (running) return running
    const work = this.#compact(by, conversation_id, settings).finally(() => this.#running.delete(key))
    this.#running.set(key, work)
    return work
  }

  async #compact(by: Caller, conversation_id: string | null, settings: CompactionSettings | null): Promise<CompactionResult> {
    const { store, load, model } = this.#host
    const config = await load(conversation_id)
    const compaction = compactionOf(ownSettings(config), settings)
    refuseWhileRunning(store, by.agent_id, conversation_id)
    const plan = planCompaction(messages.tail(store, conversation_id, Number.POSITIVE_INFINITY), compaction, config.context_window)
    if (!plan)
      throw new AppError(
        'bad_request',
        'There is nothing to compact: summarization would not reduce the number of messages in the context. Send some messages first.',
      )
    const summarizer = await model(compaction.model ?? config.model)
    const own = compaction.model === null ? config.model_settings : null
    const request = summaryRequest(plan.evicted, compaction, summarizer.context_window, compaction.model_settings ?? own ?? {})
    const { text } = await completeText(summarizer, request, new AbortController().signal)
    const summary = clipSummary(text, compaction.clip_chars)
    // Blocks may have moved while the model wrote.
    const now = await load(conversation_id)
    return store.transaction(() => replace(store, now, { ...by, conversation_id }, plan.evicted, summary))
  }
}

function ownSettings({ compaction_settings }: AgentConfig): CompactionSettings | null {
  const parsed = CompactionSettings.nullable().safeParse(compaction_settings)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AppError('bad_request', `The agent's compaction_settings.${issue?.path.join('.')}: ${issue?.message}. Change the agent.`)
}

/** Puts a summary in the place of the messages that it summarizes, after a fresh system message. */
function replace(
  store: Store,
  config: AgentConfig,
  { conversation_id, user_id }: { conversation_id: string | null; user_id: string },
  evicted: Message[],
  summary: string,
): CompactionResult {
  const before = messages.contextIds(store, conversation_id)
  const system = messages.system(store, conversation_id)
  const from = system ? 1 : 0
  const moved = evicted.some((message, i) => before[from + i] !== message.id)
  if (moved) throw new AppError('conflict', 'CONFLICT: The context was changed while it was being summarized. Nothing was done; try again.')
  const rest = before.slice(from + evicted.length)
  const kept = rest.flatMap((id) => messages.get(store, id) ?? [])
  const systemTokens = system ? messageTokens([system]) : 0
  const stats = {
    trigger: 'manual',
    context_tokens_before: systemTokens + messageTokens(evicted) + messageTokens(kept),
    context_tokens_after: systemTokens + estimateTokens(summary) + messageTokens(kept),
    context_window: config.context_window,
    messages_count_before: before.length,
    messages_count_after: from + 1 + rest.length,
  }
  const text = packSummary(summary, evicted.length, store.now(), config.timezone, stats)
  const [message] = messages.append(store, { id: config.id }, conversation_id, [
    { role: 'summary', content: [{ type: 'text', text }], created_by_id: user_id },
  ])
  messages.setContext(store, conversation_id, [...before.slice(0, from), ...(message ? [message.id] : []), ...rest])
  refreshSystem(store, config.id, conversation_id, config, { force: true, user_id })
  return { summary, num_messages_before: before.length, num_messages_after: stats.messages_count_after }
}
