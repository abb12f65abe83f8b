import fc from 'fast-check'
import { v7 as uuidv7 } from 'uuid'
import { expect, it } from 'vitest'
import { partOtid } from '../../../src/lib/id'
import { deltaMessages, fold } from '../../../src/runtime/delta'
import type { ModelDelta } from '../../../src/runtime/model'
import { addDelta, newDraft } from '../../../src/runtime/response'
import type { ToolCall } from '../../../src/runtime/types'
import { toWire } from '../../../src/runtime/wire'
import { LettaMessage } from '../../../src/runtime/wire-schema'
import { message } from './messages'

const message_id = `message-${uuidv7()}`
const context = { message_id, run_id: 'run-1', step_id: 'step-1', date: '2026-01-15T17:00:00.000Z' }

function stream(deltas: ModelDelta[]) {
  const draft = newDraft()
  const shown = deltas.flatMap((delta) => deltaMessages(context, draft, delta))
  for (const each of shown) expect(LettaMessage.parse(each)).toEqual(each)
  return { draft, shown }
}

const pieces = fc.array(fc.string(), { maxLength: 4 })

/** A call as a model may stream it: in pieces, whole at the end or not, or whole at once. */
const callDeltas = (id: string) =>
  fc
    .record({
      name: fc.constantFrom('roll_dice', 'pay'),
      args: pieces,
      how: fc.constantFrom('streamed', 'completed', 'whole', 'announced'),
    })
    .map(({ name, args, how }): ModelDelta[] => {
      const call: ToolCall = { id, name, arguments: args.join('') }
      const start: ModelDelta = { type: 'tool_call_start', id, name }
      const whole: ModelDelta = { type: 'tool_call', call }
      const streamed = args.map((piece): ModelDelta => ({ type: 'tool_call_delta', id, arguments: piece }))
      if (how === 'whole') return [whole]
      if (how === 'announced') return [start, whole]
      return how === 'streamed' ? [start, ...streamed] : [start, ...streamed.slice(0, -1), whole]
    })

const contentDelta: fc.Arbitrary<ModelDelta> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: fc.string() }),
  fc.record({ type: fc.constant('reasoning' as const), reasoning: fc.string(), signature: fc.constantFrom(null, null, 'sig') }),
  fc.record({ type: fc.constant('redacted_reasoning' as const), data: fc.string() }),
)

/** A model's response: content, then calls whose deltas are interleaved, with more content in between. */
const response: fc.Arbitrary<ModelDelta[]> = fc
  .tuple(
    fc.array(contentDelta),
    fc.tuple(callDeltas('call-1'), callDeltas('call-2'), callDeltas('call-3')),
    fc.array(contentDelta),
    fc.nat(3),
  )
  .chain(([before, calls, between, count]) => {
    const sources = [...calls.slice(0, count), between].filter((source) => source.length > 0)
    const turns = sources.flatMap((source, i) => source.map(() => i))
    return fc.shuffledSubarray(turns, { minLength: turns.length }).map((order) => {
      const queues = sources.map((source) => [...source])
      return [...before, ...order.map((i) => queues[i]!.shift()!)]
    })
  })

it('folds to what is shown of the stored response, whatever the model streams', () => {
  fc.assert(
    fc.property(response, (deltas) => {
      const { draft, shown } = stream(deltas)
      const stored = message({ id: message_id, content: draft.content, tool_calls: draft.calls })
      expect(fold(shown)).toEqual(toWire(stored))
    }),
    { numRuns: 1000 },
  )
})

it('leaves whole messages as they are', () => {
  const whole = [
    ...toWire(message({ role: 'user', content: [{ type: 'text', text: 'hi' }] })),
    ...toWire(message({ tool_calls: [{ id: 'call-1', name: 'roll_dice', arguments: '{}' }] })),
    ...toWire(message({ role: 'tool', tool_returns: [{ tool_call_id: 'call-1', name: 'roll_dice', status: 'success', content: '6' }] })),
  ]
  expect(fold(whole)).toEqual(whole)
  expect(fold([...whole, ...whole.slice(1)])).toEqual(whole)
})

it('streams a call in pieces that carry only what they add, the same under both keys', () => {
  const { shown } = stream([
    { type: 'text', text: 'a' },
    { type: 'tool_call_start', id: 'call-1', name: 'roll_dice' },
    { type: 'tool_call_delta', id: 'call-1', arguments: '{}' },
    { type: 'tool_call', call: { id: 'call-1', name: 'roll_dice', arguments: '{}' } },
  ])
  expect(shown.slice(1)).toMatchObject([
    { tool_call: { name: 'roll_dice', tool_call_id: 'call-1' }, tool_calls: { name: 'roll_dice', tool_call_id: 'call-1' } },
    { tool_call: { arguments: '{}', tool_call_id: 'call-1' }, tool_calls: { arguments: '{}', tool_call_id: 'call-1' } },
  ])
  expect(Object.keys((shown[1] as { tool_call: object }).tool_call)).toEqual(['name', 'tool_call_id'])
  expect(Object.keys((shown[2] as { tool_call: object }).tool_call)).toEqual(['arguments', 'tool_call_id'])
  expect(shown.map((each) => each.otid)).toEqual([0, 1, 1].map((index) => partOtid(message_id, index)))
})

it('stores the complete arguments when a provider rewrote what it had streamed', () => {
  const draft = newDraft()
  addDelta(draft, { type: 'tool_call_start', id: 'call-1', name: 'roll_dice' })
  addDelta(draft, { type: 'tool_call_delta', id: 'call-1', arguments: '{"a":null}' })
  expect(addDelta(draft, { type: 'tool_call', call: { id: 'call-1', name: 'roll_dice', arguments: '{}', signature: 's' } })).toBe(null)
  expect(draft.calls).toEqual([{ id: 'call-1', name: 'roll_dice', arguments: '{}', signature: 's' }])
})

it('ends a reasoning part with its signature', () => {
  const { draft } = stream([
    { type: 'reasoning', reasoning: 'a' },
    { type: 'reasoning', reasoning: 'b' },
    { type: 'reasoning', reasoning: '', signature: 'sig' },
    { type: 'reasoning', reasoning: 'c' },
    { type: 'text', text: '' },
  ])
  expect(draft.content).toMatchObject([
    { reasoning: 'ab', signature: 'sig' },
    { reasoning: 'c', signature: null },
  ])
})
