import fc from 'fast-check'
import { expect, it } from 'vitest'
import { repair, truncateReturns } from '../../../src/runtime/repair'
import type { Message } from '../../../src/runtime/types'
import { answer, call, message, text, thought } from './messages'

const ids = fc.constantFrom('call-1', 'call-2', 'call-3')
const blank = fc.constantFrom('', ' \n', 'hello')
const content = fc.array(
  fc.oneof(
    blank.map(text),
    blank.map((value) => thought(value)),
  ),
  { maxLength: 2 },
)
const step_id = fc.constantFrom('step-1', 'step-2')

/** Any message at all: histories of these are far worse than what crashes leave behind. */
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({
      content,
      tool_calls: fc.array(
        ids.map((id) => call(id)),
        { maxLength: 3 },
      ),
      step_id,
    })
    .map(message),
  fc
    .record({
      role: fc.constant('approval' as const),
      content,
      tool_calls: fc.array(
        ids.map((id) => call(id)),
        { minLength: 1, maxLength: 2 },
      ),
      step_id,
    })
    .map(message),
  fc
    .record({
      role: fc.constant('approval' as const),
      approvals: fc.array(
        ids.chain((tool_call_id) =>
          fc.constantFrom<Message['approvals'][number]>(
            { type: 'approval', tool_call_id, approve: true },
            { type: 'approval', tool_call_id, approve: false, reason: 'no' },
            { type: 'tool', tool_call_id, tool_return: '7', status: 'success' },
          ),
        ),
      ),
    })
    .map(message),
  fc
    .record({
      role: fc.constant('tool' as const),
      tool_returns: fc.array(
        ids.map((id) => answer(id)),
        { maxLength: 3 },
      ),
    })
    .map(message),
  fc.record({ role: fc.constantFrom('user' as const, 'system' as const, 'summary' as const), content }).map(message),
)
const history = fc.array(anyMessage, { maxLength: 12 })

it('every call has exactly one return, in the message after it, and there is no other return', () => {
  fc.assert(
    fc.property(history, (messages) => {
      const repaired = repair(messages)
      for (const [i, each] of repaired.entries()) {
        const before = repaired[i - 1]
        expect(each.role).not.toBe('approval')
        if (each.role === 'tool') expect(each.tool_returns.map((r) => r.tool_call_id)).toEqual(before!.tool_calls.map((c) => c.id))
        if (each.tool_calls.length > 0) {
          expect(repaired[i + 1]?.role).toBe('tool')
          expect(new Set(each.tool_calls.map((c) => c.id)).size).toBe(each.tool_calls.length)
        }
      }
    }),
    { numRuns: 1000 },
  )
})

it('repairing twice is repairing once', () => {
  fc.assert(
    fc.property(history, (messages) => {
      const once = repair(messages)
      expect(repair(once)).toEqual(once)
    }),
    { numRuns: 1000 },
  )
})

it('changes no message that it is given', () => {
  fc.assert(
    fc.property(history, (messages) => {
      const before = structuredClone(messages)
      repair(messages)
      truncateReturns(messages, 1000)
      expect(messages).toEqual(before)
    }),
  )
})

it('keeps every user message and every text, in order', () => {
  const texts = (messages: Message[]) =>
    messages.flatMap((each) => each.content.flatMap((part) => (part.type === 'text' && part.text.trim() ? [part.text] : [])))
  fc.assert(
    fc.property(history, (messages) => {
      const repaired = repair(messages)
      expect(texts(repaired)).toEqual(texts(messages))
      expect(repaired.filter((m) => m.role === 'user')).toEqual(messages.filter((m) => m.role === 'user' && m.content.length > 0))
    }),
  )
})

it('leaves a sound history alone', () => {
  const sound = [
    message({ role: 'user', content: [text('hi')] }),
    message({ content: [thought('hm'), text('rolling')], tool_calls: [call('call-1'), call('call-2')] }),
    message({ role: 'tool', tool_returns: [answer('call-1'), answer('call-2')] }),
    message({ content: [text('done')] }),
  ]
  expect(repair(sound)).toEqual(sound)
})

it('answers a call that a crash cut, before what came next', () => {
  const [asked, next] = [message({ tool_calls: [call('call-1'), call('call-2')] }), message({ role: 'user', content: [text('well?')] })]
  const late = message({ role: 'tool', tool_returns: [answer('call-2', '6')] })
  const repaired = repair([asked, next, late])
  expect(repaired.map((each) => each.role)).toEqual(['assistant', 'tool', 'user'])
  expect(repaired[1]!.tool_returns).toMatchObject([
    { tool_call_id: 'call-1', status: 'error', content: expect.stringContaining('interrupted, outcome unknown') },
    { tool_call_id: 'call-2', status: 'success', content: '6' },
  ])
})

it('gives a return to the latest call when an id was used again', () => {
  const rounds = ['1', '2'].flatMap((content) => [
    message({ tool_calls: [call('call-1')] }),
    message({ role: 'tool', tool_returns: [answer('call-1', content)] }),
  ])
  expect(repair(rounds)).toEqual(rounds)
})

it('drops returns without a call, repeated returns, and messages that say nothing', () => {
  const asked = message({ tool_calls: [call('call-1')] })
  const returned = message({ role: 'tool', tool_returns: [answer('call-1')] })
  const repaired = repair([
    message({ role: 'tool', tool_returns: [answer('call-1')] }),
    asked,
    returned,
    message({ role: 'tool', tool_returns: [answer('call-1', 'again')] }),
    message({ content: [text(' ')] }),
    message({ content: [thought('only a thought')] }),
    message({ role: 'user', content: [] }),
  ])
  expect(repaired).toEqual([asked, returned])
})

it('joins free calls and those that waited for approval, with the return in one message', () => {
  const said = message({ content: [text('both')], tool_calls: [call('call-1')] })
  const repaired = repair([
    said,
    message({ role: 'approval', tool_calls: [call('call-2', 'pay')] }),
    message({ role: 'approval', approvals: [{ type: 'approval', tool_call_id: 'call-2', approve: true }] }),
    message({ role: 'tool', tool_returns: [answer('call-1'), answer('call-2')] }),
  ])
  expect(repaired).toMatchObject([
    { id: said.id, role: 'assistant', tool_calls: [{ id: 'call-1' }, { id: 'call-2' }] },
    { role: 'tool', tool_returns: [{ tool_call_id: 'call-1' }, { tool_call_id: 'call-2' }] },
  ])
})

it('takes what the user answered for the return when the tool message was never stored', () => {
  const request = message({ role: 'approval', tool_calls: [call('call-1', 'pay'), call('call-2', 'local'), call('call-3', 'run')] })
  const approvals: Message['approvals'] = [
    { type: 'approval', tool_call_id: 'call-1', approve: false, reason: 'too dear' },
    { type: 'tool', tool_call_id: 'call-2', tool_return: '7', status: 'success' },
    { type: 'approval', tool_call_id: 'call-3', approve: true },
  ]
  expect(repair([request, message({ role: 'approval', approvals })])[1]!.tool_returns).toMatchObject([
    { status: 'error', content: 'Error: request to call tool denied. User reason: too dear' },
    { status: 'success', content: '7' },
    { status: 'error', content: expect.stringContaining('interrupted') },
  ])
})

it('cuts tool returns to a fifth of the context window, but never below 5000 characters', () => {
  const long = message({ role: 'tool', tool_returns: [answer('call-1', '😀'.repeat(9000))] })
  const content = (window: number) => truncateReturns([long], window)[0]!.tool_returns[0]!.content
  expect(content(1000)).toBe(`${'😀'.repeat(5000)}... [truncated 4000 chars]`)
  expect(content(10_000)).toBe(`${'😀'.repeat(8000)}... [truncated 1000 chars]`)
  expect(content(128_000)).toBe('😀'.repeat(9000))
})
