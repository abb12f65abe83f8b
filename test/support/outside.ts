import { afterEach, vi } from 'vitest'

/** A request that a stand-in for an outside server got. */
export interface Seen {
  method: string
  url: URL
  headers: Headers
  body: string
}

type Server = (request: Request) => Response | Promise<Response>
const servers = new Map<string, Server>()

/** Stands in for the outside server at `origin` until the test is over, and returns what it gets. Nothing else can be reached. */
export function outside(origin: string, answer: (seen: Seen, request: Request) => Response | Promise<Response>): Seen[] {
  const seen: Seen[] = []
  servers.set(new URL(origin).origin, async (request) => {
    const body = await request.clone().text()
    const got = { method: request.method, url: new URL(request.url), headers: request.headers, body }
    seen.push(got)
    return answer(got, request)
  })
  if (!vi.isMockFunction(globalThis.fetch)) {
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const request = new Request(input as string, init as RequestInit)
      const server = servers.get(new URL(request.url).origin)
      if (!server) throw new TypeError(`connection refused: ${request.url}`)
      return server(request)
    })
  }
  return seen
}

afterEach(() => {
  vi.restoreAllMocks()
  servers.clear()
})
