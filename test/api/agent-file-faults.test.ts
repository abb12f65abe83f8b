import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { agentFile, customTool, importFile, type Loose, message } from '../support/agent-file'
import { type Call, freshOrganization } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }

let organization_id: string
let call: Call
beforeAll(async () => {
  ;({ call, organization_id } = await freshOrganization())
  await call('GET', '/v1/tools')
})

const tables = ['agents', 'block', 'tools', 'sources', 'files', 'groups', 'mcp_server', 'messages']
/** Every row of the organization that an import could write. */
const rows = async () =>
  Object.fromEntries(
    await Promise.all(
      tables.map(async (table) => [
        table,
        (await DB.prepare(`select * from ${table} where organization_id = ?1`).bind(organization_id).all()).results,
      ]),
    ),
  )

describe('a file that is wrong is refused, names the field, and writes nothing', () => {
  const twice = (list: string, one: Loose) => agentFile({}, { [list]: [one, one] })
  const cases: [what: string, file: unknown, status: number, fields: string[]][] = [
    ['no JSON', '{"agents": [', 400, []],
    ['an empty object', {}, 422, ['agents']],
    ['values nested without end', `{"agents": ${'['.repeat(300)}${']'.repeat(300)}}`, 422, []],
    ['a list', [], 422, ['file']],
    ['agents that are no list', { agents: {} }, 422, ['agents']],
    ['an agent without id', agentFile({ id: undefined }), 422, ['agents.0.id']],
    [
      'a role that there is not',
      agentFile({ messages: [message(0, 'system'), message(1, 'sorcerer')] }),
      422,
      ['agents.0.messages.1.role'],
    ],
    ['a message without id', agentFile({ messages: [{ role: 'user', content: 'x' }] }), 422, ['agents.0.messages.0.id']],
    [
      'a part without its text',
      agentFile({ messages: [message(0, 'user', { content: [{ type: 'text' }] })] }),
      422,
      ['agents.0.messages.0.content.0.text'],
    ],
    [
      'an image without data',
      agentFile({ messages: [message(0, 'user', { content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png' } }] })] }),
      422,
      ['agents.0.messages.0.content.0.source.data'],
    ],
    [
      'a time that is none',
      agentFile({ messages: [message(0, 'user', { created_at: 'yesterday' })] }),
      422,
      ['agents.0.messages.0.created_at'],
    ],
    [
      'a call without a name',
      agentFile({ messages: [message(0, 'assistant', { tool_calls: [{ id: 'c', function: {} }] })] }),
      422,
      ['agents.0.messages.0.tool_calls.0.function.name'],
    ],
    [
      'a message that no row holds',
      agentFile({ messages: [message(0, 'user', { content: 'x'.repeat(1_000_000) })] }),
      422,
      ['agents.0.messages.0.content'],
    ],
    [
      'a block that is not in it',
      agentFile({ block_ids: ['block-0', 'block-7'] }, { blocks: [{ id: 'block-0', label: 'a' }] }),
      422,
      ['agents.0.block_ids.1'],
    ],
    ['a tool that is not in it', agentFile({ tool_ids: ['tool-1'] }), 422, ['agents.0.tool_ids.0']],
    ['a folder that is not in it', agentFile({ source_ids: ['source-1'] }), 422, ['agents.0.source_ids.0']],
    [
      'a message in context that is not in it',
      agentFile({ in_context_message_ids: ['message-0'] }),
      422,
      ['agents.0.in_context_message_ids.0'],
    ],
    ['a group that is not in it', agentFile({ group_ids: ['group-0'] }), 422, ['agents.0.group_ids.0']],
    ['a file without its folder', agentFile({}, { files: [{ id: 'file-0', source_id: 'source-0' }] }), 422, ['files.0.source_id']],
    [
      'a member that is not in it',
      agentFile(
        {},
        {
          groups: [
            {
              id: 'group-0',
              agent_ids: ['agent-9'],
              description: '',
              manager_config: { manager_type: 'supervisor', manager_agent_id: 'agent-8' },
            },
          ],
        },
      ),
      422,
      ['groups.0.agent_ids.0', 'groups.0.manager_config.manager_agent_id'],
    ],
    [
      'a kind of group that there is not',
      agentFile({}, { groups: [{ id: 'group-0', agent_ids: [], manager_config: { manager_type: 'mob' } }] }),
      422,
      ['groups.0.manager_config.manager_type'],
    ],
    ['two blocks of one id', twice('blocks', { id: 'block-0', label: 'a' }), 422, ['blocks.1.id']],
    ['two tools of one id', twice('tools', customTool('x')), 422, ['tools.1.id']],
    ['two messages of one id', agentFile({ messages: [message(0, 'user'), message(0, 'user')] }), 422, ['agents.0.messages.1.id']],
    [
      'two blocks of one label',
      agentFile(
        { block_ids: ['block-0', 'block-1'] },
        {
          blocks: [
            { id: 'block-0', label: 'a' },
            { id: 'block-1', label: 'a' },
          ],
        },
      ),
      422,
      ['agents.0.block_ids.1'],
    ],
    ['a block over its limit', agentFile({}, { blocks: [{ id: 'block-0', label: 'a', value: 'abc', limit: 2 }] }), 422, ['blocks.0.value']],
    ['a tool whose name is no function name', agentFile({}, { tools: [customTool('x', { name: 'no good' })] }), 422, ['tools.0.name']],
    ['a rule that there is not', agentFile({ tool_rules: [{ type: 'never', tool_name: 'x' }] }), 422, ['agents.0.tool_rules.0.type']],
    ['a time zone that there is not', agentFile({ timezone: 'Mars/Olympus' }), 422, ['agents.0.timezone']],
    ['a model of a provider that is not served', agentFile({ llm_config: { handle: 'nobody/x' } }), 422, ['agents.0.llm_config']],
    [
      'an MCP server of a kind that there is not',
      agentFile({}, { mcp_servers: [{ id: 'mcp_server-0', server_type: 'smtp', server_name: 's' }] }),
      422,
      ['mcp_servers.0.server_type'],
    ],
  ]
  it.each(cases)('%s', async (_, file, status, fields) => {
    const before = await rows()
    const answer = await importFile(call, file)
    expect([answer.status, (answer.body.errors ?? []).map((error: Loose) => error.field)]).toEqual([status, fields])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    for (const field of fields) expect(answer.body.detail).toContain(field)
    expect(await rows()).toEqual(before)
  })

  it('no file, no form, and more than the limit', async () => {
    expect((await call('POST', '/v1/agents/import', new FormData())).body.errors).toEqual([{ field: 'file', message: 'is required' }])
    expect((await call('POST', '/v1/agents/import', { file: 'x' })).status).toBe(415)
    const answer = await importFile(call, ' '.repeat(24 * 1024 * 1024))
    expect([answer.status, answer.body.detail]).toEqual([413, 'The body is over 25165824 bytes.'])
    const large = await importFile(call, `${JSON.stringify(agentFile())}${' '.repeat(9 * 1024 * 1024)}`)
    expect(large.status).toBe(200)
  })
})
