import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bindings } from '../support/agent'
import { freshOrganization } from '../support/client'
import { outside, type Seen } from '../support/outside'

type Tools = Record<string, (args: { text?: string | undefined }) => string>
const masked = '********'

/** An MCP server at `origin` with these tools, each of which takes one optional text. */
function mcp(origin: string, tools: () => Tools): Seen[] {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'test', version: '1' })
    for (const [name, run] of Object.entries(tools())) {
      const inputSchema = z.object({ text: z.string().optional() })
      server.registerTool(name, { description: `Runs ${name}.`, inputSchema }, (args) => ({ content: [{ type: 'text', text: run(args) }] }))
    }
    return server
  })
  return outside(origin, (_, request) => handler.fetch(request))
}

const origin = 'https://mcp.example'
const http = (changes: Record<string, unknown> = {}) => ({ mcp_server_type: 'streamable_http', server_url: `${origin}/mcp`, ...changes })
const echo = { echo: ({ text }: { text?: string | undefined }) => `Echo: ${text}` }
const names = (rows: { name: string }[]) => rows.map(({ name }) => name).sort()

describe('an MCP server', () => {
  it('is stored flat, and its secrets are neither sent back nor stored in the clear', async () => {
    const { call } = await freshOrganization()
    const auth = { auth_header: 'X-Key', auth_token: 'token-secret', custom_headers: { 'X-Other': 'other-secret' } }
    const made = await call('POST', '/v1/mcp-servers/', { server_name: 'mine', config: http(auth) })
    const expected = {
      id: expect.stringMatching(/^mcp_server-/),
      server_name: 'mine',
      mcp_server_type: 'streamable_http',
      server_url: `${origin}/mcp`,
      auth_header: 'X-Key',
      auth_token: masked,
      custom_headers: { 'X-Other': masked },
    }
    expect([made.status, made.body]).toEqual([200, expected])
    expect((await call('GET', `/v1/mcp-servers/${made.body.id}`)).body).toEqual(made.body)
    const bare = await call('POST', '/v1/mcp-servers/', {
      server_name: 'bare',
      config: { mcp_server_type: 'sse', server_url: `${origin}/sse` },
    })
    expect(bare.body).toMatchObject({ mcp_server_type: 'sse', auth_header: null, auth_token: null, custom_headers: null })
    expect((await call('GET', '/v1/mcp-servers/')).body).toEqual([made.body, bare.body])
    const { results } = await bindings.DB.prepare('select * from mcp_server where id = ?1').bind(made.body.id).all()
    expect(JSON.stringify(results)).not.toMatch(/(token|other)-secret/)
    const stranger = await freshOrganization()
    expect((await stranger.call('GET', '/v1/mcp-servers/')).body).toEqual([])
  })

  it.each([
    ['a process', { mcp_server_type: 'stdio', command: 'npx', args: ['server'] }, 400, /^MCP stdio servers are disabled/],
    ['no type', { server_url: `${origin}/mcp` }, 422, /mcp_server_type/],
    ['an unknown type', http({ mcp_server_type: 'pigeon' }), 422, /mcp_server_type/],
    ['no address', { mcp_server_type: 'sse' }, 422, /server_url/],
    ['a private address', http({ server_url: 'http://192.168.1.1/mcp' }), 422, /config.server_url: .*not a public address/],
    ['a header that is none', http({ custom_headers: { 'a b': 'c' } }), 422, /name of a header/],
    ['a value that is none', http({ auth_token: 'a\r\nx: y' }), 422, /value of a header/],
    ['a mask for a secret', http({ auth_token: masked }), 422, /send the secret itself/],
  ])('that is %s is refused', async (_, config, status, detail) => {
    const { call } = await freshOrganization()
    const answer = await call('POST', '/v1/mcp-servers', { server_name: 'mine', config })
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)])
    expect((await call('GET', '/v1/mcp-servers')).body).toEqual([])
  })

  it('has a name of its own within the organization', async () => {
    const { call } = await freshOrganization()
    const create = (server_name: string) => call('POST', '/v1/mcp-servers', { server_name, config: http() })
    const [first, second] = [(await create('one')).body, (await create('two')).body]
    expect(await create('one')).toMatchObject({ status: 409, body: { code: 'name_taken' } })
    expect(await call('PATCH', `/v1/mcp-servers/${second.id}`, { server_name: 'one' })).toMatchObject({ status: 409 })
    expect((await call('DELETE', `/v1/mcp-servers/${first.id}`)).status).toBe(204)
    expect((await create('one')).status).toBe(200)
  })

  it('keeps what a change leaves out or sends back as it was shown, and what is empty goes', async () => {
    const { call } = await freshOrganization()
    const seen = mcp(origin, () => echo)
    const secrets = { auth_token: 'token-secret', custom_headers: { 'X-One': 'one-secret', 'X-Two': 'two-secret' } }
    const { id } = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http(secrets) })).body
    const path = `/v1/mcp-servers/${id}`
    const sent = async () => {
      await call('PATCH', `${path}/refresh`)
      const headers = seen.at(-1)?.headers
      return ['authorization', 'x-one', 'x-two'].map((name) => headers?.get(name) ?? null)
    }
    expect(await sent()).toEqual(['Bearer token-secret', 'one-secret', 'two-secret'])
    await call('PATCH', path, { config: { mcp_server_type: 'streamable_http', server_url: null, auth_token: null } })
    await call('PATCH', path, { server_name: 'renamed' })
    await call('PATCH', path, { config: { auth_token: masked, custom_headers: { 'X-One': masked, 'X-Two': 'new-secret' } } })
    expect(await sent()).toEqual(['Bearer token-secret', 'one-secret', 'new-secret'])
    const unknown = await call('PATCH', path, { config: { custom_headers: { 'X-New': masked } } })
    expect([unknown.status, unknown.body.errors[0].field]).toEqual([422, 'config.custom_headers.X-New'])
    const cleared = await call('PATCH', path, { config: { auth_token: '', custom_headers: {} } })
    expect(cleared.body).toMatchObject({ server_name: 'renamed', auth_token: null, custom_headers: null })
    expect(await sent()).toEqual([null, null, null])
  })

  it('does not take its secrets to another host', async () => {
    const { call } = await freshOrganization()
    const { id } = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http({ auth_token: 'token-secret' }) })).body
    const elsewhere = { server_url: 'https://elsewhere.example/mcp' }
    const refused = await call('PATCH', `/v1/mcp-servers/${id}`, { config: { ...elsewhere, auth_token: masked } })
    expect([refused.status, refused.body.errors[0].field]).toEqual([422, 'config.auth_token'])
    const moved = await call('PATCH', `/v1/mcp-servers/${id}`, { config: elsewhere })
    expect(moved.body).toMatchObject({ server_url: elsewhere.server_url, auth_token: null })
    expect(await call('PATCH', `/v1/mcp-servers/${id}`, { config: { mcp_server_type: 'stdio' } })).toMatchObject({ status: 400 })
  })

  it('is made once for one Idempotency-Key', async () => {
    const { call } = await freshOrganization()
    const once = () => call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http() }, { 'idempotency-key': 'k' })
    expect((await once()).body.id).toBe((await once()).body.id)
    expect((await call('GET', '/v1/mcp-servers')).body).toHaveLength(1)
  })
})

describe('the tools of an MCP server', () => {
  it('are registered with the server, and refreshed: they come, change and go, from agents too', async () => {
    const { call } = await freshOrganization()
    let tools: Tools = { ...echo, old: () => 'old' }
    mcp(origin, () => tools)
    const { id } = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http() })).body
    const listed = async () => (await call('GET', `/v1/mcp-servers/${id}/tools`)).body
    const before = await listed()
    expect(names(before)).toEqual(['echo', 'old'])
    expect(before[0]).toMatchObject({
      tool_type: 'external_mcp',
      tags: ['mcp:mine'],
      description: 'Runs echo.',
      json_schema: { name: 'echo', parameters: { type: 'object', properties: { text: { type: 'string' } } } },
      metadata_: { mcp: { server_id: id, server_name: 'mine', tool_name: 'echo', health: { status: 'NON_STRICT_ONLY' } } },
    })
    const agent = (await call('POST', '/v1/agents', { include_base_tools: false, tool_ids: before.map((tool: { id: string }) => tool.id) }))
      .body
    expect((await call('PATCH', `/v1/mcp-servers/${id}/refresh`)).body).toEqual({ deleted: [], updated: [], added: [] })
    tools = { ...echo, fresh: () => 'fresh' }
    await bindings.DB.prepare("update tools set json_schema = json_set(json_schema, '$.description', 'x') where id = ?1")
      .bind(before[0].id)
      .run()
    expect((await call('PATCH', `/v1/mcp-servers/${id}/refresh`)).body).toEqual({ deleted: ['old'], updated: ['echo'], added: ['fresh'] })
    const after = await listed()
    expect(names(after)).toEqual(['echo', 'fresh'])
    expect(after[0].id).toBe(before[0].id)
    expect(names((await call('GET', `/v1/agents/${agent.id}/tools`)).body)).toEqual(['echo'])
    expect((await call('GET', `/v1/mcp-servers/${id}/tools/${before[0].id}`)).body).toEqual(after[0])
    expect((await call('DELETE', `/v1/mcp-servers/${id}`)).status).toBe(204)
    expect((await call('GET', '/v1/tools?tool_types=external_mcp')).body).toEqual([])
    expect((await call('GET', `/v1/agents/${agent.id}/tools`)).body).toEqual([])
    expect((await call('GET', `/v1/mcp-servers/${id}/tools`)).status).toBe(404)
  })

  it('get the name of their server when theirs is taken, and are called by their own', async () => {
    const { call } = await freshOrganization()
    mcp(origin, () => ({ ...echo, memory_insert: () => 'not the built-in one' }))
    const one = (await call('POST', '/v1/mcp-servers', { server_name: 'one', config: http() })).body
    const two = (await call('POST', '/v1/mcp-servers', { server_name: 'two', config: http() })).body
    const listed = async (id: string) => (await call('GET', `/v1/mcp-servers/${id}/tools`)).body
    expect(names(await listed(one.id))).toEqual(['echo', 'one_memory_insert'])
    const tools = await listed(two.id)
    expect(names(tools)).toEqual(['two_echo', 'two_memory_insert'])
    const tool = tools.find(({ name }: { name: string }) => name === 'two_echo')
    const ran = await call('POST', `/v1/mcp-servers/${two.id}/tools/${tool.id}/run`, { args: { text: 'hi' } })
    expect([ran.status, ran.body]).toEqual([
      200,
      { status: 'success', func_return: 'Echo: hi', agent_state: null, stdout: [], stderr: [], sandbox_config_fingerprint: null },
    ])
    expect((await call('GET', `/v1/mcp-servers/${one.id}/tools/${tool.id}`)).status).toBe(404)
    await call('PATCH', `/v1/mcp-servers/${two.id}`, { server_name: 'second' })
    expect((await listed(two.id))[0]).toMatchObject({ tags: ['mcp:second'], metadata_: { mcp: { server_name: 'second' } } })
  })

  it('cannot be read from a server that is not there: 404, and 502 for a call', async () => {
    const { call } = await freshOrganization()
    mcp(origin, () => echo)
    const { id } = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http() })).body
    const [tool] = (await call('GET', `/v1/mcp-servers/${id}/tools`)).body
    outside(origin, () => new Response('down', { status: 503 }))
    const refreshed = await call('PATCH', `/v1/mcp-servers/${id}/refresh`)
    expect([refreshed.status, refreshed.body]).toMatchObject([
      404,
      { code: 'mcp_server_unavailable', error: { type: 'MCPServerUnavailable' }, detail: expect.stringContaining("MCP server 'mine'") },
    ])
    expect(refreshed.headers.get('x-should-retry')).toBe('false')
    const ran = await call('POST', `/v1/mcp-servers/${id}/tools/${tool.id}/run`, {})
    expect([ran.status, ran.body]).toMatchObject([502, { code: 'mcp_connection_error', error: { type: 'mcp_connection_error' } }])
    expect(names((await call('GET', `/v1/mcp-servers/${id}/tools`)).body)).toEqual(['echo'])
  })
})

describe('a turn', () => {
  it('calls a tool of an MCP server with the secrets of the agent in the headers', async () => {
    const { call } = await freshOrganization()
    const seen = mcp(origin, () => echo)
    const sandbox = (await call('POST', '/v1/sandbox-config/local/default')).body
    await call('POST', `/v1/sandbox-config/${sandbox.id}/environment-variable`, { key: 'TENANT', value: 'of-all' })
    const custom_headers = { 'X-Tenant': '{{ TENANT }}', 'X-Plan': '{{ PLAN | free }}' }
    const config = http({ auth_token: 'Bearer {{ TOKEN | none }}', custom_headers })
    const server = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config })).body
    const [tool] = (await call('GET', `/v1/mcp-servers/${server.id}/tools`)).body
    expect(seen.at(-1)?.headers.get('authorization')).toBe('Bearer none')
    const agent = (await call('POST', '/v1/agents', { tool_ids: [tool.id], secrets: { TOKEN: 'agent-secret' } })).body
    const answer = await call('POST', `/v1/agents/${agent.id}/messages`, { input: '/call echo {"text":"hi"}\n/then\n/say Done.' })
    expect(answer.body.messages).toMatchObject([
      { message_type: 'tool_call_message' },
      { message_type: 'tool_return_message', status: 'success', tool_return: 'Echo: hi' },
      { content: 'Done.' },
    ])
    const headers = ['authorization', 'x-tenant', 'x-plan', 'x-agent-id'].map((name) => seen.at(-1)?.headers.get(name))
    expect(headers).toEqual(['Bearer agent-secret', 'of-all', 'free', agent.id])
    expect(JSON.stringify((await call('GET', `/v1/agents/${agent.id}/messages`)).body)).not.toContain('agent-secret')
    await call('PATCH', `/v1/mcp-servers/${server.id}/refresh?agent_id=${agent.id}`)
    expect(seen.at(-1)?.headers.get('authorization')).toBe('Bearer agent-secret')
    const stranger = await freshOrganization()
    const theirs = (await stranger.call('POST', '/v1/agents', {})).body
    expect((await call('PATCH', `/v1/mcp-servers/${server.id}/refresh?agent_id=${theirs.id}`)).status).toBe(404)
  })

  it('goes on when the server is gone, needs an unknown variable, or is not told an object', async () => {
    const { call } = await freshOrganization()
    mcp(origin, () => echo)
    const server = (await call('POST', '/v1/mcp-servers', { server_name: 'mine', config: http() })).body
    const [tool] = (await call('GET', `/v1/mcp-servers/${server.id}/tools`)).body
    const { id } = (await call('POST', '/v1/agents', { tool_ids: [tool.id] })).body
    const returned = async (input: string) => {
      const { body } = await call('POST', `/v1/agents/${id}/messages`, { input: `${input}\n/then\n/say Well.` })
      expect(body.messages.at(-1)).toMatchObject({ content: 'Well.' })
      return [body.messages[1].status, body.messages[1].tool_return]
    }
    expect(await returned('/call echo [1]')).toEqual(['error', 'The arguments must be a JSON object.'])
    await call('PATCH', `/v1/mcp-servers/${server.id}`, { config: { auth_token: '{{ NOWHERE }}' } })
    expect(await returned('/call echo {}')).toEqual(['error', expect.stringContaining('the variable NOWHERE')])
    outside(origin, () => new Response('down', { status: 503 }))
    await call('PATCH', `/v1/mcp-servers/${server.id}`, { config: { auth_token: '' } })
    expect(await returned('/call echo {}')).toEqual(['error', expect.stringContaining("MCP server 'mine': it answered 503")])
  })
})
