import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a receiver does with a request: answers, or keeps the connection open and says nothing. */
export type Reaction = { status: number; headers?: Record<string, string>; body?: string } | 'hang'

/** One request as it arrived. */
export interface Received {
  /** The `webhook-id`. */
  id: string
  path: string
  headers: IncomingHttpHeaders
  body: string
  at: number
  /** Status that was written to the connection while it was open; null when nothing was. */
  answered: number | null
}

/** A webhook receiver on this machine, over real HTTP. */
export interface ReceiverServer {
  url: string
  received: Received[]
  /** Requests at one path, in order of arrival. */
  at(path: string): Received[]
  close(): Promise<void>
}

/** `nth` counts the requests at the path from 1. */
export type React = (request: Received, nth: number) => Reaction | Promise<Reaction>

const ok: Reaction = { status: 200, body: 'thanks' }

/** A port of a host where nothing listens now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a receiver that answers 200 unless `react` says otherwise. */
export async function startReceiver(react: React = () => ok, { host = '127.0.0.1', port = 0 } = {}): Promise<ReceiverServer> {
  const received: Received[] = []
  const hanging = new Set<ServerResponse>()
  const at = (path: string) => received.filter((request) => request.path === path)
  const server = createServer(async (request, response) => {
    request.on('error', () => undefined)
    let body = ''
    try {
      for await (const chunk of request) body += chunk
    } catch {
      // The sender died in the middle of its request: that is no arrival.
      return
    }
    const path = request.url ?? '/'
    const seen: Received = {
      id: String(request.headers['webhook-id']),
      path,
      headers: request.headers,
      body,
      at: Date.now(),
      answered: null,
    }
    received.push(seen)
    const reaction = await react(seen, at(path).length)
    if (reaction === 'hang') return void hanging.add(response)
    if (response.destroyed) return
    seen.answered = reaction.status
    response.writeHead(reaction.status, reaction.headers).end(reaction.body ?? '')
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    received,
    at,
    close: async () => {
      for (const response of hanging) response.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
