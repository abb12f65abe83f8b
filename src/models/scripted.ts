import { sleep } from '../lib/time'
import { type Model, type ModelDelta, ModelError, type ModelRequest } from '../runtime/model'
import type { Message, ToolCall } from '../runtime/types'
import { type Action, failures, parseScript } from './script'

export const scriptedHandle = 'loci/scripted'

const confession =
  "(I am loci/scripted, a deterministic stand-in, not a language model; set the agent's `model` or DEFAULT_MODEL to talk to one.)"

const encoder = new TextEncoder()
/** The documented estimate: a token for every four bytes of UTF-8, rounded up. */
const tokens = (text: string): number => Math.ceil(encoder.encode(text).length / 4)

const textOf = (message: Message): string => message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')

/** Failed attempts by user message, response and directive: what makes `/fail server 2` let the third attempt through. */
const attempts = new Map<string, number>()
const attemptsKept = 1000

function failedBefore(key: string): number {
  const count = attempts.get(key) ?? 0
  attempts.delete(key)
  attempts.set(key, count + 1)
  if (attempts.size > attemptsKept) attempts.delete(attempts.keys().next().value ?? key)
  return count
}

/** Where the conversation stands: the message to act on, and how many responses it has had. */
interface Place {
  user: Message | null
  text: string
  step: number
  /** Messages after the last response. */
  returns: Message[]
}

function placeOf({ messages }: ModelRequest): Place {
  const at = messages.findLastIndex((message) => message.role === 'user')
  const since = messages.slice(at + 1)
  const responses = since.filter(
    (message) => message.role === 'assistant' || (message.role === 'approval' && message.tool_calls.length > 0),
  )
  const user = messages[at] ?? null
  const lastResponse = since.findLastIndex((message) => responses.includes(message))
  return {
    user,
    text: user ? textOf(user) : '',
    // A response that was stored in two messages (free calls, calls that wait for approval) has one step.
    step: new Set(responses.map((message) => message.step_id ?? message.id)).size,
    returns: since.slice(lastResponse + 1),
  }
}

function echo({ user, text }: Place): string {
  const images = user?.content.filter((part) => part.type === 'image').length ?? 0
  const shown = images > 0 ? ` You showed ${images === 1 ? 'an image' : `${images} images`}, which I cannot see.` : ''
  return user ? `You said: "${text}".${shown} ${confession}` : `Nobody has said anything yet. ${confession}`
}

/** What is left to say when the script is over: what the tools answered. */
function report(place: Place): string {
  const returns = place.returns.flatMap((message) => message.tool_returns)
  const lines = returns.map((result) => `${result.name} (${result.status}): ${result.content}`)
  return lines.length > 0 ? `The tools answered:\n${lines.join('\n')}\n${confession}` : `The script is over. ${confession}`
}

/** Arguments for a tool that must be called although no script names any: the user's text for every required string. */
function argumentsFor(parameters: Record<string, unknown>, text: string): string {
  const properties = (parameters.properties ?? {}) as Record<string, { type?: unknown }>
  const required = Array.isArray(parameters.required) ? (parameters.required as string[]) : []
  const blank: Record<string, unknown> = { integer: 0, number: 0, boolean: false, array: [], object: {} }
  return JSON.stringify(Object.fromEntries(required.map((key) => [key, blank[String(properties[key]?.type)] ?? text])))
}

function actionsAt(place: Place, request: ModelRequest): Action[] {
  const script = parseScript(place.text)
  const scripted = script ? script[place.step] : place.step === 0 ? ([{ type: 'echo' }] satisfies Action[]) : undefined
  const actions: Action[] = scripted ?? [{ type: 'say', text: report(place) }]
  const choice = request.tool_choice
  const forced = choice.type === 'tool' ? request.tools.find((tool) => tool.name === choice.name) : request.tools[0]
  if (choice.type === 'auto' || !forced || actions.some((action) => action.type === 'call')) return actions
  return [...actions, { type: 'call', name: forced.name, arguments: argumentsFor(forced.parameters, place.text) }]
}

/** An id that no other call of the agent has, and that a repeated attempt gives again: the user message, the response, the call. */
function callId(place: Place, index: number): string {
  const id = place.user?.id ?? 'message'
  const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(id)?.[0]
  const short = uuid ? BigInt(`0x${uuid.replaceAll('-', '')}`).toString(36) : id.replace(/[^\w-]/g, '_').slice(-24)
  return `call_${short}_${place.step}_${index}`
}

function chunks(text: string, size: number | null): string[] {
  if (size === null) return text.match(/\s*\S+|\s+$/g) ?? []
  const characters = [...text]
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) => characters.slice(i * size, (i + 1) * size).join(''))
}

function raise(action: Extract<Action, { type: 'fail' }>): never {
  const { type, transient, status } = failures[action.error]
  throw new ModelError(type, `loci/scripted: failing with ${action.error}, as the script asks.`, {
    transient,
    status,
    retryAfterMs: action.retryAfterMs,
  })
}

async function* callTool(call: ToolCall): AsyncGenerator<ModelDelta> {
  yield { type: 'tool_call_start', id: call.id, name: call.name }
  for (const piece of chunks(call.arguments, 32)) yield { type: 'tool_call_delta', id: call.id, arguments: piece }
  yield { type: 'tool_call', call }
}

/** The words of an action, on a line of their own when something was said before. */
function wordsOf(action: Action, place: Place, follows: boolean): string {
  const text = action.type === 'echo' ? echo(place) : action.type === 'say' || action.type === 'think' ? action.text : ''
  return follows && text !== '' ? `\n${text}` : text
}

type Sent = Parameters<Model['stream']>[2]

async function* stream(request: ModelRequest, signal: AbortSignal, sent?: Sent): AsyncGenerator<ModelDelta> {
  sent?.({ model: scriptedHandle, ...request })
  signal.throwIfAborted()
  const place = placeOf(request)
  const actions = actionsAt(place, request)
  const size = actions.findLast((action) => action.type === 'stream')?.size ?? null
  let spoken = ''
  let thought = ''
  let called = ''
  let calls = 0
  for (const [index, action] of actions.entries()) {
    if (action.type === 'wait') await sleep(action.ms, signal)
    if (action.type === 'fail' && failedBefore(`${place.user?.id}:${place.step}:${index}`) < action.times) raise(action)
    if (action.type === 'call') {
      const call = { id: callId(place, calls), name: action.name, arguments: action.arguments }
      calls += 1
      called += call.name + call.arguments
      yield* callTool(call)
    }
    const before = action.type === 'think' ? thought : spoken
    const text = wordsOf(action, place, before !== '')
    for (const piece of chunks(text, size)) {
      yield action.type === 'think' ? { type: 'reasoning', reasoning: piece } : { type: 'text', text: piece }
      signal.throwIfAborted()
    }
    if (action.type === 'think') thought += text
    else spoken += text
  }
  const stop = actions.findLast((action) => action.type === 'stop')?.reason
  const prompt_tokens = tokens(JSON.stringify([request.system, request.messages.map(shown), request.tools]))
  const reasoning_tokens = tokens(thought)
  const completion_tokens = tokens(spoken + called) + reasoning_tokens
  const usage = {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    cached_input_tokens: null,
    cache_write_tokens: null,
    reasoning_tokens,
  }
  yield { type: 'finish', reason: stop ?? (calls > 0 ? 'tool_calls' : 'stop'), usage }
}

/** The parts of a message that a model would be shown, for the estimate of tokens. */
const shown = (message: Message): unknown[] => [message.role, message.content, message.tool_calls, message.tool_returns]

/**
 * The built-in stand-in for a language model: deterministic, without network, and honest about being none. It answers a plain
 * message by quoting it. A message with lines that begin with a directive is a script, followed response by response:
 *
 * - `/say text`, `/think text`: text or reasoning; lines that follow belong to it. `/echo` quotes the message.
 * - `/call tool {"json":"arguments"}`: a tool call. Calls on successive lines are made in parallel, in one response; what comes
 *   after them waits for the next response, when the tools have answered. The arguments are passed on as written.
 * - `/then`: ends a response, for example between two calls that are to be made one after the other.
 * - `/wait 250ms` (or `2s`): silence. `/stream 3`: chunks of three characters instead of words.
 * - `/stop length` (or `content_filter`): why the response ends.
 * - `/fail kind [times [pause]]`: fails the first `times` attempts at this response, else all of them, asking for a pause before
 *   the next. Kinds: rate_limit, timeout, server, empty, auth, credits, permission, not_found, bad_request, context.
 *
 * A script that is over reports what the tools answered. A tool that the request forces is called with the user's text.
 *
 * The place in a script is the number of responses since the last user message, so a repeated call repeats its response, with
 * the same tool call ids. Attempts are counted per isolate, for the last 1000 failing directives: a restart counts anew.
 * Token counts are estimates: a quarter of the UTF-8 bytes.
 */
export const scriptedModel: Model = {
  handle: scriptedHandle,
  provider_name: 'loci',
  name: 'scripted',
  endpoint: null,
  context_window: 128_000,
  stream,
}
