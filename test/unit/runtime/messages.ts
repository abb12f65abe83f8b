import { v7 as uuidv7 } from 'uuid'
import type { ContentPart, Message, ToolCall, ToolReturn } from '../../../src/runtime/types'

/** A stored message with the given fields and nothing else in it. */
export const message = (fields: Partial<Message> = {}): Message => ({
  id: `message-${uuidv7()}`,
  agent_id: 'agent-1',
  conversation_id: null,
  sequence_id: 1,
  role: 'assistant',
  content: [],
  tool_calls: [],
  tool_returns: [],
  approvals: [],
  model: 'test/model',
  name: null,
  otid: null,
  sender_id: null,
  group_id: null,
  step_id: 'step-1',
  run_id: 'run-1',
  is_err: null,
  created_at: '2026-01-15T17:00:00.000Z',
  created_by_id: null,
  ...fields,
})

export const text = (value: string): ContentPart => ({ type: 'text', text: value })

export const thought = (reasoning: string, signature: string | null = null): ContentPart => ({
  type: 'reasoning',
  reasoning,
  is_native: true,
  signature,
})

export const call = (id: string, name = 'roll_dice', args = '{}'): ToolCall => ({ id, name, arguments: args })

export const answer = (id: string, content = 'ok', name = 'roll_dice'): ToolReturn => ({
  tool_call_id: id,
  name,
  status: 'success',
  content,
})
