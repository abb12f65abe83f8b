import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sseFrame } from '../../src/lib/sse'
import { asChunks, chunker } from '../../src/resources/chat/chunks'
import type { LettaStreamingResponse } from '../../src/runtime/wire-schema'

const completion = { id: 'chatcmpl-run-1', created: 1, model: 'agent-1' }
const says = (content: string, otid = 'a') =>
  ({ message_type: 'assistant_message', id: 'message-1', otid, content }) as LettaStreamingResponse
const stop = (stop_reason: string) => ({ message_type: 'stop_reason', stop_reason }) as LettaStreamingResponse
const usage = { message_type: 'usage_statistics', prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 } as LettaStreamingResponse

const parsed = (text: string) =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((frame) => (frame === 'data: [DONE]' ? 'done' : JSON.parse(frame.replace('data: ', ''))))
const chunks = (events: LettaStreamingResponse[], includeUsage = false) => parsed(events.map(chunker(completion, includeUsage)).join(''))
const choices = (events: LettaStreamingResponse[]) => chunks(events).map((chunk) => chunk.choices[0])

describe('the chunks of a chat completion', () => {
  it('begin with the role, hold what the agent says, and end with the reason', () => {
    const call = { message_type: 'tool_call_message' } as LettaStreamingResponse
    expect(choices([says('Hel'), says('lo'), call, says('Again.', 'b'), stop('end_turn'), usage])).toEqual([
      { index: 0, delta: { role: 'assistant', content: 'Hel' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: 'lo' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: '\n\nAgain.' }, logprobs: null, finish_reason: null },
      { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    ])
  })

  it('tell of a limit, of tokens when asked, and are there although nothing was said', () => {
    expect(choices([stop('max_tokens_exceeded'), usage])).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
      { index: 0, delta: {}, logprobs: null, finish_reason: 'length' },
    ])
    const told = chunks([says('Hi'), stop('end_turn'), usage], true)
    expect(told.map((chunk) => chunk.usage)).toEqual([null, null, { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 }])
    expect(told.at(-1)).toMatchObject({ ...completion, object: 'chat.completion.chunk', choices: [] })
  })

  it('tell a failure in OpenAI’s form, without a reason to finish', () => {
    const failed = { message_type: 'error_message', message: 'No key.', error_type: 'llm_authentication' } as LettaStreamingResponse
    expect(chunks([says('Hi'), stop('llm_api_error'), failed]).slice(1)).toEqual([
      { error: { message: 'No key.', type: 'api_error', param: null, code: 'llm_authentication' } },
    ])
  })

  it('are the same wherever the stream of events is cut', async () => {
    const bytes = new TextEncoder().encode(
      `${sseFrame(says('Zoë said:\nhi'))}${sseFrame(says('€', 'b'))}${sseFrame({ message_type: 'ping' })}${sseFrame(stop('end_turn'))}${sseFrame(usage)}data: [DONE]\n\n`,
    )
    const read = (cuts: number[]) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
      const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end))
      const events = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of pieces) controller.enqueue(piece)
          controller.close()
        },
      })
      return new Response(asChunks(events, chunker(completion, true))).text()
    }
    const whole = await read([])
    expect(parsed(whole).at(-1)).toBe('done')
    expect(whole).toContain('Zoë said:\\nhi')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        expect(await read(cuts)).toBe(whole)
      }),
    )
  })
})
