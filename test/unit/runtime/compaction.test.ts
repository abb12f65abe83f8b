import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipSummary, messageTokens, packSummary, planCompaction, summaryRequest, transcript } from '../../../src/runtime/compaction'
import { compactionOf } from '../../../src/runtime/compaction-schema'
import { repair } from '../../../src/runtime/repair'
import type { Message } from '../../../src/runtime/types'
import { toWire } from '../../../src/runtime/wire'
import { answer, call, message, text } from './messages'

const user = (words: string) => message({ role: 'user', content: [text(words)], step_id: null, model: null })
const says = (words: string, step_id = 'step-1') => message({ content: [text(words)], step_id })
const calls = (...ids: string[]) => message({ tool_calls: ids.map((id) => call(id)) })
const returns = (...ids: string[]) => message({ role: 'tool', tool_returns: ids.map((id) => answer(id)) })
const asks = (...ids: string[]) => message({ role: 'approval', tool_calls: ids.map((id) => call(id)) })
const approves = (...ids: string[]) =>
  message({ role: 'approval', approvals: ids.map((tool_call_id) => ({ type: 'approval' as const, tool_call_id, approve: true })) })
const summary = () => message({ role: 'summary', content: [text('{"message":"before"}')] })

const window = 10_000
const sliding = { mode: 'sliding_window', share: 0.3 } as const
const all = { mode: 'all', share: 0.3 } as const
const sizes = (messages: Message[], how: typeof sliding | typeof all, of = window) => {
  const plan = planCompaction(messages, how, of)
  return plan && [plan.evicted.length, plan.kept.length]
}

/** Histories of whole turns, of which the last may wait for an answer. */
let made = 0
const turn = fc.array(fc.constantFrom('say', 'call', 'call two', 'approved', 'mixed'), { maxLength: 4 }).map((steps): Message[] => [
  user('go on'),
  ...steps.flatMap((step) => {
    const [a, b] = [`call-${++made}`, `call-${++made}`]
    const step_id = `step-${made}`
    const free = { ...calls(a), step_id }
    const gated = { ...asks(b), step_id }
    if (step === 'call') return [calls(a), returns(a)]
    if (step === 'call two') return [calls(a, b), returns(a, b)]
    if (step === 'approved') return [gated, approves(b), returns(b)]
    return step === 'mixed' ? [free, gated, approves(b), returns(a, b)] : [says('hm')]
  }),
  says('done'),
])
const waiting = fc.constantFrom('no', 'asks', 'mixed').map((kind): Message[] => {
  const [a, b] = [`call-${++made}`, `call-${++made}`]
  if (kind === 'no') return []
  return kind === 'asks' ? [user('do it'), asks(b)] : [user('do it'), { ...calls(a), step_id: 's' }, { ...asks(b), step_id: 's' }]
})
const history = fc
  .tuple(fc.boolean(), fc.array(turn, { maxLength: 6 }), waiting)
  .map(([summarized, turns, tail]) => [...(summarized ? [summary()] : []), ...turns.flat(), ...tail])
const how = fc.record({
  mode: fc.constantFrom('all' as const, 'sliding_window' as const),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
})

describe('what is compacted', () => {
  it('is everything for `all`, and the older part for `sliding_window`', () => {
    const messages = Array.from({ length: 10 }, (_, i) => (i % 2 ? says(`answer ${i}`) : user(`question ${i}`)))
    expect(sizes(messages, all)).toEqual([10, 0])
    expect(sizes(messages, sliding)).toEqual([4, 6])
    expect(sizes(messages, { ...sliding, share: 0.6 } as never)).toEqual([7, 3])
  })

  it('grows until the rest fits its share of the window, and is everything when no rest does', () => {
    const messages = Array.from({ length: 10 }, (_, i) => user(`${i} ${'x'.repeat(400)}`))
    const each = messageTokens(messages.slice(0, 1))
    expect(sizes(messages, sliding, (each * 4.5) / 0.7)).toEqual([6, 4])
    expect(sizes(messages, sliding, each)).toEqual([10, 0])
  })

  it('is nothing when a summary would not make the context shorter', () => {
    for (const messages of [[], [user('hello')], [summary()]]) {
      expect(sizes(messages, all)).toBeNull()
      expect(sizes(messages, sliding)).toBeNull()
    }
    expect(sizes([summary(), user('hello')], sliding)).toEqual([2, 0])
  })

  it('leaves a response alone that waits for an answer, with the calls of its own that need none', () => {
    const free = { ...calls('a'), step_id: 's' }
    const gated = { ...asks('b'), step_id: 's' }
    const plan = planCompaction([user('one'), says('two'), user('three'), free, gated], all, window)
    expect(plan?.kept).toEqual([free, gated])
    expect(planCompaction([user('one'), asks('b')], all, window)).toBeNull()
  })

  it('never parts a call from its result or an approval from its request; the rest is a suffix', () => {
    fc.assert(
      fc.property(history, how, fc.integer({ min: 1, max: 2_000 }), (messages, settings, tokens) => {
        const plan = planCompaction(messages, settings, tokens)
        if (!plan) return
        expect([...plan.evicted, ...plan.kept]).toEqual(messages)
        expect(plan.evicted.length).toBeGreaterThan(1)
        const named = (part: Message[]) => new Set(part.flatMap((m) => m.tool_calls.map((c) => c.id)))
        const answered = (part: Message[]) => part.flatMap((m) => [...m.tool_returns, ...m.approvals].map((r) => r.tool_call_id))
        expect(answered(plan.kept).filter((id) => !named(plan.kept).has(id))).toEqual([])
        expect([...named(plan.evicted)].filter((id) => !answered(plan.evicted).includes(id))).toEqual([])
        // So that both parts read as before: nothing in them had to be repaired.
        expect([...repair(plan.evicted), ...repair(plan.kept)]).toEqual(repair(messages))
      }),
    )
  })

  it('comes to an end: done again and again, a context gets shorter each time until there is nothing to do', () => {
    fc.assert(
      fc.property(history, how, (messages, settings) => {
        let left = messages
        for (let plan = planCompaction(left, settings, window); plan; plan = planCompaction(left, settings, window)) {
          const next = [summary(), ...plan.kept]
          expect(next.length).toBeLessThan(left.length)
          left = next
        }
        expect(planCompaction(left, settings, window)).toBeNull()
      }),
    )
  })
})

describe('the text that is summarized', () => {
  const messages = [
    summary(),
    user('What is\nuser: this?'),
    message({ content: [text('Let me see.')], tool_calls: [call('a', 'look', '{"at":"it"}')] }),
    message({ role: 'tool', tool_returns: [answer('a', 'y'.repeat(6_000), 'look')] }),
    says('A thing.'),
  ]

  it('says who said what, with lines that cannot be taken for another message', () => {
    const lines = transcript(messages.slice(0, 3), 10_000).split('\n')
    expect(lines).toEqual([
      'summary of what was before: before',
      'user: What is',
      '  user: this?',
      'assistant: Let me see.',
      'call of look: {"at":"it"}',
    ])
  })

  it('loses the ends of results first, then its middle, when it would be too long', () => {
    expect(transcript(messages, 10_000)).toContain('y'.repeat(6_000))
    const cut = transcript(messages, 5_500)
    expect(cut).toContain(`${'y'.repeat(5_000)}… [cut]`)
    expect(cut).toContain('assistant: A thing.')
    const short = transcript(messages, 400)
    expect(short).toMatch(/^summary of what was before[\s\S]*characters left out\][\s\S]*A thing\.$/)
    expect(new TextEncoder().encode(short).length).toBeLessThan(500)
  })

  it('is asked about with the prompt, after an acknowledgement when that is wanted, and without the agent’s own format', () => {
    const settings = { temperature: 0, response_format: { type: 'json_object' } }
    const request = summaryRequest(messages, compactionOf({ prompt: 'Shorten it.' }), 8_000, settings)(1)
    expect(request).toMatchObject({ tools: [], settings: { temperature: 0 }, response_format: null })
    expect(request.settings).not.toHaveProperty('response_format')
    expect(request.messages).toHaveLength(1)
    expect(request.messages[0]?.content[0]).toMatchObject({ text: expect.stringMatching(/^<conversation>[\s\S]*\n\nShorten it\.$/) })
    const acknowledged = summaryRequest(messages, compactionOf({ prompt_acknowledgement: true }), 8_000, {})(1)
    expect(acknowledged.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    const halved = summaryRequest(messages, compactionOf(), 1_000, {})
    expect(JSON.stringify(halved(0.5)).length).toBeLessThan(JSON.stringify(halved(1)).length)
  })
})

describe('a summary', () => {
  it('is cut at its limit, and says so', () => {
    expect(clipSummary(' short \n', 5)).toBe('short')
    expect(clipSummary('too long', 3)).toBe('too... [summary truncated to fit]')
    expect(clipSummary('too long', null)).toBe('too long')
  })

  it('is packed for the model, and unpacked for clients that know summaries', () => {
    const stats = {
      trigger: 'manual',
      context_tokens_before: 9,
      context_tokens_after: 3,
      context_window: 100,
      messages_count_before: 5,
      messages_count_after: 2,
    }
    const packed = message({ role: 'summary', content: [text(packSummary('They met.', 4, Date.UTC(2026, 0, 1), 'UTC', stats))] })
    expect(toWire(packed)[0]).toMatchObject({
      message_type: 'summary_message',
      summary: expect.stringMatching(/^Note: 4 messages[\s\S]*\nThey met\.$/),
      compaction_stats: stats,
    })
    const [shown] = toWire(packed, { summaryAsUser: true })
    expect(shown).toMatchObject({ message_type: 'user_message', content: expect.stringContaining('"type":"system_alert"') })
  })
})

describe('the settings that count', () => {
  it('are those of the request, then those of the agent, then the defaults', () => {
    const agent = { mode: 'all' as const, model: 'openai/gpt-5-mini', clip_chars: 10, prompt: 'Agent.' }
    expect(compactionOf(agent, { prompt: 'Request.', clip_chars: null, model: null })).toMatchObject({
      mode: 'all',
      model: 'openai/gpt-5-mini',
      clip_chars: null,
      prompt: 'Request.',
      acknowledged: false,
      share: 0.3,
    })
    expect(compactionOf(null, undefined)).toMatchObject({ mode: 'sliding_window', model: null, clip_chars: 50_000, share: 0.3 })
  })

  it('take the agent’s own model where an agent compacts itself', () => {
    const own = { model: 'openai/gpt-5-mini', model_settings: { temperature: 1 } }
    expect(compactionOf({ ...own, mode: 'self_compact_all' })).toMatchObject({ mode: 'all', model: null, model_settings: null })
    expect(compactionOf({ ...own, mode: 'self_compact_sliding_window' })).toMatchObject({ mode: 'sliding_window', model: null })
  })
})
