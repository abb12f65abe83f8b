import { newId } from '../lib/id'
import { agentTime, type Millis } from '../lib/time'
import { codePoints } from '../memory/operations'
import type { Compaction } from './compaction-schema'
import { looseMessage, textRequest } from './complete'
import type { ModelRequest } from './model'
import { cut } from './packaging'
import { bytesPerToken, estimateTokens } from './request'
import type { Message } from './types'
import type { CompactionStats } from './wire-schema'

/** Which messages a summary takes the place of, and which stay. Both in order; together they are all. */
export interface CompactionPlan {
  evicted: Message[]
  kept: Message[]
}

/** Tokens of what a model reads of messages, by estimate. */
export const messageTokens = (messages: Message[]): number =>
  messages.reduce((sum, m) => sum + estimateTokens(JSON.stringify([m.content, m.tool_calls, m.tool_returns])), 0)

/**
 * The positions before which a context may be cut: no call stands before the cut and its result, or the answer to its request for
 * approval, after it, and calls that still wait for theirs stay.
 */
function boundaries(messages: Message[]): number[] {
  const made = new Map<string, number>()
  const whole = messages.map(() => true)
  for (const [at, message] of messages.entries()) {
    for (const call of message.tool_calls) made.set(call.id, at)
    for (const { tool_call_id } of [...message.tool_returns, ...message.approvals]) {
      const from = made.get(tool_call_id)
      if (from !== undefined) whole.fill(false, from + 1, at + 1)
    }
  }
  const end = waitingFrom(messages)
  const begins = ({ role, tool_calls }: Message) => role !== 'tool' && (role !== 'approval' || tool_calls.length > 0)
  const inside = messages.flatMap((message, at) => (at <= end && whole[at] && begins(message) ? [at] : []))
  return end === messages.length ? [...inside, end] : inside
}

/** Where the response begins whose calls wait for an answer; the end when none does. */
function waitingFrom(messages: Message[]): number {
  const last = messages.findLastIndex((message) => message.tool_calls.length > 0)
  const request = messages[last]
  if (!request) return messages.length
  const answered = new Set(messages.slice(last + 1).flatMap((message) => message.tool_returns.map((each) => each.tool_call_id)))
  if (request.tool_calls.every((call) => answered.has(call.id))) return messages.length
  const before = messages[last - 1]
  const sameResponse = request.role === 'approval' && before?.role === 'assistant' && before.step_id === request.step_id
  return sameResponse ? last - 1 : last
}

const splitAt = (messages: Message[], at: number): CompactionPlan => ({ evicted: messages.slice(0, at), kept: messages.slice(at) })

/** Fewer would not get shorter: a summary is a message too. */
const evictedMin = 2

/**
 * What to summarize of a context, given without its system message; null when it would not get shorter. `sliding_window` takes the oldest
 * `share` and a tenth of the messages, and a tenth more until the rest fits `1 - share` of the window; when no cut does that, and
 * for `all`, everything goes but calls that wait for an answer.
 */
export function planCompaction(
  messages: Message[],
  { mode, share }: Pick<Compaction, 'mode' | 'share'>,
  window: number,
): CompactionPlan | null {
  const cuts = boundaries(messages).filter((at) => at >= evictedMin)
  const everything = cuts.at(-1)
  if (everything === undefined) return null
  const tries = mode === 'all' ? 0 : Math.ceil((1 - share) * 10 - 1e-9)
  for (let n = 1; n < tries; n++) {
    const target = Math.floor(messages.length * (share + n / 10) + 1e-9)
    const at = cuts.findLast((cut) => cut <= target)
    if (at !== undefined && messageTokens(messages.slice(at)) < (1 - share) * window) return splitAt(messages, at)
  }
  return splitAt(messages, everything)
}

const returnCharactersMax = 5_000
/** Lines after the first are set in, so that nothing in a message looks like another message. */
const quoted = (text: string): string => text.replaceAll('\n', '\n  ')
const left = (text: string, limit: number) => (codePoints(text) > limit ? `${cut(text, limit)}… [cut]` : text)

function linesOf(message: Message, returnsMax: number): string[] {
  const texts = message.content.flatMap((part) => (part.type === 'text' ? part.text : part.type === 'image' ? '[image]' : []))
  const who = message.role === 'summary' ? 'summary of what was before' : message.name ? `${message.role} (${message.name})` : message.role
  const said = message.role === 'summary' ? summaryText(texts.join('\n')) : texts.join('\n')
  return [
    ...(said === '' ? [] : [`${who}: ${said}`]),
    ...message.tool_calls.map((call) => `${message.role === 'approval' ? 'request to call' : 'call of'} ${call.name}: ${call.arguments}`),
    ...message.approvals.flatMap((each) =>
      each.type === 'tool'
        ? `result from the user: ${left(each.tool_return ?? '', returnsMax)}`
        : `the user ${each.approve ? 'approved' : 'denied'} a call${each.reason ? `: ${each.reason}` : ''}`,
    ),
    ...message.tool_returns.map((each) => `result of ${each.name} (${each.status}): ${left(each.content, returnsMax)}`),
  ].map(quoted)
}

/**
 * Messages as a text to be summarized, of at most `bytes` bytes, about: when it would be longer, tool results are cut first, then the
 * middle of the whole is left out.
 */
export function transcript(messages: Message[], bytes: number): string {
  const render = (returnsMax: number) => messages.flatMap((message) => linesOf(message, returnsMax)).join('\n')
  const size = (text: string) => new TextEncoder().encode(text).length
  const full = render(Number.POSITIVE_INFINITY)
  if (size(full) <= bytes) return full
  const short = render(returnCharactersMax)
  const total = size(short)
  if (total <= bytes) return short
  const half = Math.floor((short.length * bytes) / total / 2)
  // A cut within a character would leave half of it.
  const head = short.slice(0, half).replace(/[\ud800-\udbff]$/, '')
  const tail = short.slice(short.length - half).replace(/^[\udc00-\udfff]/, '')
  return `${head}\n… [${short.length - head.length - tail.length} characters left out] …\n${tail}`
}

/** Share of a summarizing model's window that the messages may fill. */
const transcriptFill = 0.6

/** What the summarizing model is sent. `share` makes the transcript smaller after the provider said that it was too much. */
export function summaryRequest(evicted: Message[], compaction: Compaction, window: number, settings: Record<string, unknown>) {
  const id = evicted[0]?.id ?? newId('message')
  const loose = (text: string, role: 'user' | 'assistant' = 'user') => looseMessage(text, { id, role })
  return (share: number): ModelRequest => {
    const text = `<conversation>\n${transcript(evicted, Math.floor(window * transcriptFill * bytesPerToken * share))}\n</conversation>`
    const { prompt } = compaction
    const messages = compaction.acknowledged
      ? [loose(prompt), loose('Understood. I will write the summary and nothing else.', 'assistant'), loose(text)]
      : [loose(`${text}\n\n${prompt}`)]
    return textRequest('You summarize conversations between a user and an agent. You never take part in them.', messages, settings)
  }
}

/** A model's summary within its limit. What is cut off is announced at the end. */
export function clipSummary(summary: string, limit: number | null): string {
  const text = summary.trim()
  return limit === null || codePoints(text) <= limit ? text : `${cut(text, limit)}... [summary truncated to fit]`
}

/** The text of a summary message, which the model reads: JSON whose `message` says what it is and the summary. */
export function packSummary(summary: string, hidden: number, at: Millis, timezone: string, stats: CompactionStats): string {
  const message = `Note: ${hidden} messages from the beginning of the conversation are hidden to save room in the context window. What follows is a summary of them:\n${summary}`
  return JSON.stringify({ type: 'system_alert', message, time: agentTime(at, timezone), compaction_stats: stats })
}

/** What a summary message says, from its packed text. */
export function summaryText(packed: string): string {
  try {
    const { message } = JSON.parse(packed) as { message?: unknown }
    return typeof message === 'string' ? message : packed
  } catch {
    return packed
  }
}
