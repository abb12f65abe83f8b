import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { type Dialect, prompt } from '../../../src/models/convert'
import { strictSchema, withoutForcedNulls } from '../../../src/models/strict'
import type { ContentPart, Message } from '../../../src/runtime/types'
import { message, modelRequest } from '../../support/fakes/model-request'

const convert = (messages: Message[], dialect: Dialect = 'compatible', handle = 'openai/m') =>
  prompt(modelRequest({ system: '', messages }), { handle, dialect })

test('a summary is told by the user, blank text is left out, and nothing is sent where nothing is', () => {
  const messages = [
    message('summary', 'They met.'),
    message('user', [
      { type: 'text', text: '  ' },
      { type: 'text', text: 'Hi' },
    ]),
    message('assistant', ' '),
    message('user', ''),
  ]
  expect(convert(messages)).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'They met.' }] },
    { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    { role: 'user', content: [{ type: 'text', text: '(empty message)' }] },
  ])
})

test('an approval request is part of the response before it, or a response of its own', () => {
  const gated = { id: 'c2', name: 'rm', arguments: '{}' }
  const messages = [
    message('user', 'Go'),
    message('assistant', 'I go.', { tool_calls: [{ id: 'c1', name: 'ls', arguments: '{}' }] }),
    message('approval', [], { tool_calls: [gated] }),
    message('approval', [], { approvals: [{ type: 'approval', tool_call_id: 'c2', approve: true }] }),
    message('tool', [], {
      tool_returns: [
        { tool_call_id: 'c1', name: 'ls', status: 'success', content: 'a b' },
        { tool_call_id: 'c2', name: 'rm', status: 'error', content: 'no' },
      ],
    }),
    message('user', 'Again'),
    message('approval', [], { tool_calls: [{ ...gated, id: 'c3' }] }),
  ]
  const sent = convert(messages)
  expect(sent.map((one) => one.role)).toEqual(['user', 'assistant', 'tool', 'user', 'assistant'])
  expect(sent[1]).toMatchObject({
    content: [{ text: 'I go.' }, { toolCallId: 'c1' }, { toolCallId: 'c2', toolName: 'rm' }],
  })
  expect(sent[2]).toMatchObject({
    content: [
      { toolCallId: 'c1', output: { type: 'text', value: 'a b' } },
      { toolCallId: 'c2', output: { type: 'text', value: 'no' } },
    ],
  })
})

test('ids that a provider would refuse are replaced alike in call and result', () => {
  const id = `functions.weather:${'0'.repeat(60)}`
  const messages = [
    message('user', 'Go'),
    message('assistant', [], { tool_calls: [{ id, name: 'w', arguments: '{}' }] }),
    message('tool', [], { tool_returns: [{ tool_call_id: id, name: 'w', status: 'success', content: 'x' }] }),
  ]
  const idOf = (sent: LanguageModelV4Message | undefined) => (sent?.content[0] as { toolCallId?: string } | undefined)?.toolCallId
  const [, assistant, tool] = convert(messages)
  expect(idOf(assistant)).toMatch(/^[a-zA-Z0-9_-]{1,40}$/)
  expect(idOf(tool)).toBe(idOf(assistant))
  expect(idOf(convert(messages, 'workers-ai')[1])).toBe(id)
})

test('words after the calls stay after them, and reasoning there is not shown to those who bind it to what follows', () => {
  const content: ContentPart[] = [
    { type: 'text', text: 'Before.' },
    { type: 'text', text: 'After.', after_calls: true },
    { type: 'reasoning', reasoning: 'Hm.', is_native: true, signature: 'seal', after_calls: true },
  ]
  const messages = [
    message('user', 'Go'),
    message('assistant', content, { model: 'h', tool_calls: [{ id: 'c', name: 'w', arguments: '{}' }] }),
  ]
  const kinds = (dialect: Dialect) => (convert(messages, dialect, 'h')[1]!.content as { type: string }[]).map((part) => part.type)
  expect(kinds('openai-responses')).toEqual(['text', 'tool-call', 'text'])
  expect(kinds('anthropic')).toEqual(['text', 'tool-call', 'text', 'reasoning'])
})

test('signatures of calls go back only to the model and the protocol they came from', () => {
  const calls = { model: 'google_ai/g', tool_calls: [{ id: 'c1', name: 'w', arguments: '{}', signature: 'seal' }] }
  const sent = (dialect: Dialect, handle: string) => JSON.stringify(convert([message('assistant', [], calls)], dialect, handle))
  expect(sent('google', 'google_ai/g')).toContain('"google":{"thoughtSignature":"seal"}')
  expect(sent('google', 'google_ai/other')).not.toContain('seal')
  expect(sent('openai-chat', 'google_ai/g')).not.toContain('seal')
})

test('images: data addresses become data, Workers AI is told of an address in words, a broken address too', () => {
  const picture = (url: string): ContentPart => ({ type: 'image', source: { type: 'url', url } })
  const parts = (dialect: Dialect, url: string) => convert([message('user', [picture(url)])], dialect)[0]?.content
  expect(parts('compatible', 'data:image/gif;base64,R0lGOD')).toEqual([
    { type: 'file', mediaType: 'image/gif', data: { type: 'data', data: 'R0lGOD' } },
  ])
  expect(parts('compatible', 'https://example.com/a.png?size=1')).toMatchObject([{ mediaType: 'image/png', data: { type: 'url' } }])
  expect(parts('workers-ai', 'https://example.com/a.png')).toEqual([{ type: 'text', text: '[Image at https://example.com/a.png]' }])
  expect(parts('compatible', 'nowhere')).toEqual([{ type: 'text', text: '[Image at nowhere]' }])
})

test('a strict schema closes nested objects and makes optional keys nullable; what cannot be strict is left alone', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      kind: { type: 'string', enum: ['a', 'b'] },
      rows: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } } } },
    },
    required: ['name'],
  }
  expect(strictSchema(schema)).toEqual({
    type: 'object',
    properties: {
      name: { type: 'string' },
      kind: { anyOf: [{ type: 'string', enum: ['a', 'b'] }, { type: 'null' }] },
      rows: {
        type: ['array', 'null'],
        items: { type: 'object', properties: { n: { type: ['integer', 'null'] } }, required: ['n'], additionalProperties: false },
      },
    },
    required: ['name', 'kind', 'rows'],
    additionalProperties: false,
  })
  expect(withoutForcedNulls({ name: null, kind: null, rows: [{ n: null }, { n: 1 }] }, schema)).toEqual({
    name: null,
    rows: [{}, { n: 1 }],
  })
  for (const free of [
    { type: 'object' },
    { type: 'object', properties: {}, additionalProperties: true },
    { $ref: '#/x' },
    { type: 'array' },
  ]) {
    expect(strictSchema(free)).toBeNull()
  }
})

test('images in the result of a tool are shown where the protocol takes them, and told of elsewhere', () => {
  const source = { type: 'base64' as const, media_type: 'image/png', data: 'aGk=' }
  const messages = [
    message('user', 'Look'),
    message('assistant', [], { tool_calls: [{ id: 'c1', name: 'view', arguments: '{}' }] }),
    message('tool', [], { tool_returns: [{ tool_call_id: 'c1', name: 'view', status: 'success', content: 'a cat', images: [source] }] }),
  ]
  const outputIn = (dialect: Dialect) => {
    const last = convert(messages, dialect).at(-1)
    return last?.role === 'tool' && last.content[0]?.type === 'tool-result' ? last.content[0].output : null
  }
  for (const dialect of ['anthropic', 'openai-responses'] as const)
    expect(outputIn(dialect)).toEqual({
      type: 'content',
      value: [
        { type: 'text', text: 'a cat' },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      ],
    })
  for (const dialect of ['openai-chat', 'compatible', 'google', 'workers-ai'] as const)
    expect(outputIn(dialect)).toEqual({ type: 'text', value: 'a cat\n[An image, which this model cannot be shown]' })
})
