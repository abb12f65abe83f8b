import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { callTool, listTools, type McpEndpoint, type McpLimits } from '../../../src/mcp/client'
import { McpError } from '../../../src/mcp/errors'
import { type McpServers, mcpServers } from '../../support/fakes/mcp-server'

let servers: McpServers
beforeAll(async () => {
  servers = await mcpServers()
})
afterEach(() => {
  servers.authorization = null
})
afterAll(() => servers.close())

const limits = (changes: Partial<McpLimits> = {}): McpLimits => ({
  policy: { allow: ['loopback'], production: false },
  connectMs: 2_000,
  listMs: 2_000,
  callMs: 2_000,
  ...changes,
})
const transports = ['streamable', 'sse', 'modern'] as const
const at = (which: (typeof transports)[number], headers: Record<string, string> = {}): McpEndpoint => ({
  name: 'test',
  transport: which === 'sse' ? 'sse' : 'streamable_http',
  url: servers[which],
  headers,
})
const call = (endpoint: McpEndpoint, name: string, args: Record<string, unknown> = {}, within = limits()) =>
  callTool(endpoint, within, { name, parameters: servers.tools.find((tool) => tool.name === name)?.inputSchema ?? {} }, args)
const failure = async (work: Promise<unknown>): Promise<McpError> => {
  const error = await work.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(McpError)
  return error as McpError
}

describe.each(transports)('over %s', (which) => {
  // First of all: what a client that gave up still sends may arrive while a later test runs.
  it('sends the headers with every request, and says when they are refused without saying them', async () => {
    servers.authorization = 'Bearer right-token'
    const before = servers.received.length
    await listTools(at(which, { authorization: 'Bearer right-token', 'x-extra': 'more' }), limits())
    const sent = servers.received.slice(before).map(({ headers }) => [headers.authorization, headers['x-extra']])
    expect(new Set(sent.map(String))).toEqual(new Set(['Bearer right-token,more']))
    const error = await failure(listTools(at(which, { authorization: 'Bearer wrong-token' }), limits()))
    expect([error.reason, error.message]).toEqual(['unavailable', expect.stringContaining('401')])
    expect(error.message).not.toContain('wrong-token')
  })

  it('lists the tools of a server, and leaves no session open', async () => {
    const tools = await listTools(at(which), limits())
    expect(tools.map(({ name }) => name)).toEqual(['echo', 'add', 'failing', 'slow', 'nested', 'picture', 'broken'])
    expect(tools[0]).toMatchObject({ description: 'Says what it is told.', inputSchema: { required: ['message'] } })
    await expect.poll(() => servers.open()).toBe(0)
  })

  it('calls tools, with nested arguments too, and leaves no session open', async () => {
    expect(await call(at(which), 'echo', { message: 'hi' })).toEqual({ status: 'success', text: 'Echo: hi' })
    expect(await call(at(which), 'add', { a: 2, b: 40 })).toEqual({ status: 'success', text: '42' })
    expect(await call(at(which), 'nested', { person: { name: 'Ada' } })).toEqual({ status: 'success', text: 'Hello Ada' })
    await expect.poll(() => servers.open()).toBe(0)
  })

  it('keeps what is no text as JSON', async () => {
    const { text } = await call(at(which), 'picture')
    expect(text.split('\n')).toEqual(['A dot:', expect.stringContaining('"data":"aGk="')])
  })

  it('tells an error of the tool, and one of its server, as results', async () => {
    expect(await call(at(which), 'failing')).toEqual({ status: 'error', text: 'It went wrong.' })
    expect(await call(at(which), 'unknown')).toEqual({ status: 'error', text: expect.stringContaining("no tool 'unknown'") })
  })

  it('gives up on a tool that does not answer', async () => {
    const error = await failure(call(at(which), 'slow', {}, limits({ callMs: 100 })))
    expect([error.reason, error.message]).toEqual(['timeout', expect.stringMatching(/^MCP server 'test': /)])
    await expect.poll(() => servers.open()).toBe(0)
  })

  it('says what is not there', async () => {
    const error = await failure(listTools({ ...at(which), url: new URL('/elsewhere', servers[which]).href }, limits()))
    expect([error.reason, error.message]).toEqual(['unavailable', expect.stringContaining('404')])
    const gone = await failure(listTools({ ...at(which), url: 'http://127.0.0.1:1/mcp' }, limits()))
    expect([gone.reason, gone.message]).toEqual(['unavailable', expect.stringContaining('could not be reached')])
  })

  it('reaches no private address', async () => {
    const strict = limits({ policy: { allow: [], production: false } })
    const error = await failure(listTools(at(which), strict))
    expect([error.reason, error.message]).toEqual(['unavailable', expect.stringContaining('not a public address')])
  })
})

describe('a server that takes the connection and says nothing', () => {
  it.each(['streamable_http', 'sse'] as const)('is given up on, over %s', async (transport) => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`
      const error = await failure(listTools({ name: 'silent', transport, url, headers: {} }, limits({ connectMs: 100 })))
      expect(error.reason).toBe('timeout')
    } finally {
      silent.closeAllConnections()
      silent.close()
    }
  })
})
