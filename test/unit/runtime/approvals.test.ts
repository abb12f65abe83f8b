import { describe, expect, it } from 'vitest'
import {
  answeredReturn,
  answersAll,
  approvalRequestId,
  decisions,
  denials,
  equipped,
  responseMessages,
  waitsFor,
} from '../../../src/runtime/approvals'
import { deltaMessages, fold } from '../../../src/runtime/delta'
import type { ModelDelta } from '../../../src/runtime/model'
import { newDraft } from '../../../src/runtime/response'
import { skillsText } from '../../../src/runtime/skills'
import type { Approval, ToolCall } from '../../../src/runtime/types'
import { toWire } from '../../../src/runtime/wire'
import { agentConfig } from '../../support/fakes/config'
import { message } from '../../support/fakes/model-request'

const config = agentConfig('agent-1', ['memory_insert', 'send_message'])
const gate = { type: 'requires_approval' as const, tool_name: 'memory_insert', prompt_template: null }
const client = (name: string) => ({ name, description: null, parameters: { type: 'object' } })
const call = (id: string, name = 'pay', more: Partial<ToolCall> = {}): ToolCall => ({ id, name, arguments: '{}', ...more })
const message_id = 'message-01990000-0000-7000-8000-0000000000fe'
const request_id = 'message-01990000-0000-7000-8000-0000000000ff'
const waiting = [call('a'), call('b')].map((each) => ({ message_id: request_id, call: each }))
const answer = (approvals: Approval[]) => ({ approvals, otid: null, group_id: null })
const yes = (tool_call_id: string): Approval => ({ type: 'approval', tool_call_id, approve: true })

describe('a call waits', () => {
  it('when a rule or the client has a say in it, and the rules allow it now', () => {
    expect(['memory_insert', 'send_message', 'nothing'].map(waitsFor(config, []))).toEqual([false, false, false])
    expect(['memory_insert', 'send_message'].map(waitsFor({ ...config, tool_rules: [gate] }, []))).toEqual([true, false])
    const mine = equipped(config, { client_tools: [client('read'), client('send_message')] })
    expect(mine.tools.map((tool) => [tool.name, tool.client === true])).toEqual([
      ['memory_insert', false],
      ['read', true],
      ['send_message', true],
    ])
    expect(['memory_insert', 'read', 'send_message'].map(waitsFor(mine, []))).toEqual([false, true, true])
    const once = { type: 'max_count_per_step' as const, tool_name: 'memory_insert', max_count_limit: 1, prompt_template: null }
    const used = [{ name: 'memory_insert', output: 'ok' }]
    expect(waitsFor({ ...config, tool_rules: [gate, once] }, used)('memory_insert')).toBe(false)
    expect(equipped(config, { client_tools: [] })).toBe(config)
  })
})

describe('an answer', () => {
  it('decides each waiting call, in their order, and nothing else', () => {
    const given = answer([yes('b'), { type: 'tool', tool_call_id: 'a', tool_return: 'done', status: 'success' }])
    expect(decisions(given, waiting).map((each) => [each.tool_call_id, each.type])).toEqual([
      ['a', 'tool'],
      ['b', 'approval'],
    ])
    expect(answersAll(given, waiting)).toBe(true)
    for (const approvals of [[], [yes('a')], [yes('a'), yes('c')], [yes('a'), yes('b'), yes('c')]]) {
      expect(answersAll(answer(approvals), waiting)).toBe(false)
      const received = approvals.map((each) => `'${each.tool_call_id}'`).join(', ')
      expect(() => decisions(answer(approvals), waiting)).toThrow(
        `Invalid tool call IDs. Expected '['a', 'b']', but received '[${received}]'.`,
      )
    }
  })

  it('may name the request, which means all of its calls', () => {
    const [refusal] = denials([{ id: request_id }], 'no')
    expect(decisions(answer([refusal as Approval]), waiting)).toEqual(denials([{ id: 'a' }, { id: 'b' }], 'no'))
  })

  it('is the result of a call, unless the call is to be carried out', () => {
    expect(answeredReturn(call('a'), yes('a'))).toBeNull()
    expect(answeredReturn(call('a'), { type: 'approval', tool_call_id: 'a', approve: false })).toMatchObject({
      status: 'error',
      content: 'Error: request to call tool denied.',
      refused: true,
    })
    expect(answeredReturn(call('a'), { type: 'tool', tool_call_id: 'a', tool_return: 'x', status: 'error', stderr: ['e'] })).toEqual({
      tool_call_id: 'a',
      name: 'pay',
      status: 'error',
      content: 'x',
      stdout: null,
      stderr: ['e'],
    })
  })
})

describe('a response with calls that wait', () => {
  const content = [{ type: 'text' as const, text: 'May I?' }]
  const free = call('f', 'look')
  const held = call('h', 'pay', { waits: true })

  it('is stored as what was said and done, then what is asked for', () => {
    const stored = (said: typeof content, calls: ToolCall[]) =>
      responseMessages({ message_id, content: said, calls }).map(({ id, role, tool_calls }) => [
        id,
        role,
        tool_calls.map((each) => each.id),
      ])
    expect(stored(content, [])).toEqual([[message_id, 'assistant', []]])
    expect(stored([], [free, held])).toEqual([
      [message_id, 'assistant', ['f']],
      [request_id, 'approval', ['h']],
    ])
    expect(stored([], [held])).toEqual([[request_id, 'approval', ['h']]])
  })

  it('has a request whose id follows from its own, also at the end of a number', () => {
    expect(approvalRequestId(message_id)).toBe(request_id)
    expect(approvalRequestId('message-01990000-0000-7000-8000-ffffffffffff')).toBe('message-01990000-0000-7000-8000-000000000000')
  })

  it('is streamed as it is stored: the pieces fold to the same messages', () => {
    const deltas: ModelDelta[] = [
      { type: 'text', text: 'May ' },
      { type: 'text', text: 'I?' },
      { type: 'tool_call_start', id: 'h', name: 'pay' },
      { type: 'tool_call_delta', id: 'h', arguments: '{"to":' },
      { type: 'tool_call_start', id: 'f', name: 'look' },
      { type: 'tool_call', call: call('f', 'look') },
      { type: 'tool_call_delta', id: 'h', arguments: '"Ada"}' },
      { type: 'tool_call', call: call('h', 'pay', { arguments: '{"to":"Ada"}' }) },
    ]
    const draft = newDraft((name) => name === 'pay')
    const date = '2026-01-01T00:00:00.000Z'
    const context = { message_id, run_id: 'run-1', step_id: 'step-1', date }
    const pieces = deltas.flatMap((delta) => deltaMessages(context, draft, delta))
    const shown = pieces.filter((piece) => piece.message_type === 'approval_request_message')
    expect(shown[0]).toMatchObject({ id: request_id, tool_call: { name: 'pay', arguments: null, tool_call_id: 'h' } })
    const stored = responseMessages({ message_id, ...draft }).flatMap((each) =>
      toWire(message(each.role, each.content, { ...each, run_id: 'run-1', step_id: 'step-1', created_at: date })),
    )
    const byKey = (a: { id: string; otid: string | null }, b: typeof a) => (`${a.id}${a.otid}` < `${b.id}${b.otid}` ? -1 : 1)
    expect(fold(pieces).toSorted(byKey)).toEqual(stored.toSorted(byKey))
  })
})

describe('skills of the client', () => {
  it('are a tree for every folder, with what each is for on one line', () => {
    const skill = (name: string, location: string, description = '') => ({ name, location, description })
    expect(
      skillsText([
        skill('pdf', '/home/ada/skills/pdf/SKILL.md', 'Reads\n  PDFs.'),
        skill('maps', 'skills/maps'),
        skill('csv', '/home/ada/skills/csv/SKILL.md'),
      ]),
    ).toBe(
      [
        '<available_skills>',
        '/home/ada/skills',
        '├── pdf/SKILL.md (pdf): Reads PDFs.',
        '└── csv/SKILL.md (csv)',
        'skills',
        '└── maps (maps)',
        '</available_skills>',
      ].join('\n'),
    )
    expect(skillsText([])).toBe('')
  })
})
