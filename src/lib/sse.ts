/** One server-sent event with a JSON body. Clients of the Letta API throw on the event name `error` and drop any other name. */
export const sseFrame = (data: unknown, event?: 'error'): string => `${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`

/** The frame that ends a stream. */
export const sseDone = 'data: [DONE]\n\n'

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const
