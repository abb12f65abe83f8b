import type { Millis } from '../../src/lib/time'
import { one, type Store } from './store'

/** What may fall due: a run to take up or look after, an outbox to flush, a finished event log to fold. */
export type DueKind = 'run' | 'flush' | 'fold'

export interface Due {
  kind: DueKind
  ref: string
  due_at: Millis
  attempts: number
}

/** One schedule per object: `(kind, ref)` → when, and how often it was tried. The alarm is set to the earliest. */
export const schedule = {
  set(store: Store, kind: DueKind, ref: string, due_at: Millis): void {
    store.all(
      'insert into schedule (kind, ref, due_at) values (?1, ?2, ?3) on conflict (kind, ref) do update set due_at = excluded.due_at',
      kind,
      ref,
      due_at,
    )
  },
  /** Adds a row unless it is there; a row that is due earlier stays so. */
  ensure(store: Store, kind: DueKind, ref: string, due_at: Millis): void {
    store.all('insert or ignore into schedule (kind, ref, due_at) values (?1, ?2, ?3)', kind, ref, due_at)
  },
  /** Puts a row off after a try that did not finish it. */
  again(store: Store, { kind, ref }: Pick<Due, 'kind' | 'ref'>, due_at: Millis): void {
    store.all('update schedule set due_at = ?3, attempts = attempts + 1 where kind = ?1 and ref = ?2', kind, ref, due_at)
  },
  attempts(store: Store, { kind, ref }: Pick<Due, 'kind' | 'ref'>): number {
    return Number(one(store, 'select attempts from schedule where kind = ?1 and ref = ?2', kind, ref)?.attempts ?? 0)
  },
  /** Forgets earlier tries: something came of the last one. */
  progressed(store: Store, kind: DueKind, ref: string): void {
    store.all('update schedule set attempts = 0 where kind = ?1 and ref = ?2', kind, ref)
  },
  clear(store: Store, kind: DueKind, ref: string): void {
    store.all('delete from schedule where kind = ?1 and ref = ?2', kind, ref)
  },
  due(store: Store, limit: number): Due[] {
    return store.all(
      'select kind, ref, due_at, attempts from schedule where due_at <= ?1 order by due_at limit ?2',
      store.now(),
      limit,
    ) as unknown as Due[]
  },
  next(store: Store): Millis | null {
    return (one(store, 'select min(due_at) as at from schedule')?.at as number | null) ?? null
  },
}
