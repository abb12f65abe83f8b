import { expect, it } from 'vitest'
import { z } from 'zod'
import { partOtid } from '../../../src/lib/id'
import type { Message } from '../../../src/runtime/types'
import { filterTypes, toWire, type WireOptions } from '../../../src/runtime/wire'
import { LettaMessage, LettaResponse, LettaStreamingResponse, messageTypes } from '../../../src/runtime/wire-schema'
import { answer, call, message, text, thought } from './messages'

/** What clients see, checked against the schema: every key is there and none is unknown. */
const wire = (fields: Partial<Message>, options?: WireOptions) => {
  const stored = message(fields)
  const shown = toWire(stored, options)
  for (const each of shown) {
    expect(LettaMessage.parse(each)).toEqual(each)
    expect(each.id).toBe(stored.id)
  }
  return { stored, shown, bodies: shown.map(({ message_type, ...rest }) => ({ message_type, ...rest })) }
}

it('shows a user message with all keys, its content as text and its own otid', () => {
  const { stored, shown } = wire({ role: 'user', content: [text('hi')], otid: 'mine', sender_id: 'identity-1', name: 'Ada' })
  expect(shown).toEqual([
    {
      id: stored.id,
      date: '2026-01-15T17:00:00.000Z',
      name: 'Ada',
      message_type: 'user_message',
      otid: 'mine',
      sender_id: 'identity-1',
      step_id: 'step-1',
      is_err: null,
      seq_id: null,
      run_id: 'run-1',
      content: 'hi',
    },
  ])
})

it('gives a user message without an otid that of its first part', () => {
  const { stored, shown } = wire({ role: 'user', content: [text('hi')] })
  expect(shown[0]!.otid).toBe(partOtid(stored.id, 0))
})

it('shows several parts of a user message as parts', () => {
  const content: Message['content'] = [
    text('look'),
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
    { type: 'image', source: { type: 'letta', file_id: 'file-1' } },
    { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
  ]
  expect(wire({ role: 'user', content }).shown[0]).toMatchObject({
    content: [
      { type: 'text', text: 'look', signature: null },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==', detail: null } },
      { type: 'image', source: { type: 'letta', file_id: 'file-1', media_type: null, data: null, detail: null } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
    ],
  })
})

it('shows a response as one message per part, in order, with otids that count up', () => {
  const { stored, shown } = wire({
    content: [thought('hm', 'sig'), { type: 'redacted_reasoning', data: 'xx' }, { type: 'omitted_reasoning' }, text('hello')],
    tool_calls: [call('call-1', 'roll_dice', '{"sides":6}'), call('call-2')],
  })
  expect(shown).toMatchObject([
    { message_type: 'reasoning_message', source: 'reasoner_model', reasoning: 'hm', signature: 'sig' },
    { message_type: 'hidden_reasoning_message', state: 'redacted', hidden_reasoning: 'xx' },
    { message_type: 'hidden_reasoning_message', state: 'omitted', hidden_reasoning: null },
    { message_type: 'assistant_message', content: 'hello' },
    {
      message_type: 'tool_call_message',
      tool_call: { name: 'roll_dice', arguments: '{"sides":6}', tool_call_id: 'call-1' },
      tool_calls: [
        { name: 'roll_dice', arguments: '{"sides":6}', tool_call_id: 'call-1' },
        { name: 'roll_dice', arguments: '{}', tool_call_id: 'call-2' },
      ],
    },
  ])
  expect(shown.map((each) => each.otid)).toEqual([0, 1, 2, 3, 4].map((index) => partOtid(stored.id, index)))
})

it('shows what was said after the calls after the calls', () => {
  const { shown } = wire({ content: [text('a'), { ...text('b'), after_calls: true }], tool_calls: [call('call-1')] })
  expect(shown.map((each) => each.message_type)).toEqual(['assistant_message', 'tool_call_message', 'assistant_message'])
})

it('shows neighbouring texts as one message with parts', () => {
  expect(wire({ content: [text('a'), text('b')] }).shown).toMatchObject([
    {
      message_type: 'assistant_message',
      content: [
        { type: 'text', text: 'a', signature: null },
        { type: 'text', text: 'b', signature: null },
      ],
    },
  ])
})

it('shows all returns of a tool message, the first one twice', () => {
  const returns = [answer('call-1', '6'), { ...answer('call-2', 'no'), status: 'error' as const, stdout: ['x'], stderr: ['y'] }]
  expect(wire({ role: 'tool', tool_returns: returns }).shown).toMatchObject([
    {
      message_type: 'tool_return_message',
      name: null,
      tool_return: '6',
      status: 'success',
      tool_call_id: 'call-1',
      stdout: null,
      stderr: null,
      tool_returns: [
        { type: 'tool', tool_return: '6', status: 'success', tool_call_id: 'call-1', stdout: null, stderr: null },
        { type: 'tool', tool_return: 'no', status: 'error', tool_call_id: 'call-2', stdout: ['x'], stderr: ['y'] },
      ],
    },
  ])
  expect(wire({ role: 'tool', tool_returns: [answer('call-1')] }).shown[0]!.name).toBe('roll_dice')
})

it('shows an approval request under its whole id, and the answer to it', () => {
  const { stored, shown } = wire({ role: 'approval', tool_calls: [call('call-1')] })
  expect(shown).toMatchObject([
    {
      message_type: 'approval_request_message',
      otid: stored.id,
      tool_call: { tool_call_id: 'call-1' },
      tool_calls: [{ tool_call_id: 'call-1' }],
    },
  ])
  const approvals: Message['approvals'] = [
    { type: 'approval', tool_call_id: 'call-1', approve: false, reason: 'no' },
    { type: 'tool', tool_call_id: 'call-2', tool_return: '7', status: 'success' },
  ]
  expect(wire({ role: 'approval', approvals }).shown).toMatchObject([
    {
      message_type: 'approval_response_message',
      approve: false,
      approval_request_id: 'call-1',
      reason: 'no',
      approvals: [
        { type: 'approval', tool_call_id: 'call-1', approve: false, reason: 'no' },
        { type: 'tool', tool_call_id: 'call-2', tool_return: '7', status: 'success', stdout: null, stderr: null },
      ],
    },
  ])
})

it('shows images in a result as parts, beside the text alone for older clients', () => {
  const images = [{ type: 'url' as const, url: 'https://example.com/cat.png' }]
  const parts = [
    { type: 'text', text: 'a cat', signature: null },
    { type: 'image', source: images[0] },
  ]
  expect(wire({ role: 'tool', tool_returns: [{ ...answer('call-1', 'a cat'), images }] }).shown).toMatchObject([
    { tool_return: 'a cat', tool_returns: [{ tool_return: parts }] },
  ])
  const given = { type: 'tool' as const, tool_call_id: 'call-1', tool_return: 'a cat', images }
  expect(wire({ role: 'approval', approvals: [given] }).shown).toMatchObject([{ approvals: [{ tool_return: parts }] }])
})

it('unpacks a summary, or shows it as the user message that the model reads', () => {
  const compaction_stats = {
    trigger: 'manual',
    context_tokens_before: 9,
    context_tokens_after: 3,
    context_window: 100,
    messages_count_before: 7,
    messages_count_after: 2,
  }
  const packed = JSON.stringify({ type: 'system_alert', message: 'In short', compaction_stats })
  const fields = { role: 'summary' as const, content: [text(packed)] }
  expect(wire(fields).shown).toMatchObject([{ message_type: 'summary_message', summary: 'In short', compaction_stats }])
  expect(wire(fields, { summaryAsUser: true }).shown).toMatchObject([{ message_type: 'user_message', content: packed }])
  expect(wire({ ...fields, content: [text('plain')] }).shown).toMatchObject([{ summary: 'plain', compaction_stats: null }])
})

it('shows a call that speaks as what was said, and hides its return unless it failed', () => {
  const speech = { ...call('call-1', 'send_message', '{"message":"hi"}'), speaks: 'message' }
  expect(wire({ tool_calls: [speech, call('call-2')] }).shown).toMatchObject([
    { message_type: 'tool_call_message', tool_calls: [{ tool_call_id: 'call-2' }] },
    { message_type: 'assistant_message', content: 'hi' },
  ])
  const hidden = { ...answer('call-1', 'Sent message successfully.', 'send_message'), speaks: true as const }
  expect(wire({ role: 'tool', tool_returns: [hidden] }).shown).toEqual([])
  expect(wire({ role: 'tool', tool_returns: [hidden, answer('call-2')] }).shown).toMatchObject([{ tool_call_id: 'call-2' }])
  expect(wire({ role: 'tool', tool_returns: [{ ...hidden, status: 'error' }] }).shown).toHaveLength(1)
})

it('shows a malformed call that speaks as the call that it is', () => {
  for (const args of ['{"message":', '{"text":"hi"}', 'null']) {
    const speech = { ...call('call-1', 'send_message', args), speaks: 'message' }
    expect(wire({ tool_calls: [speech] }).shown).toMatchObject([{ message_type: 'tool_call_message' }])
  }
})

it('marks errors, and only errors', () => {
  expect(wire({ content: [text('a')], is_err: true }).shown[0]!.is_err).toBe(true)
  expect(wire({ content: [text('a')], is_err: false }).shown[0]!.is_err).toBe(null)
})

it('filters messages by type and lets through what is no message', () => {
  const all = ['user_message', 'assistant_message', 'ping', 'stop_reason', 'usage_statistics', 'error_message'].map((message_type) => ({
    message_type,
  }))
  expect(filterTypes(all, null)).toEqual(all)
  expect(filterTypes(all, ['assistant_message'])).toEqual(all.slice(1))
  expect(filterTypes(all, [])).toEqual(all.slice(2))
})

it('describes all eleven message types to OpenAPI by name', () => {
  expect(messageTypes).toHaveLength(11)
  const schema = z.toJSONSchema(LettaResponse)
  expect(Object.keys(schema.$defs ?? {})).toEqual(
    expect.arrayContaining(['LettaMessageUnion', 'ToolReturnMessage', 'LettaUsageStatistics']),
  )
  expect(JSON.stringify(z.toJSONSchema(LettaStreamingResponse))).toContain('LettaPing')
})
