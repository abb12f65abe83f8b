import { AppError } from '../../src/lib/errors'
import { stillWaiting } from '../../src/runtime/approvals'
import type { HistoryPart, ImportedMessage } from '../../src/runtime/rpc'
import type { AgentConfig, Message } from '../../src/runtime/types'
import { approvals } from './approvals'
import { refuseWhileRunning } from './contexts'
import { refreshSystem } from './journal'
import { contextKey, messages } from './messages'
import { outbox } from './outbox'
import { one, type Store } from './store'

/** Bytes of messages that one row of the outbox brings to D1. */
const rowBytes = 250_000
/** Messages in one context: its ids are one value in D1. */
export const maxContext = 20_000

const utf8 = new TextEncoder()

/** The messages in groups of at most `rowBytes`, but at least one message each. */
function groups(stored: Message[]): Message[][] {
  const found: Message[][] = []
  let left = 0
  for (const message of stored) {
    const size = utf8.encode(JSON.stringify(message)).length
    if (size > left) {
      found.push([])
      left = rowBytes
    }
    found.at(-1)?.push(message)
    left -= size
  }
  return found
}

/** Stores messages that are not known yet at the end of the history, in the given order, and owes them to D1. */
function keep(store: Store, agent_id: string, conversation_id: string | null, imported: ImportedMessage[], user_id: string): Message[] {
  let seq = Number(one(store, 'select coalesce(max(seq), 0) as seq from messages')?.seq ?? 0)
  const stored = imported.flatMap((draft): Message[] => {
    if (one(store, 'select 1 from messages where id = ?1', draft.id)) return []
    const none = { otid: null, sender_id: null, step_id: null, run_id: null, is_err: null, created_by_id: user_id }
    const message: Message = { ...none, ...draft, agent_id, conversation_id, sequence_id: ++seq }
    store.all(
      'insert into messages (seq, id, conversation, body) values (?1, ?2, ?3, ?4)',
      seq,
      message.id,
      contextKey(conversation_id),
      JSON.stringify(message),
    )
    return [message]
  })
  for (const rows of groups(stored)) {
    outbox.add(store, 'messages', { rows })
    // A conversation lists what was ever linked to it; the context itself is set at the end.
    if (conversation_id !== null) {
      const at = Date.parse(rows.at(-1)?.created_at ?? '')
      outbox.add(store, 'context_append', { conversation_id, first: rows[0]?.sequence_id ?? 0, ids: rows.map((row) => row.id), at })
    }
  }
  return stored
}

/** The context that an import asks for, a system message first. */
function contextOf(store: Store, conversation_id: string | null, part: HistoryPart): string[] {
  const before = messages.contextIds(store, conversation_id)
  if (part.context === 'append') return [...new Set([...before, ...part.messages.map((message) => message.id)])]
  const asked = [...new Set(part.context ?? [])]
  const missing = asked.find((id) => !messages.get(store, id))
  if (missing !== undefined) throw new AppError('invalid', `in_context_message_ids: '${missing}' is not a message of this agent`)
  const [first] = asked
  const system = messages.system(store, conversation_id)?.id
  const led = first !== undefined && messages.get(store, first)?.role === 'system'
  return led || system === undefined ? asked : [system, ...asked.filter((id) => id !== system)]
}

/**
 * Takes over messages that were said elsewhere: one transaction. Sequence ids go on without a gap; a message whose id is known is left
 * out, so that a repeat changes nothing. With a context, the system message is compiled anew.
 */
export function importHistory(store: Store, config: AgentConfig, conversation_id: string | null, part: HistoryPart, user_id: string): void {
  store.transaction(() => {
    refuseWhileRunning(store, config.id, conversation_id)
    const [waiting] = approvals.pending(store, contextKey(conversation_id))
    if (waiting) throw stillWaiting(waiting.message_id)
    // Every context begins with a system message: that of the import when it brings one, else one of its own, before the rest.
    const [first] = Array.isArray(part.context) ? part.context : []
    const brings = part.messages.some((message) => message.id === first && message.role === 'system')
    const has = first !== undefined && messages.get(store, first)?.role === 'system'
    if (part.context !== null && !brings && !has && !messages.system(store, conversation_id))
      refreshSystem(store, config.id, conversation_id, config, { user_id })
    keep(store, config.id, conversation_id, part.messages, user_id)
    if (part.context === null) return
    const ids = contextOf(store, conversation_id, part)
    if (ids.length > maxContext)
      throw new AppError('invalid', `in_context_message_ids: a context holds at most ${maxContext} messages; these are ${ids.length}`)
    messages.setContext(store, conversation_id, ids)
    refreshSystem(store, config.id, conversation_id, config, { force: true, user_id })
  })
}
