import { expect, test } from 'vitest'
import { scriptedModel } from '../../../src/models/scripted'
import { ModelError, type ModelRequest } from '../../../src/runtime/model'
import type { Message } from '../../../src/runtime/types'
import { callsOf, deltas, finishOf, message, modelRequest, reasoningOf, textOf, weatherTool } from '../../support/fakes/model-request'

const ask = (text: string, more: Partial<ModelRequest> = {}) =>
  deltas(scriptedModel, modelRequest({ messages: [message('user', text)], ...more }))

/** Plays a whole turn: calls are answered at once, until a response makes none. Returns what each response said and called. */
async function play(text: string, limit = 10): Promise<{ text: string; calls: string[]; ids: string[] }[]> {
  const messages: Message[] = [message('user', text)]
  const responses: { text: string; calls: string[]; ids: string[] }[] = []
  while (responses.length < limit) {
    const said = await deltas(scriptedModel, modelRequest({ messages, tools: [weatherTool] }))
    const calls = callsOf(said)
    responses.push({ text: textOf(said), calls: calls.map((call) => `${call.name} ${call.arguments}`), ids: calls.map((call) => call.id) })
    if (calls.length === 0) break
    const tool_returns = calls.map((call) => ({
      tool_call_id: call.id,
      name: call.name,
      status: 'success' as const,
      content: `did ${call.name}`,
    }))
    messages.push(message('assistant', textOf(said), { tool_calls: calls }), message('tool', [], { tool_returns }))
  }
  return responses
}

test('a plain message is quoted whole, in words, by something that says it is no language model', async () => {
  const text = 'Remember:  the  café opens at 7 — "sharp"\nand /usr/bin is a path.'
  const said = await ask(text)
  expect(textOf(said)).toContain(`You said: "${text}".`)
  expect(textOf(said)).toContain('not a language model')
  expect(said.filter((delta) => delta.type === 'text').length).toBeGreaterThan(10)
  expect(finishOf(said).reason).toBe('stop')
})

test('the same request has the same response, and another message another', async () => {
  const request = modelRequest({ messages: [message('user', '/think hm\n/call weather {"city":"Oslo"}')] })
  expect(await deltas(scriptedModel, request)).toEqual(await deltas(scriptedModel, request))
  const other = modelRequest({ messages: [message('user', '/think hm\n/call weather {"city":"Oslo"}')] })
  expect(callsOf(await deltas(scriptedModel, request))[0]?.id).not.toBe(callsOf(await deltas(scriptedModel, other))[0]?.id)
})

test('calls on successive lines are parallel; what follows them waits for their results', async () => {
  expect(await play('/say Looking.\n/call weather {"city":"Oslo"}\n/call weather {"city":"Rome"}\n/say Both done.')).toEqual([
    { text: 'Looking.', calls: ['weather {"city":"Oslo"}', 'weather {"city":"Rome"}'], ids: expect.anything() },
    { text: 'Both done.', calls: [], ids: [] },
  ])
})

test('/then separates calls that are made one after the other, each with an id of its own', async () => {
  const responses = await play('/call a {"n":1}\n/then\n/call b\n/then\n/say end')
  expect(responses.map((response) => [...response.calls, response.text])).toEqual([['a {"n":1}', ''], ['b {}', ''], ['end']])
  const ids = responses.flatMap((response) => response.ids)
  expect(new Set(ids).size).toBe(2)
  for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,40}$/)
})

test('a script that ends with calls reports what the tools answered', async () => {
  const [, last] = await play('/call weather {"city":"Oslo"}')
  expect(last?.text).toContain('weather (success): did weather')
  expect(last?.text).toContain('loci/scripted')
})

test('arguments may go over several lines, and malformed ones are passed on as written', async () => {
  const said = await ask('/call weather {\n  "city": "Oslo"\n}\n/call weather {"city": Oslo')
  expect(callsOf(said).map((call) => call.arguments)).toEqual(['{\n  "city": "Oslo"\n}', '{"city": Oslo'])
  const pieces = said.flatMap((delta) => (delta.type === 'tool_call_delta' && delta.id === callsOf(said)[1]?.id ? [delta.arguments] : []))
  expect(pieces.join('')).toBe('{"city": Oslo')
})

test('a response stored in two messages of one step, or resumed after an approval, counts once', async () => {
  const user = message('user', '/call a\n/call b\n/say both')
  const first = callsOf(await deltas(scriptedModel, modelRequest({ messages: [user] })))
  const messages = [
    user,
    message('assistant', [], { step_id: 'step-1', tool_calls: first.slice(0, 1) }),
    message('approval', [], { step_id: 'step-1', tool_calls: first.slice(1) }),
    message('approval', [], { step_id: 'step-2' }),
    message('tool', [], { step_id: 'step-1', tool_returns: [] }),
  ]
  expect(textOf(await deltas(scriptedModel, modelRequest({ messages })))).toBe('both')
})

test('only the last user message is followed, and only what came after it counts', async () => {
  const messages = [message('user', '/say first'), message('assistant', 'first'), message('user', '/say second')]
  expect(textOf(await deltas(scriptedModel, modelRequest({ messages })))).toBe('second')
})

test('/think is reasoning, and its lines go on until the next directive', async () => {
  const said = await ask('/think one\ntwo\n/say three\nfour')
  expect([reasoningOf(said), textOf(said)]).toEqual(['one\ntwo', 'three\nfour'])
})

test('/echo quotes the message, /stream sets the size of a chunk, /stop the reason', async () => {
  expect(textOf(await ask('/echo'))).toContain('You said: "/echo"')
  const said = await ask('/stream 3\n/say ünïcödé\n/stop length')
  expect(said.flatMap((delta) => (delta.type === 'text' ? [delta.text] : []))).toEqual(['ünï', 'cöd', 'é'])
  expect(finishOf(said).reason).toBe('length')
})

test('/fail fails the first attempts at its response and then lets it through, after what was said before it', async () => {
  const request = modelRequest({ messages: [message('user', '/say so far\n/fail rate_limit 2 40ms\n/say through')] })
  for (const _ of [1, 2]) {
    const failed = await deltas(scriptedModel, request).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(ModelError)
    expect(failed).toMatchObject({ type: 'llm_rate_limit', options: { transient: true, retryAfterMs: 40, status: 429 } })
  }
  expect(textOf(await deltas(scriptedModel, request))).toBe('so far\nthrough')
})

test.each([
  ['timeout', 'llm_timeout', true],
  ['server', 'llm_error', true],
  ['empty', 'llm_empty_response', true],
  ['auth', 'llm_authentication', false],
  ['credits', 'llm_insufficient_credits', false],
  ['bad_request', 'llm_bad_request', false],
  ['context', 'context_window_exceeded', false],
])('/fail %s without a number always fails with %s', async (kind, type, transient) => {
  const request = modelRequest({ messages: [message('user', `/fail ${kind}`)] })
  for (const _ of [1, 2, 3]) await expect(deltas(scriptedModel, request)).rejects.toMatchObject({ type, options: { transient } })
})

test('/wait is silent for its time, and an abort ends it at once with the signal’s reason', async () => {
  const before = performance.now()
  await ask('/wait 60ms\n/say now')
  expect(performance.now() - before).toBeGreaterThanOrEqual(55)
  const controller = new AbortController()
  const reason = new Error('enough')
  const said = deltas(scriptedModel, modelRequest({ messages: [message('user', '/wait 60s')] }), controller.signal)
  setTimeout(() => controller.abort(reason), 20)
  await expect(said).rejects.toBe(reason)
})

test('an abort between two words ends the response there', async () => {
  const controller = new AbortController()
  const words: string[] = []
  const run = async () => {
    for await (const delta of scriptedModel.stream(modelRequest({ messages: [message('user', '/say a b c')] }), controller.signal)) {
      if (delta.type === 'text') words.push(delta.text)
      if (words.length === 2) controller.abort('stop')
    }
  }
  await expect(run()).rejects.toBe('stop')
  expect(words).toEqual(['a', ' b'])
})

test.each(['/say ok\n/cal weather', '/wait soon', '/fail nicely', '/fail server many', '/call', '/stop never', '/stream 0'])(
  'a script that cannot be followed is refused with the line: %s',
  async (text) => {
    await expect(ask(text)).rejects.toMatchObject({
      type: 'llm_bad_request',
      message: expect.stringContaining(`\`${text.split('\n').at(-1)}\``),
      options: { transient: false },
    })
  },
)

test('a tool that the request forces is called, with the user’s text where it needs a string', async () => {
  const said = await ask('Hello there', { tools: [weatherTool], tool_choice: { type: 'tool', name: 'weather' } })
  expect(callsOf(said).map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([['weather', { city: 'Hello there' }]])
  expect(finishOf(said).reason).toBe('tool_calls')
})

test('tokens are a quarter of the bytes, rounded up', async () => {
  const { usage } = finishOf(await ask('/think abcd\n/say äbcdé'))
  expect(usage).toMatchObject({ completion_tokens: 3, reasoning_tokens: 1, cached_input_tokens: null, cache_write_tokens: null })
  expect(usage.total_tokens).toBe(usage.prompt_tokens + 3)
  const longer = finishOf(await ask(`/think abcd\n/say äbcdé${' '.repeat(400)}`)).usage
  expect(longer.prompt_tokens - usage.prompt_tokens).toBe(100)
})

test('without a user message it says that nobody has spoken', async () => {
  expect(textOf(await deltas(scriptedModel, modelRequest({ messages: [message('summary', 'Earlier …')] })))).toContain('Nobody')
})
