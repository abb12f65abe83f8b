import { describe, expect, it } from 'vitest'
import { freshOrganization } from '../support/client'

const server_url = 'https://mcp.example/mcp'
const shown = { server_name: 'my server', type: 'streamable_http', server_url, auth_header: null, auth_token: null, custom_headers: null }

describe('MCP servers by name', () => {
  it('are put, put again, listed as a map, changed and deleted', async () => {
    const { call } = await freshOrganization()
    const put = await call('PUT', '/v1/tools/mcp/servers', { server_name: 'my server', server_url })
    expect([put.status, put.body]).toEqual([200, [shown]])
    const again = await call('PUT', '/v1/tools/mcp/servers', { server_name: 'my server', type: 'sse', server_url, auth_token: 'secret' })
    expect(again.body).toEqual([{ ...shown, type: 'sse', auth_token: '********' }])
    expect((await call('GET', '/v1/tools/mcp/servers')).body).toEqual({ 'my server': again.body[0] })
    expect((await call('GET', '/v1/mcp-servers')).body).toHaveLength(1)
    const path = `/v1/tools/mcp/servers/${encodeURIComponent('my server')}`
    const changed = await call('PATCH', path, { server_name: 'other', token: 'another secret' })
    expect([changed.status, changed.body]).toEqual([200, { ...shown, server_name: 'other', type: 'sse', auth_token: '********' }])
    expect((await call('DELETE', path)).status).toBe(404)
    expect(await call('DELETE', '/v1/tools/mcp/servers/other')).toMatchObject({ status: 200, body: [] })
  })

  it('are found by members of the organization only', async () => {
    const { call } = await freshOrganization()
    const stranger = await freshOrganization()
    await call('PUT', '/v1/tools/mcp/servers', { server_name: 'mine', server_url })
    for (const [method, path] of [
      ['GET', '/tools'],
      ['POST', '/resync'],
      ['POST', '/echo'],
      ['POST', '/tools/echo/execute'],
      ['PATCH', ''],
      ['DELETE', ''],
    ] as const) {
      const { status, body } = await stranger.call(method, `/v1/tools/mcp/servers/mine${path}`, method === 'GET' ? undefined : {})
      expect([path, status, body.detail]).toEqual([path, 404, "MCP server 'mine' not found"])
    }
  })

  it('are refused without an address, as processes, and when they cannot be reached', async () => {
    const { call } = await freshOrganization()
    for (const [method, path] of [
      ['PUT', ''],
      ['POST', '/test'],
    ] as const) {
      const nowhere = await call(method, `/v1/tools/mcp/servers${path}`, { server_name: 'mine' })
      expect([nowhere.status, nowhere.body.errors[0].field]).toEqual([422, 'server_url'])
      const stdio = { server_name: 'mine', type: 'stdio', stdio_config: { command: 'npx', args: [] } }
      expect(await call(method, `/v1/tools/mcp/servers${path}`, stdio)).toMatchObject({ status: 400 })
    }
    expect(await call('POST', '/v1/tools/mcp/servers/test', { server_name: 'mine', server_url })).toMatchObject({
      status: 404,
      body: { code: 'mcp_server_unavailable' },
    })
    expect((await call('GET', '/v1/tools/mcp/servers')).body).toEqual({})
  })

  it('are not connected to by OAuth', async () => {
    const { call } = await freshOrganization()
    const told = [501, expect.stringContaining('OAuth is not served')]
    for (const [method, path] of [
      ['POST', '/v1/tools/mcp/servers/connect'],
      ['GET', '/v1/tools/mcp/oauth/callback?state=a&code=b'],
      ['GET', '/v1/mcp-servers/connect/mcp_server-123e4567-e89b-42d3-8456-426614174000'],
    ] as const) {
      const { status, body } = await call(method, path)
      expect([status, body.detail]).toEqual(told)
    }
  })
})
