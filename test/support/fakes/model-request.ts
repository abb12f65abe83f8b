import type { Model, ModelDelta, ModelRequest } from '../../../src/runtime/model'
import type { Message, Role } from '../../../src/runtime/types'

let count = 0

/** A stored message; text given as a string becomes its content. */
export function message(role: Role, content: string | Message['content'], more: Partial<Message> = {}): Message {
  count += 1
  return {
    id: `message-01990000-0000-7000-8000-${count.toString(16).padStart(12, '0')}`,
    agent_id: 'agent-1',
    conversation_id: null,
    sequence_id: count,
    role,
    content: typeof content === 'string' ? [{ type: 'text', text: content }] : content,
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
    created_at: '2026-01-01T00:00:00.000Z',
    created_by_id: null,
    ...more,
  }
}

/** A request with one user message and no tools, unless told otherwise. */
export const modelRequest = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  system: 'You are a test.',
  messages: [message('user', 'Hello')],
  tools: [],
  tool_choice: { type: 'auto' },
  settings: {},
  response_format: null,
  ...more,
})

export const weatherTool = {
  name: 'weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city'] },
}

/** Everything a model says. */
export async function deltas(model: Model, request: ModelRequest, signal = new AbortController().signal): Promise<ModelDelta[]> {
  const all: ModelDelta[] = []
  for await (const delta of model.stream(request, signal)) all.push(delta)
  return all
}

export const textOf = (said: ModelDelta[]): string => said.flatMap((delta) => (delta.type === 'text' ? [delta.text] : [])).join('')

export const reasoningOf = (said: ModelDelta[]): string =>
  said.flatMap((delta) => (delta.type === 'reasoning' ? [delta.reasoning] : [])).join('')

export const callsOf = (said: ModelDelta[]) => said.flatMap((delta) => (delta.type === 'tool_call' ? [delta.call] : []))

export function finishOf(said: ModelDelta[]): Extract<ModelDelta, { type: 'finish' }> {
  const last = said.at(-1)
  if (last?.type !== 'finish') throw new Error('the response does not end with finish')
  return last
}
