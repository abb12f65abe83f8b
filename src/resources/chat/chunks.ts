import { sseDone, sseFrame } from '../../lib/sse'
import type { LettaStreamingResponse } from '../../runtime/wire-schema'
import type { ChatCompletionChunk } from './schema'

/** What every chunk of a completion says of it. */
export interface Completion {
  id: string
  /** Seconds since the epoch. */
  created: number
  /** Id of the agent. */
  model: string
}

type AssistantContent = Extract<LettaStreamingResponse, { message_type: 'assistant_message' }>['content']

export const textOf = (content: AssistantContent): string =>
  typeof content === 'string' ? content : content.map((part) => part.text).join('\n')

/** What stands between two messages of one turn. */
export const betweenMessages = '\n\n'

/** A failure in OpenAI's form. */
export const openaiError = (message: string, code: string, status = 500) => ({
  message,
  type: status < 500 ? 'invalid_request_error' : 'api_error',
  param: null,
  code,
})

export const finishReason = (stop_reason: string) => (stop_reason === 'max_tokens_exceeded' ? ('length' as const) : ('stop' as const))

/** Turns the events of a run, one after the other, into frames of a stream of chat completion chunks. */
export function chunker(completion: Completion, includeUsage: boolean): (event: LettaStreamingResponse) => string {
  let speaking: string | null = null
  let reason: 'stop' | 'length' = 'stop'
  const chunk = (choice: Partial<ChatCompletionChunk['choices'][number]>): string => {
    const choices = [{ index: 0 as const, delta: {}, logprobs: null, finish_reason: null, ...choice }]
    return sseFrame({ ...completion, object: 'chat.completion.chunk', choices, ...(includeUsage ? { usage: null } : {}) })
  }
  return (event) => {
    switch (event.message_type) {
      case 'assistant_message': {
        const part = `${event.id} ${event.otid}`
        const first = speaking === null
        const gap = first || speaking === part ? '' : betweenMessages
        speaking = part
        return chunk({ delta: { ...(first ? { role: 'assistant' } : {}), content: gap + textOf(event.content) } })
      }
      case 'stop_reason':
        reason = finishReason(event.stop_reason)
        return ''
      case 'usage_statistics': {
        const { prompt_tokens, completion_tokens, total_tokens } = event
        const usage = {
          ...completion,
          object: 'chat.completion.chunk',
          choices: [],
          usage: { prompt_tokens, completion_tokens, total_tokens },
        }
        const opening = speaking === null ? chunk({ delta: { role: 'assistant', content: '' } }) : ''
        return opening + chunk({ finish_reason: reason }) + (includeUsage ? sseFrame(usage) : '')
      }
      case 'error_message':
        return sseFrame({ error: openaiError(event.message, event.error_type) })
      default:
        return ''
    }
  }
}

/** The events of a run as a stream of chunks that ends with `[DONE]`. */
export function asChunks(
  events: ReadableStream<Uint8Array>,
  translate: (event: LettaStreamingResponse) => string,
): ReadableStream<Uint8Array> {
  const decoder = new TextDecoder()
  const utf8 = new TextEncoder()
  let rest = ''
  const frameOf = (text: string): string => {
    const data = text
      .split('\n')
      .find((line) => line.startsWith('data: '))
      ?.slice('data: '.length)
    if (data === undefined) return ''
    return data === '[DONE]' ? sseDone : translate(JSON.parse(data))
  }
  return events.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        const frames = (rest + decoder.decode(bytes, { stream: true })).split('\n\n')
        rest = frames.pop() ?? ''
        const text = frames.map(frameOf).join('')
        if (text !== '') controller.enqueue(utf8.encode(text))
      },
    }),
  )
}
