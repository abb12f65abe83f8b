import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { AgentObject } from '../../durable-objects/agent'
import { agentFile, customTool, importFile, importForm, type Loose, message, onlyAgent, toolCall } from '../support/agent-file'
import { type Call, freshOrganization, type Member, newMember } from '../support/client'
import severalAgents from '../support/fixtures/agents.af.json'
import oneAgent from '../support/fixtures/one-agent.af.json'

const { DB } = env as unknown as { DB: D1Database }

let member: Member
let call: Call
beforeEach(async () => {
  member = await freshOrganization()
  call = member.call
})

const exported = async (id: string): Promise<Loose> => (await call('GET', `/v1/agents/${id}/export`)).body
const agent = async (id: string): Promise<Loose> =>
  (await call('GET', `/v1/agents/${id}?include=agent.blocks&include=agent.tools&include=agent.tags&include=agent.secrets`)).body

const tables = ['agents', 'block', 'tools', 'sources', 'files', 'groups', 'mcp_server', 'messages']
/** How many rows of each table the organization has. */
const rows = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    await Promise.all(
      tables.map(async (table) => [
        table,
        await DB.prepare(`select count(*) as n from ${table} where organization_id = ?1 and is_deleted = 0`)
          .bind(member.organization_id)
          .first('n'),
      ]),
    ),
  )

describe('a file of the older format, for one agent', () => {
  it('becomes an agent with its memory, tools, rules, secrets and history', async () => {
    const answer = await importFile(call, oneAgent)
    const id = onlyAgent(answer)
    const state = await agent(id)
    expect(state).toMatchObject({
      name: 'customer_service_copy',
      agent_type: 'memgpt_agent',
      system: 'You are Letta.',
      model: 'openai/gpt-4o-mini',
      metadata: { team: 'support' },
      tags: ['support'],
      secrets: [{ key: 'SHOP_TOKEN', value: '' }],
    })
    expect(state.blocks.map(({ label, value, limit }: Loose) => [label, value, limit])).toEqual([
      ['human', 'The customer is called Sarah.', 5000],
      ['persona', 'I help with orders.', 5000],
    ])
    expect(state.tools.map(({ name }: Loose) => name)).toEqual(['check_order_status', 'conversation_search', 'send_message'])
    expect(state.tool_rules).toContainEqual({ tool_name: 'send_message', type: 'exit_loop', prompt_template: null })
    const { messages, in_context_message_ids } = (await exported(id)).agents[0]
    expect(in_context_message_ids).toEqual(['message-0', 'message-4', 'message-5'])
    expect(messages[2].tool_returns).toMatchObject([{ tool_call_id: 'e77ff6ae-7a3b-46a6-8bb0-f3a9', status: 'success' }])
    expect(messages[4]).toMatchObject({ created_at: '2025-03-20T21:04:16.000Z', tool_calls: [{ id: 'call_Lz8gGrnTmDLpdYcn' }] })
    expect(messages[5].tool_returns).toMatchObject([{ tool_call_id: 'call_Lz8gGrnTmDLpdYcn', status: 'error', stdout: ['looked'] }])
    expect(JSON.parse(messages[5].tool_returns[0].func_response)).toMatchObject({ status: 'Failed', message: 'Order not found' })
  })

  it('names what is wrong in it as it calls it', async () => {
    const file = structuredClone(oneAgent) as Loose
    file.messages[3].role = 'nobody'
    file.core_memory[0].limit = 3
    expect((await importFile(call, file)).body.errors.map((error: Loose) => error.field)).toEqual([
      'messages.3.role',
      'core_memory.0.value',
    ])
    const dangling = { ...oneAgent, in_context_message_indices: [0, 99] }
    expect((await importFile(call, dangling)).body.errors.map((error: Loose) => error.field)).toEqual(['in_context_message_indices.1'])
  })
})

describe('a file of several agents', () => {
  it('becomes agents that share their blocks, with folders, MCP servers and groups', async () => {
    const answer = await importFile(call, severalAgents, { append_copy_suffix: 'false', secrets: '{"ARXIV_KEY":"k"}' })
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    const [first, second] = await Promise.all(answer.body.agent_ids.map(agent))
    expect(first).toMatchObject({
      name: 'researcher',
      model: 'anthropic/claude-sonnet-4-20250514',
      timezone: 'Europe/Berlin',
      tags: ['research', 'v2'],
      llm_config: { context_window: 64_000, max_tokens: 8192 },
      embedding_config: { handle: 'openai/text-embedding-3-small' },
      enable_sleeptime: true,
      max_files_open: 5,
    })
    expect(second).toMatchObject({ name: 'keeper', agent_type: 'sleeptime_agent', enable_sleeptime: null })
    expect(second.blocks.map(({ id }: Loose) => id)).toEqual([first.blocks[0].id])
    expect(first.blocks[1]).toMatchObject({ label: 'plan', read_only: true, metadata: { k: 1 } })
    expect(await rows()).toMatchObject({ agents: 2, block: 2, sources: 1, files: 1, groups: 1, mcp_server: 1 })
    expect(first.tools.map(({ name, tool_type }: Loose) => [name, tool_type])).toEqual([
      ['conversation_search', 'letta_core'],
      ['fetch_paper', 'external_mcp'],
      ['judge', 'custom'],
      ['open_files', 'letta_files_core'],
      ['grep_files', 'letta_files_core'],
      ['semantic_search_files', 'letta_files_core'],
    ])
    // A tool that is built into another server only is left out, and so are the rules about it.
    expect(answer.body.warnings).toEqual([expect.stringContaining('run_code')])
    expect(JSON.stringify(first.tool_rules)).not.toContain('run_code')
    const back = await exported(first.id)
    expect(back.files).toMatchObject([{ id: 'file-0', source_id: 'source-0', content: 'One.', file_name: 'papers/one.txt' }])
    expect(back.mcp_servers).toMatchObject([{ server_name: 'papers', server_url: 'https://papers.example/mcp' }])
    expect(back.tools[1].metadata_.mcp).toEqual({ server_id: 'mcp_server-0', server_name: 'papers' })
    expect(back.agents[0].files_agents).toMatchObject([{ file_id: 'file-0', is_open: true, visible_content: '1: One.' }])
  })

  it('keeps images, reasoning, parallel calls and approvals, and skips parts of a later version', async () => {
    const [id] = (await importFile(call, severalAgents)).body.agent_ids
    const { messages } = (await exported(id)).agents[0]
    expect(messages[1].content[1]).toMatchObject({ type: 'image', source: { type: 'letta', data: 'iVBORw0KGgo=' } })
    expect(messages[2].content.map((part: Loose) => part.type)).toEqual(['reasoning', 'redacted_reasoning'])
    expect(messages[3].tool_returns.map((each: Loose) => [each.tool_call_id, each.name, JSON.parse(each.func_response).message])).toEqual([
      ['toolu_1', 'fetch_paper', 'a paper'],
      ['toolu_2', 'judge', { score: 3 }],
    ])
    expect(messages[5]).toMatchObject({
      approve: false,
      approval_request_id: 'message-4',
      denial_reason: 'not now',
      approvals: [{ type: 'approval', tool_call_id: 'toolu_3', approve: false, reason: 'not now' }],
    })
    expect(messages[6].content[0]).toMatchObject({ type: 'reasoning', reasoning: 'It was refused.' })
    const listed = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body.map((m: Loose) => m.message_type)
    expect(listed).toContain('approval_request_message')
    expect(listed).toContain('approval_response_message')
  })

  it('may be JSON text within JSON, and begin with a byte order mark', async () => {
    expect((await importFile(call, JSON.stringify(JSON.stringify(severalAgents)))).body.agent_ids).toHaveLength(2)
    expect((await importFile(call, `\uFEFF${JSON.stringify(severalAgents)}`)).body.agent_ids).toHaveLength(2)
  })

  it('imported twice, its folder gets another name and its tools are used again', async () => {
    await importFile(call, severalAgents)
    const before = await rows()
    await importFile(call, severalAgents)
    const after = await rows()
    expect([after.tools, after.mcp_server]).toEqual([before.tools, before.mcp_server])
    expect(after.sources).toBe(2)
    const { results } = await DB.prepare('select name from sources where organization_id = ?1 order by name')
      .bind(member.organization_id)
      .all()
    expect(results.map(({ name }) => name)).toEqual(['papers', 'papers_2'])
  })
})

describe('what the form says', () => {
  it('names, models, embeddings, project', async () => {
    const file = agentFile()
    file.agents.push({ ...file.agents[0]!, id: 'agent-1', name: 'Bob' })
    const fields = { name: 'Eve', model: 'openai/gpt-4o-mini', project_id: 'p', embedding: 'openai/text-embedding-3-small' }
    const { agent_ids } = (await importFile(call, file, fields)).body
    const states = await Promise.all(agent_ids.map(agent))
    expect(states.map(({ name, model, project_id, embedding }) => ({ name, model, project_id, embedding }))).toEqual([
      { name: 'Eve', model: 'openai/gpt-4o-mini', project_id: 'p', embedding: 'openai/text-embedding-3-small' },
      { name: 'Bob_copy', model: 'openai/gpt-4o-mini', project_id: 'p', embedding: 'openai/text-embedding-3-small' },
    ])
    const header = await importFile(call, file, {}, { 'x-override-embedding-model': 'openai/e' })
    expect((await agent(header.body.agent_ids[0])).embedding).toBe('openai/e')
    const old = await importFile(call, file, {
      override_name: 'Old',
      override_model_handle: 'openai/gpt-4o',
      override_embedding_handle: 'openai/f',
    })
    expect(await agent(old.body.agent_ids[0])).toMatchObject({ name: 'Old', model: 'openai/gpt-4o', embedding: 'openai/f' })
  })

  it('values of secrets', async () => {
    const file = agentFile({ tool_exec_environment_variables: { A: '', B: '' } })
    const id = onlyAgent(await importFile(call, file, { env_vars_json: '{"A":"1","C":"3"}', secrets: '{"A":"2"}' }))
    expect((await agent(id)).secrets.map(({ key }: Loose) => key)).toEqual(['A', 'B', 'C'])
    for (const secrets of ['{', '[]', '{"A":1}']) {
      const answer = await importFile(call, file, { secrets })
      expect([answer.status, answer.body.errors[0].field.split('.')[0]]).toEqual([422, 'secrets'])
    }
  })

  it('a tool of the same name and other code is replaced, or kept', async () => {
    const first = onlyAgent(await importFile(call, agentFile({ tool_ids: ['tool-0'] }, { tools: [customTool('one')] })))
    const tool = async () => (await agent(first)).tools[0]
    const same = await importFile(call, agentFile({ tool_ids: ['tool-0'] }, { tools: [customTool('one')] }))
    expect(same.body.warnings).toEqual([])
    const other = agentFile({ tool_ids: ['tool-0'] }, { tools: [customTool('two')] })
    const kept = await importFile(call, other, { override_existing_tools: 'false' })
    expect(kept.body.warnings).toEqual([expect.stringContaining("'roll' was there already")])
    expect((await tool()).source_code).toBe('one')
    const id = onlyAgent(await importFile(call, other))
    expect((await tool()).source_code).toBe('two')
    expect((await agent(id)).tools[0].id).toBe((await tool()).id)
  })

  it('a tool that has the name of a built-in one is the built-in one, with a warning', async () => {
    const file = agentFile({ tool_ids: ['tool-0'] }, { tools: [customTool('x', { name: 'send_message', json_schema: null })] })
    const answer = await importFile(call, file)
    expect(answer.body.warnings).toEqual([expect.stringContaining('send_message')])
    expect((await agent(onlyAgent(answer))).tools).toMatchObject([{ name: 'send_message', tool_type: 'letta_core' }])
  })

  it('ids are kept when asked to and refused when taken', async () => {
    const [a, b] = [`agent-${crypto.randomUUID()}`, `block-${crypto.randomUUID()}`]
    const file = agentFile(
      { id: a, block_ids: [b], created_at: '2024-01-02T03:04:05Z' },
      { blocks: [{ id: b, label: 'notes', value: 'v' }] },
    )
    expect((await importFile(call, file, { keep_ids: 'true' })).body.agent_ids).toEqual([a])
    expect(await agent(a)).toMatchObject({ id: a, created_at: '2024-01-02T03:04:05.000Z', blocks: [{ id: b }] })
    const again = await importFile(call, file, { keep_ids: 'true' })
    expect([again.status, again.body.code]).toEqual([409, 'id_taken'])
    const stranger = await freshOrganization()
    expect((await importFile(stranger.call, file, { keep_ids: 'true' })).status).toBe(409)
    expect((await importFile(stranger.call, file)).status).toBe(200)
  })

  it('full ids that the file does not define are those of the organization', async () => {
    const block = (await call('POST', '/v1/blocks', { label: 'shared', value: 'v' })).body
    const id = onlyAgent(await importFile(call, agentFile({ block_ids: [block.id] })))
    expect((await agent(id)).blocks).toMatchObject([{ id: block.id }])
    const stranger = await freshOrganization()
    const answer = await importFile(stranger.call, agentFile({ block_ids: [block.id] }))
    expect([answer.status, answer.body.errors]).toEqual([
      422,
      [{ field: 'agents.0.block_ids.0', message: `'${block.id}' is neither in blocks nor one of yours` }],
    ])
  })
})

describe('nothing or all', () => {
  it('when an agent’s history cannot be stored, everything is taken back, changed tools too', async () => {
    await importFile(call, agentFile({ tool_ids: ['tool-0'] }, { tools: [customTool('one')] }))
    await call('GET', '/v1/tools')
    const before = await rows()
    const file = structuredClone(severalAgents) as Loose
    file.tools.push(customTool('two', { id: 'tool-9' }))
    const original = AgentObject.prototype.importHistory
    let calls = 0
    const spy = vi.spyOn(AgentObject.prototype, 'importHistory').mockImplementation(async function (this: AgentObject, ...args) {
      return ++calls === 2 ? { ok: false, kind: 'unavailable', detail: 'not now', extra: {} } : original.apply(this, args)
    })
    try {
      expect((await importFile(call, file)).status).toBe(503)
    } finally {
      spy.mockRestore()
    }
    expect(calls).toBe(2)
    expect(await rows()).toEqual(before)
    const tools = (await call('GET', '/v1/tools?name=roll')).body
    expect(tools[0].source_code).toBe('one')
    expect((await importFile(call, file)).status).toBe(200)
  })

  it('a repeat under one Idempotency-Key makes nothing twice, whatever the boundary of its form', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() }
    const first = await importFile(call, severalAgents, {}, key)
    const before = await rows()
    const again = await importFile(call, severalAgents, {}, key)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await rows()).toEqual(before)
  })

  it('a repeat of a try that died after its rows were written completes it', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() }
    const messages = [message(0, 'system'), message(1, 'user'), message(2, 'assistant', { tool_calls: [toolCall('c', 'x')] })]
    const file = agentFile({ messages, in_context_message_ids: messages.map((m) => m.id) })
    const first = await importFile(call, file, {}, key)
    const whole = await exported(onlyAgent(first))
    // As after a crash: the key is claimed, its lock ran out, nothing was answered.
    await DB.prepare('update idempotency_keys set status = null, locked_until = 0 where organization_id = ?1')
      .bind(member.organization_id)
      .run()
    const before = await rows()
    const again = await importFile(call, file, {}, key)
    expect(again.body.agent_ids).toEqual(first.body.agent_ids)
    expect(await rows()).toEqual(before)
    expect((await exported(onlyAgent(again))).agents).toMatchObject(whole.agents.map(({ messages: _, ...rest }: Loose) => rest))
  })

  it('needs a key that may write; an export one that may read', async () => {
    const reader = await newMember(member.organization_id, ['read'])
    const id = onlyAgent(await importFile(call, agentFile()))
    expect((await reader.call('POST', '/v1/agents/import', importForm(agentFile()))).status).toBe(403)
    expect((await reader.call('POST', `/v1/agents/${id}/export`, {})).status).toBe(200)
  })
})

describe('messages that were said elsewhere', () => {
  it('are added to an agent or a conversation, each once', async () => {
    const id = onlyAgent(await importFile(call, agentFile()))
    const path = `/v1/agents/${id}/messages/import`
    const some = [message(1, 'user'), message(2, 'assistant')]
    const first = (await call('POST', path, { messages: some })).body.message_ids
    const both = (await call('POST', path, { messages: [...some, message(3, 'user')] })).body.message_ids
    expect(both.slice(0, 2)).toEqual(first)
    const { message_ids } = await agent(id)
    expect(message_ids.slice(1)).toEqual(both)
    await call('POST', path, { messages: [], in_context_message_ids: ['message-3'] })
    expect((await agent(id)).message_ids).toEqual([message_ids[0], both[2]])
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`, {})).body
    await call('POST', path, { messages: some, conversation_id: conversation.id })
    const shown = (await call('GET', `/v1/conversations/${conversation.id}/messages?order=asc`)).body
    expect(shown.map((m: Loose) => m.message_type)).toEqual(['system_message', 'user_message', 'assistant_message'])
    expect((await call('GET', `/v1/conversations/${conversation.id}`)).body.last_message_at).toBe(some[1]!.created_at)
    expect((await call('GET', `/v1/agents/${id}/messages?conversation_id=default`)).body).toHaveLength(4)
  })

  it('of a request with more to come may end with a call', async () => {
    const id = onlyAgent(await importFile(call, agentFile()))
    const path = `/v1/agents/${id}/messages/import`
    await call('POST', path, { messages: [message(1, 'assistant', { tool_calls: [toolCall('c', 'x')] })], more: true })
    await call('POST', path, {
      messages: [message(2, 'tool', { tool_returns: [{ tool_call_id: 'c', status: 'success', func_response: 'y' }] })],
    })
    const roles = (await exported(id)).agents[0].messages.map((m: Loose) => m.role)
    expect(roles).toEqual(['system', 'assistant', 'tool'])
  })

  it('a context of messages that are not there is refused', async () => {
    const id = onlyAgent(await importFile(call, agentFile()))
    const answer = await call('POST', `/v1/agents/${id}/messages/import`, {
      messages: [message(1, 'user')],
      in_context_message_ids: ['message-9'],
    })
    expect(answer.status).toBe(422)
    expect((await exported(id)).agents[0].messages).toHaveLength(1)
  })
})
