import { newId } from '../../src/lib/id'
import { sseDone, sseFrame } from '../../src/lib/sse'
import { iso } from '../../src/lib/time'
import type { RunEvent } from '../../src/runtime/events'
import { events } from './events'
import type { Run } from './runs'
import { runs } from './runs'
import type { Store } from './store'

/** How long a stream may be silent before it says that it is alive. */
const pingEveryMs = 20_000

/** Who waits for a run to go on. A reader that vanishes leaves nothing behind. */
export class Readers {
  readonly #waiting = new Map<string, Set<() => void>>()

  wake(run_id: string): void {
    const waiting = this.#waiting.get(run_id)
    this.#waiting.delete(run_id)
    for (const wake of waiting ?? []) wake()
  }

  /** Resolves true when the run has gone on, false after `ms`. */
  changed(run_id: string, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(run_id) ?? new Set()
      this.#waiting.set(run_id, waiting)
      const wake = () => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        waiting.delete(wake)
        resolve(false)
      }, ms)
      waiting.add(wake)
    })
  }
}

export interface View {
  after: number
  pings: boolean
  types: string[] | null
}

const ping = (store: Store, run_id: string, seq: number | null) => ({
  id: newId('ping'),
  date: iso(store.now()),
  name: null,
  message_type: 'ping',
  otid: null,
  sender_id: null,
  step_id: null,
  is_err: null,
  seq_id: seq,
  run_id,
})

/** One event as a frame of the stream, or '' when the view leaves it out. */
function frame(store: Store, run_id: string, seq: number, event: RunEvent, view: View): string {
  switch (event.type) {
    case 'ping':
    case 'abandoned':
      return view.pings ? sseFrame(ping(store, run_id, seq)) : ''
    case 'message':
    case 'delta':
      if (view.types && !view.types.includes(event.message.message_type)) return ''
      return sseFrame({ ...event.message, run_id, seq_id: seq })
    case 'stop':
      return sseFrame({ message_type: 'stop_reason', stop_reason: event.stop_reason, run_id, seq_id: seq })
    case 'usage':
      return sseFrame({ message_type: 'usage_statistics', ...event.usage, run_ids: null, run_id, seq_id: seq })
    case 'error':
      return sseFrame(
        {
          message_type: 'error_message',
          run_id,
          error_type: event.error.type,
          message: event.error.message,
          detail: event.error.detail,
          seq_id: seq,
        },
        'error',
      )
  }
}

/**
 * The log of a run from `view.after` on, then what is added until the run ends, as server-sent events. `settled` is awaited before
 * the last events are shown, so that who reads "done" also finds the run done in D1. Cancelling the stream does nothing to the run.
 */
export function follow(store: Store, readers: Readers, run: Run, view: View, settled: () => Promise<void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let after = view.after
  let idle = false
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array> | ReadableByteStreamController) => {
    for (;;) {
      const ended = !runs.isInProgress(store, run.id)
      const added = events.after(store, run.id, after)
      const last = added.at(-1)
      if (ended) await settled()
      const text = added.map(({ seq, event }) => frame(store, run.id, seq, event, view)).join('')
      if (last) after = last.seq
      if (ended && events.after(store, run.id, after, 1).length === 0) {
        controller.enqueue(encoder.encode(text + sseDone))
        controller.close()
        return
      }
      if (text) return controller.enqueue(encoder.encode(text))
      if (added.length > 0) continue
      if (idle && view.pings) {
        idle = false
        return controller.enqueue(encoder.encode(sseFrame(ping(store, run.id, after))))
      }
      idle = !(await readers.changed(run.id, pingEveryMs))
    }
  }
  return new ReadableStream({ type: 'bytes', pull })
}
