import type { RunEvent } from '../../src/runtime/events'
import { one, type Store } from './store'

/** The event log of a run: dense sequence numbers from 1, written in the transaction that makes the event true. */
export const events = {
  append(store: Store, run_id: string, added: RunEvent[]): void {
    let seq = Number(one(store, 'select next_seq from runs where id = ?1', run_id)?.next_seq ?? 1)
    for (const event of added)
      store.all('insert into events (run_id, seq, event) values (?1, ?2, ?3)', run_id, seq++, JSON.stringify(event))
    store.all('update runs set next_seq = ?2 where id = ?1', run_id, seq)
  },
  after(store: Store, run_id: string, seq: number, limit = 200): { seq: number; event: RunEvent }[] {
    return store
      .all('select seq, event from events where run_id = ?1 and seq > ?2 order by seq limit ?3', run_id, seq, limit)
      .map((row) => ({ seq: row.seq as number, event: JSON.parse(row.event as string) as RunEvent }))
  },
  /** Replaces a finished run's log by a shorter one that says the same. */
  replace(store: Store, run_id: string, folded: RunEvent[]): void {
    store.all('delete from events where run_id = ?1', run_id)
    store.all('update runs set next_seq = 1 where id = ?1', run_id)
    events.append(store, run_id, folded)
  },
}
