import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A step of a streamed answer: an event, or something that happens to the connection. */
export type Chunk = Record<string, unknown> | '[DONE]' | Pause | 'hang' | 'drop'

/** Silence for some milliseconds within an answer. */
export class Pause {
  constructor(readonly ms: number) {}
}

/** One scripted answer: a stream of server-sent events, or a plain body with a status. */
export type Answer =
  | { events: Chunk[]; headers?: Record<string, string> }
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | { silent: true }

export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Record<string, unknown>
  /** Resolves when the caller went away before the answer was complete. */
  gone: Promise<void>
}

export interface ModelServer {
  url: string
  received: Received[]
  /** Answers for the next requests, in order; a request without one is answered 500. */
  answer(...answers: Answer[]): void
  close(): Promise<void>
}

async function send(response: ServerResponse, events: Chunk[]): Promise<void> {
  for (const chunk of events) {
    if (chunk === '[DONE]') response.write('data: [DONE]\n\n')
    else if (chunk instanceof Pause) await new Promise((resolve) => setTimeout(resolve, chunk.ms))
    else if (chunk === 'hang') return
    else if (chunk === 'drop') {
      await new Promise((resolve) => response.write(': dropping\n\n', resolve))
      response.destroy()
      return
    } else {
      const name = typeof chunk.type === 'string' ? `event: ${chunk.type}\n` : ''
      response.write(`${name}data: ${JSON.stringify(chunk)}\n\n`)
    }
  }
  response.end()
}

/** A model provider on this machine: real HTTP, answers by script. */
export async function modelServer(): Promise<ModelServer> {
  const answers: Answer[] = []
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString()
    const gone = new Promise<void>((resolve) => response.on('close', () => !response.writableFinished && resolve()))
    received.push({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
      gone,
    })
    const answer = answers.shift() ?? { status: 500, body: { error: { message: 'no answer is scripted' } } }
    if ('silent' in answer) return
    if ('events' in answer) {
      response.writeHead(200, { 'content-type': 'text/event-stream', ...answer.headers })
      await send(response, answer.events)
    } else {
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (...more) => void answers.push(...more),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
