import { approvalRequestId } from './approvals'
import { type DeltaContext, deltaMessages, fold } from './delta'
import type { RunEvent } from './events'
import type { ModelDelta } from './model'
import { type Draft, newDraft } from './response'
import type { Message } from './types'
import { toWire } from './wire'
import type { LettaMessage } from './wire-schema'

/** The events of a stored message: one for each message that clients see. */
export const stepEvents = (message: Message): RunEvent[] => toWire(message).map((shown) => ({ type: 'message', message: shown }))

/** What a token stream logs of a response, delta by delta. */
export function deltaEvents(context: DeltaContext, waits?: Draft['waits']): (delta: ModelDelta) => RunEvent[] {
  const draft = newDraft(waits)
  return (delta) => deltaMessages(context, draft, delta).map((message) => ({ type: 'delta', message }))
}

const messagesOf = (log: RunEvent[]): LettaMessage[] => {
  const abandoned = new Set(
    log.flatMap((event) => (event.type === 'abandoned' ? [event.message_id, approvalRequestId(event.message_id)] : [])),
  )
  return log
    .flatMap((event) => (event.type === 'message' || event.type === 'delta' ? event.message : []))
    .filter((m) => !abandoned.has(m.id))
}

/** The whole messages that a log says, deltas joined and abandoned responses left out: the blocking view of a run. */
export const foldLog = (log: RunEvent[]): LettaMessage[] => fold(messagesOf(log))

/** A log that says the same in whole messages: what is kept of a token stream in the end. */
export const condensed = (log: RunEvent[]): RunEvent[] => [
  ...foldLog(log).map((message): RunEvent => ({ type: 'message', message })),
  ...log.filter((event) => event.type === 'stop' || event.type === 'usage' || event.type === 'error'),
]
