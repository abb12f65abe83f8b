import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Row = Record<string, unknown> & { id: string }

/** What the fake holds. Rows are in order of creation. */
export interface Held {
  agents: Row[]
  blocks: Row[]
  tools: Row[]
  /** What the list of an agent's messages shows, by agent. */
  messages: Record<string, Row[]>
}

/** A small part of the retired Letta server, with its quirks. */
export interface LettaServer {
  url: string
  requests: string[]
  stop(): Promise<void>
}

/** A page as the retired server cuts it: a limit of 0 is none, an unknown cursor is ignored. */
function pageOf(rows: Row[], query: URLSearchParams): Row[] {
  const ordered = query.get('order') === 'asc' ? rows : rows.toReversed()
  const at = (name: string) => ordered.findIndex((row) => row.id === query.get(name))
  const from = query.has('after') ? at('after') + 1 : 0
  const limit = Number(query.get('limit') ?? 50) || ordered.length
  return ordered.slice(from, from + limit)
}

/** Starts it on a free port. Collection roots are served with a slash only; without one, a redirect answers. */
export async function startLettaServer(held: Held, token: string): Promise<LettaServer> {
  const requests: string[] = []
  let stumbles = 1
  const reply = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  const missing = (response: ServerResponse) => reply(response, 404, { detail: 'Not Found' })

  const lists: Record<string, (query: URLSearchParams) => Row[]> = {
    // The list of agents takes no cursor at all: every page is the first.
    '/v1/agents/': (query) => held.agents.slice(0, Number(query.get('limit') ?? 50)).map((agent) => ({ ...agent, blocks: [], tools: [] })),
    '/v1/blocks/': (query) => pageOf(held.blocks, query),
    '/v1/tools/': (query) => pageOf(held.tools, query),
  }

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://letta.test')
    requests.push(`${request.method} ${url.pathname}`)
    if (request.headers.authorization !== `Bearer ${token}`) return reply(response, 401, { detail: 'Unauthorized' })
    if (lists[`${url.pathname}/`]) return reply(response, 307, null, { location: `${url.pathname}/${url.search}` })
    const list = lists[url.pathname]
    if (list) {
      // Now and then it is busy.
      if (stumbles-- > 0) return reply(response, 503, { detail: 'try again' }, { 'retry-after': '0' })
      return reply(response, 200, list(url.searchParams))
    }
    const [, id = '', rest] = url.pathname.match(/^\/v1\/agents\/([^/]+)(\/.*)?$/) ?? []
    const agent = held.agents.find((one) => one.id === id)
    if (!agent) return missing(response)
    if (rest === undefined) return reply(response, 200, agent)
    if (rest === '/messages') return reply(response, 200, messagePage(held.messages[id] ?? [], url.searchParams))
    if (rest === '/export' && held.messages[id]) return reply(response, 500, { detail: 'An unknown error occurred' })
    return missing(response)
  }

  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** A page counts stored messages, whose parts share an id; cursors are chronological whatever the order. */
function messagePage(rows: Row[], query: URLSearchParams): Row[] {
  const ids = [...new Set(rows.map((row) => row.id))]
  const from = query.has('after') ? ids.indexOf(query.get('after') ?? '') + 1 : 0
  const page = new Set(ids.slice(from, from + Number(query.get('limit') ?? 100)))
  return rows.filter((row) => page.has(row.id))
}
