import { APIError, BadRequestError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type McpServers, mcpServers as startMcpServers } from '../../support/fakes/mcp-server'
import { type Api, failureOf } from '../api'

const masked = '********'
const http = (server_url: string, more: Record<string, unknown> = {}) => ({
  mcp_server_type: 'streamable_http' as const,
  server_url,
  ...more,
})
const names = (tools: { name?: string | null }[]) => tools.map(({ name }) => name)
const registered = ['echo', 'add', 'failing', 'slow', 'nested', 'picture']

export function mcpServers(api: Api): void {
  describe('mcpServers', () => {
    let servers: McpServers
    beforeAll(async () => {
      servers = await startMcpServers()
    })
    afterAll(() => servers.close())

    it('are created, though nobody answers there, and read, listed, changed and deleted', async () => {
      const { client } = await api.member()
      const made = await client.mcpServers.create({
        server_name: 'one',
        config: http('https://mcp.invalid/mcp', { auth_header: 'X-Key', auth_token: 'secret', custom_headers: { 'X-Other': 'secret' } }),
      })
      expect(made).toMatchObject({
        id: expect.stringMatching(/^mcp_server-/),
        server_name: 'one',
        mcp_server_type: 'streamable_http',
        auth_header: 'X-Key',
        auth_token: masked,
        custom_headers: { 'X-Other': masked },
      })
      const id = made.id ?? ''
      const events = { mcp_server_type: 'sse' as const, server_url: 'https://mcp.invalid/sse' }
      const second = await client.mcpServers.create({ server_name: 'two', config: events })
      expect(await client.mcpServers.list()).toEqual([made, second])
      expect(await client.mcpServers.retrieve(id)).toEqual(made)
      const changed = await client.mcpServers.update(id, {
        server_name: 'renamed',
        config: { mcp_server_type: 'streamable_http', server_url: 'https://mcp.invalid/other' },
      })
      expect(changed).toEqual({ ...made, server_name: 'renamed', server_url: 'https://mcp.invalid/other' })
      expect(await client.mcpServers.tools.list(id)).toEqual([])
      await client.mcpServers.delete(id)
      await failureOf(client.mcpServers.retrieve(id), NotFoundError)
      await failureOf(client.mcpServers.delete(id), NotFoundError)
      expect(await client.mcpServers.list()).toEqual([second])
    })

    it('cannot be processes, nor lack a type or an address', async () => {
      const { client } = await api.member()
      const create = (config: unknown) => client.mcpServers.create({ server_name: 'x', config: config as never })
      const stdio = await failureOf(create({ mcp_server_type: 'stdio', command: 'npx', args: [] }), BadRequestError)
      expect(stdio.message).toContain('MCP stdio servers are disabled')
      await failureOf(create({ mcp_server_type: 'pigeon' }), UnprocessableEntityError)
      await failureOf(create({ mcp_server_type: 'sse' }), UnprocessableEntityError)
      await failureOf(create({ server_url: 'https://mcp.invalid/mcp' }), UnprocessableEntityError)
    })

    it.each(['streamable', 'sse', 'modern'] as const)('have their tools registered, retrieved and run, over %s', async (which) => {
      const { client } = await api.member()
      const type = which === 'sse' ? ('sse' as const) : ('streamable_http' as const)
      const config = { mcp_server_type: type, server_url: servers[which] }
      const { id = '' } = await client.mcpServers.create({ server_name: which, config })
      const tools = await client.mcpServers.tools.list(id)
      expect(names(tools).toSorted()).toEqual(registered.toSorted())
      const idOf = (name: string) => tools.find((tool) => tool.name === name)?.id ?? ''
      expect(await client.mcpServers.tools.retrieve(idOf('echo'), { mcp_server_id: id })).toMatchObject({
        name: 'echo',
        tool_type: 'external_mcp',
        tags: [`mcp:${which}`],
        json_schema: { name: 'echo', parameters: { required: ['message'] } },
      })
      expect(tools.find((tool) => tool.name === 'nested')?.json_schema).toMatchObject({
        parameters: { properties: { person: { type: 'object', properties: { name: { type: 'string' } } } } },
      })
      const run = (name: string, args?: Record<string, unknown>) =>
        client.mcpServers.tools.run(idOf(name), { mcp_server_id: id, ...(args ? { args } : {}) })
      expect(await run('echo', { message: 'hi' })).toMatchObject({ status: 'success', func_return: 'Echo: hi', stderr: [] })
      expect(await run('add', { a: 1, b: 2 })).toMatchObject({ status: 'success', func_return: '3' })
      expect(await run('failing')).toMatchObject({ status: 'error', func_return: 'It went wrong.', stderr: ['It went wrong.'] })
      await failureOf(client.mcpServers.tools.retrieve('tool-00000000-0000-4000-8000-00000000dead', { mcp_server_id: id }), NotFoundError)
    })

    it('that do not answer a call in time are given up on, and the call is not sent again', async () => {
      const { client } = await api.member()
      const { id = '' } = await client.mcpServers.create({ server_name: 'late', config: http(servers.streamable) })
      const tool = (await client.mcpServers.tools.list(id)).find(({ name }) => name === 'slow')
      const late = await failureOf(client.mcpServers.tools.run(tool?.id ?? '', { mcp_server_id: id }), APIError)
      expect([late.status, late.error]).toMatchObject([408, { code: 'mcp_timeout', error: { type: 'mcp_timeout' } }])
      await expect.poll(() => servers.open()).toBe(0)
    })

    it('are refreshed: what is gone goes, what is new comes', async () => {
      const { client } = await api.member()
      const { id = '' } = await client.mcpServers.create({ server_name: 'moving', config: http(servers.streamable) })
      expect(await client.mcpServers.refresh(id)).toEqual({ deleted: [], updated: [], added: [] })
      const slow = servers.tools.find((tool) => tool.name === 'slow')
      const echo = servers.tools.find((tool) => tool.name === 'echo')
      if (!slow || !echo) throw new Error('the tools of the test are gone')
      try {
        slow.name = 'sluggish'
        echo.description = 'Says it again.'
        expect(await client.mcpServers.refresh(id)).toEqual({ deleted: ['slow'], updated: ['echo'], added: ['sluggish'] })
      } finally {
        slow.name = 'slow'
        echo.description = 'Says what it is told.'
      }
      await client.mcpServers.update(id, { config: http('http://127.0.0.1:1/mcp') })
      const { agents } = client
      const gone = await failureOf(client.mcpServers.refresh(id, { agent_id: (await agents.create({})).id }), NotFoundError)
      expect(gone.error).toMatchObject({ code: 'mcp_server_unavailable', error: { type: 'MCPServerUnavailable' } })
    })

    it('serve agents: a turn calls echo, add, a nested and a failing tool', async () => {
      const { client } = await api.member()
      servers.authorization = 'Bearer for-agents'
      try {
        const config = http(servers.streamable, { auth_token: '{{ MCP_TOKEN }}' })
        const { id = '' } = await client.mcpServers.create({ server_name: 'agents', config })
        expect(await client.mcpServers.tools.list(id)).toEqual([])
        const { id: agent_id } = await client.agents.create({ secrets: { MCP_TOKEN: 'for-agents' }, include_base_tools: false })
        expect(await client.mcpServers.refresh(id, { agent_id })).toMatchObject({ added: registered })
        for (const tool of await client.mcpServers.tools.list(id)) await client.agents.tools.attach(tool.id, { agent_id })
        const input = [
          '/call echo {"message":"hi"}',
          '/call add {"a":20,"b":22}',
          '/then',
          '/call nested {"person":{"name":"Ada"}}',
          '/call failing {}',
          '/then',
          '/say Done.',
        ].join('\n')
        const { messages } = await client.agents.messages.create(agent_id, { input })
        const returns = messages.flatMap((message) =>
          message.message_type === 'tool_return_message' ? (message.tool_returns ?? []).map((one) => [one.status, one.tool_return]) : [],
        )
        expect(returns).toEqual([
          ['success', 'Echo: hi'],
          ['success', '42'],
          ['success', 'Hello Ada'],
          ['error', 'It went wrong.'],
        ])
        expect(messages.at(-1)).toMatchObject({ content: 'Done.' })
        expect(servers.received.at(-1)?.headers['x-agent-id']).toBe(agent_id)
        await expect.poll(() => servers.open()).toBe(0)
      } finally {
        servers.authorization = null
      }
    })

    type LiveAnswer = { id: string } & { name: string; health: { status: string } }[]
    it('by name: tested, put, listed live with the health of each tool, registered one by one, executed, resynced', async () => {
      const member = await api.member()
      const json = async (method: string, path: string, body?: unknown) => {
        const response = await member.fetch(method, `/v1/tools/mcp/servers${path}`, body)
        return [response.status, (await response.json()) as never] as [number, LiveAnswer]
      }
      const server = { server_name: 'by name', server_url: servers.streamable }
      expect(await json('POST', '/test', server)).toMatchObject([200, { status: 'success', tools: expect.any(Array) }])
      expect(await json('PUT', '', server)).toMatchObject([200, [{ server_name: 'by name', type: 'streamable_http' }]])
      const [, live] = await json('GET', '/by%20name/tools')
      expect(live.map((tool) => [tool.name, tool.health.status])).toEqual([
        ['echo', 'STRICT_COMPLIANT'],
        ...registered.slice(1).map((name) => [name, 'NON_STRICT_ONLY']),
        ['broken', 'INVALID'],
      ])
      const [status, tool] = await json('POST', '/by%20name/add')
      expect([status, tool]).toMatchObject([200, { name: 'add', tool_type: 'external_mcp', tags: ['mcp:by name'] }])
      expect((await json('POST', '/by%20name/add'))[1].id).toBe(tool.id)
      expect(names((await member.client.tools.list({ tool_types: ['external_mcp'] })).items)).toEqual(['add'])
      expect(await json('POST', '/by%20name/broken')).toMatchObject([400, { detail: expect.stringContaining('#/$defs/Nowhere') }])
      expect(await json('POST', '/by%20name/nothing')).toMatchObject([404, { detail: expect.stringContaining("'nothing' not found") }])
      expect(await json('POST', '/by%20name/tools/add/execute', { args: { a: 1, b: 1 } })).toMatchObject([200, { func_return: '2' }])
      expect(await json('POST', '/by%20name/tools/echo/execute', { args: { message: 'x' } })).toMatchObject([
        200,
        { func_return: 'Echo: x' },
      ])
      expect(await json('POST', '/by%20name/resync')).toMatchObject([
        200,
        { deleted: [], updated: [], added: expect.arrayContaining(['echo']) },
      ])
    })
  })
}
