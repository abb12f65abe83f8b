import { newId } from '../../src/lib/id'
import { iso } from '../../src/lib/time'
import type { ContentPart, Message, Role } from '../../src/runtime/types'
import { outbox } from './outbox'
import { one, type Store } from './store'

/** The name of a context inside the object: '' is the agent's own. */
export const contextKey = (conversation_id: string | null): string => conversation_id ?? ''

export type NewMessage = { role: Role; content: ContentPart[] } & Partial<Omit<Message, 'role' | 'content' | 'sequence_id' | 'agent_id'>>

const parse = (row: Record<string, unknown>) => JSON.parse(row.body as string) as Message

/** The message at a place in a context, counted from 0. */
function nth(store: Store, conversation_id: string | null, n: 0 | 1): Message | null {
  const query = `select m.body from context c join messages m on m.id = c.message_id where c.conversation = ?1 order by c.position limit 1 offset ${n}`
  const row = one(store, query, contextKey(conversation_id))
  return row && parse(row)
}

/** The order of an agent's messages: sequence ids are dense from 1, given out here and nowhere else. */
export const messages = {
  /** Stores messages in the given order, puts them at the end of the context, and owes them to D1. */
  append(store: Store, agent: { id: string }, conversation_id: string | null, drafts: NewMessage[]): Message[] {
    const key = contextKey(conversation_id)
    let seq = Number(one(store, 'select coalesce(max(seq), 0) as seq from messages')?.seq ?? 0)
    let position = Number(one(store, 'select coalesce(max(position), -1) as at from context where conversation = ?1', key)?.at ?? -1)
    const first = position + 1
    const stored = drafts.map((draft): Message => {
      const message: Message = {
        tool_calls: [],
        tool_returns: [],
        approvals: [],
        model: null,
        name: null,
        otid: null,
        sender_id: null,
        group_id: null,
        step_id: null,
        run_id: null,
        is_err: null,
        created_at: iso(store.now()),
        created_by_id: null,
        ...draft,
        id: draft.id ?? newId('message'),
        agent_id: agent.id,
        conversation_id,
        sequence_id: ++seq,
      }
      store.all(
        'insert into messages (seq, id, conversation, run_id, body) values (?1, ?2, ?3, ?4, ?5)',
        seq,
        message.id,
        key,
        message.run_id,
        JSON.stringify(message),
      )
      store.all('insert into context (conversation, position, message_id) values (?1, ?2, ?3)', key, ++position, message.id)
      return message
    })
    outbox.add(store, 'messages', { rows: stored })
    outbox.add(store, 'context_append', { conversation_id, first, ids: stored.map((m) => m.id), at: store.now() })
    return stored
  },

  /** Rewrites a message in place. Only a system message is ever rewritten. */
  rewrite(store: Store, message: Message): void {
    store.all('update messages set body = ?2 where id = ?1', message.id, JSON.stringify(message))
    outbox.add(store, 'messages', { rows: [message] })
  },

  get(store: Store, id: string): Message | null {
    const row = one(store, 'select body from messages where id = ?1', id)
    return row && parse(row)
  },

  /**
   * The newest messages of a context that hold at most `bytes` of stored text, oldest first, without its system message. A summary that
   * begins the context is always among them.
   */
  tail(store: Store, conversation_id: string | null, bytes: number): Message[] {
    const key = contextKey(conversation_id)
    const summary = messages.summary(store, conversation_id)
    const found: Message[] = []
    let left = bytes - (summary ? JSON.stringify(summary).length : 0)
    let before = Number.MAX_SAFE_INTEGER
    for (;;) {
      const rows = store.all(
        'select c.position, m.body from context c join messages m on m.id = c.message_id where c.conversation = ?1 and c.position < ?2 order by c.position desc limit 100',
        key,
        before,
      )
      for (const row of rows) {
        before = row.position as number
        const message = parse(row)
        if (message.id !== summary?.id) left -= (row.body as string).length
        if (left < 0 && found.length > 0) return summary ? [summary, ...found.reverse()] : found.reverse()
        found.push(message)
      }
      if (rows.length < 100) break
    }
    if (found.at(-1)?.role === 'system') found.pop()
    return found.reverse()
  },

  contextIds(store: Store, conversation_id: string | null): string[] {
    return store
      .all('select message_id from context where conversation = ?1 order by position', contextKey(conversation_id))
      .map((row) => row.message_id as string)
  },

  /** The first message of a context, when it is a system message. */
  system(store: Store, conversation_id: string | null): Message | null {
    const message = nth(store, conversation_id, 0)
    return message?.role === 'system' ? message : null
  },

  /** The summary of earlier messages that a compacted context has after its system message. */
  summary(store: Store, conversation_id: string | null): Message | null {
    const message = nth(store, conversation_id, 1)
    return message?.role === 'summary' ? message : null
  },

  /** Replaces a context by these messages, which must be the agent's. */
  setContext(store: Store, conversation_id: string | null, ids: string[]): void {
    const key = contextKey(conversation_id)
    store.all('delete from context where conversation = ?1', key)
    for (const [position, id] of ids.entries())
      store.all('insert into context (conversation, position, message_id) values (?1, ?2, ?3)', key, position, id)
    outbox.add(store, 'context_set', { conversation_id, ids })
  },

  /** The messages of a run, and of the runs whose waiting calls it answered. */
  ofTurn(store: Store, run_id: string): Message[] {
    const turn = 'select ?1 as id union select a.run_id from turn join approvals a on a.answered_by = turn.id'
    const query = `with recursive turn (id) as (${turn}) select body from messages where run_id in (select id from turn) order by seq`
    return store.all(query, run_id).map(parse)
  },

  /** Messages of the agent that are in no part of this context: what "recall memory" means in the prompt. */
  recallCount(store: Store, conversation_id: string | null): number {
    const total = Number(one(store, 'select count(*) as n from messages')?.n ?? 0)
    const inContext = Number(one(store, 'select count(*) as n from context where conversation = ?1', contextKey(conversation_id))?.n ?? 0)
    return Math.max(0, total - inContext)
  },
}
