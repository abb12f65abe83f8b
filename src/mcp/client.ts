import type { Client, Tool } from '@modelcontextprotocol/client'
import { version } from '../../package.json'
import { guardedStream, type StreamPolicy } from '../lib/egress-stream'
import { McpError, mcpErrorOf } from './errors'
import { type McpResult, readResult } from './result'

/** An MCP server as it is reached. The headers may hold secrets. */
export interface McpEndpoint {
  name: string
  transport: 'sse' | 'streamable_http'
  url: string
  headers: Record<string, string>
}

/** What a session may reach, and how long its parts may take, in milliseconds. */
export interface McpLimits {
  policy: Omit<StreamPolicy, 'maxResponseBytes'>
  connectMs: number
  listMs: number
  callMs: number
}

/** A tool as its server tells it. */
export type McpTool = Pick<Tool, 'name' | 'title' | 'description' | 'annotations'> & {
  inputSchema: Record<string, unknown>
  outputSchema?: Record<string, unknown> | undefined
}

/** Bytes of one answer that are read. */
const maxResponseBytes = 16 * 1024 * 1024
/** How long the farewell to a server may take. */
const farewellMs = 2_000

/** The work, or a `timeout` after `ms`; also for work that does not listen to a signal. */
function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new McpError('timeout', `${what} took longer than ${ms / 1000} s`)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Opens a session with a server, does `work` in it, and closes it. Servers of the 2026 revision are spoken to without a handshake, older
 * ones with one. Every failure is an McpError that names the server and holds none of its headers.
 */
async function inSession<T>(endpoint: McpEndpoint, limits: McpLimits, work: (client: Client) => Promise<T>): Promise<T> {
  // Loaded when it is first needed: most isolates never speak to an MCP server.
  const { Client, SSEClientTransport, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  const over = new AbortController()
  const reach = guardedStream({ ...limits.policy, maxResponseBytes })
  const fetch = (url: string | URL, init?: RequestInit) =>
    reach(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, over.signal]) : over.signal })
  const options = { fetch, requestInit: { headers: endpoint.headers } }
  const streamable = endpoint.transport === 'streamable_http' ? new StreamableHTTPClientTransport(new URL(endpoint.url), options) : null
  const client = new Client({ name: 'loci', version }, { versionNegotiation: { mode: streamable ? 'auto' : 'legacy' } })
  try {
    const connecting = client.connect(streamable ?? new SSEClientTransport(new URL(endpoint.url), options), { timeout: limits.connectMs })
    await within(limits.connectMs, 'Connecting', connecting)
    return await work(client)
  } catch (error) {
    throw mcpErrorOf(error, endpoint)
  } finally {
    await within(farewellMs, 'Closing', streamable?.terminateSession() ?? Promise.resolve()).catch(() => undefined)
    await client.close().catch(() => undefined)
    over.abort()
  }
}

/** The tools that a server has now. */
export function listTools(endpoint: McpEndpoint, limits: McpLimits): Promise<McpTool[]> {
  return inSession(endpoint, limits, async (client) => {
    const { tools } = await within(limits.listMs, 'Listing tools', client.listTools(undefined, { timeout: limits.listMs }))
    return [...new Map((tools as McpTool[]).map((tool) => [tool.name, tool])).values()]
  })
}

/**
 * Calls a tool by its server's own name. What the tool or its server says went wrong is a result; an McpError means that the call got no
 * answer, and may or may not have taken effect.
 */
export function callTool(
  endpoint: McpEndpoint,
  limits: McpLimits,
  tool: { name: string; parameters: Record<string, unknown> },
  args: Record<string, unknown>,
): Promise<McpResult> {
  const toolDefinition = { name: tool.name, inputSchema: { ...tool.parameters, type: 'object' as const } }
  return inSession(endpoint, limits, async (client) => {
    const call = client.callTool({ name: tool.name, arguments: args }, { timeout: limits.callMs, toolDefinition })
    return readResult(await within(limits.callMs, `Calling '${tool.name}'`, call))
  }).catch((error: McpError) => {
    if (error.reason !== 'refused') throw error
    return { status: 'error', text: error.message }
  })
}
