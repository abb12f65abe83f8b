import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type ListToolsResult,
} from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, Server as ModernServer } from '@modelcontextprotocol/server'
import { type FakeTool, fakeTools } from './mcp-tools'

/** MCP servers on this machine, made of the official packages: the same tools over each transport. */
export interface McpServers {
  /** Streamable HTTP with sessions. */
  streamable: string
  /** The older transport of server-sent events. */
  sse: string
  /** Streamable HTTP of the 2026 revision, and nothing older. */
  modern: string
  /** Its tools, which tests may change. */
  tools: FakeTool[]
  received: { method: string; path: string; headers: IncomingHttpHeaders }[]
  /** Sessions that are open now. */
  open(): number
  /** When set, requests without this header value are answered 401. */
  authorization: string | null
  close(): Promise<void>
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : undefined
}

const info = { name: 'test', version: '1.0.0' }
const capabilities = { tools: {} }

const toolNamed = (tools: FakeTool[], name: string): FakeTool => {
  const tool = tools.find((one) => one.name === name)
  if (!tool) throw new Error(`no tool '${name}'`)
  return tool
}
const listed = (tools: FakeTool[]) => ({ tools: tools.map(({ run: _, ...tool }) => tool) }) as ListToolsResult

function legacyServer(tools: FakeTool[]): Server {
  const server = new Server(info, { capabilities })
  server.setRequestHandler(ListToolsRequestSchema, () => listed(tools))
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }) => (await toolNamed(tools, params.name).run(params.arguments ?? {})) as unknown as CallToolResult,
  )
  return server
}

function modernServer(tools: FakeTool[]): ModernServer {
  const server = new ModernServer(info, { capabilities })
  server.setRequestHandler('tools/list', () => listed(tools) as never)
  server.setRequestHandler('tools/call', async ({ params }) => (await toolNamed(tools, params.name).run(params.arguments ?? {})) as never)
  return server
}

/** Answers a Node request through a handler of web requests. */
async function throughWeb(request: IncomingMessage, response: ServerResponse, handle: (request: Request) => Promise<Response>) {
  const body = await bodyOf(request)
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)])
  const answer = await handle(
    new Request(`http://${request.headers.host}${request.url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  for await (const part of answer.body ?? []) response.write(part)
  response.end()
}

export async function mcpServers(): Promise<McpServers> {
  const tools = fakeTools()
  const received: McpServers['received'] = []
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const streams = new Map<string, SSEServerTransport>()
  const modern = createMcpHandler(() => modernServer(tools), { legacy: 'reject' })
  const state = { authorization: null as string | null }

  async function streamable(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known) return known.handleRequest(request, response, await bodyOf(request))
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    await legacyServer(tools).connect(transport)
    return transport.handleRequest(request, response, await bodyOf(request))
  }

  async function stream(response: ServerResponse): Promise<void> {
    const transport = new SSEServerTransport('/messages', response)
    streams.set(transport.sessionId, transport)
    response.on('close', () => streams.delete(transport.sessionId))
    await legacyServer(tools).connect(transport)
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://local')
    received.push({ method: request.method ?? '', path: pathname, headers: request.headers })
    try {
      if (state.authorization !== null && request.headers.authorization !== state.authorization) response.writeHead(401).end()
      else if (pathname === '/mcp') await streamable(request, response)
      else if (pathname === '/sse' && request.method === 'GET') await stream(response)
      else if (pathname === '/messages')
        await streams.get(searchParams.get('sessionId') ?? '')?.handlePostMessage(request, response, await bodyOf(request))
      else if (pathname === '/modern') await throughWeb(request, response, (web) => modern.fetch(web))
      else response.writeHead(404).end('nothing here')
    } catch (error) {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    streamable: `${url}/mcp`,
    sse: `${url}/sse`,
    modern: `${url}/modern`,
    tools,
    received,
    open: () => sessions.size + streams.size,
    get authorization() {
      return state.authorization
    },
    set authorization(value) {
      state.authorization = value
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
