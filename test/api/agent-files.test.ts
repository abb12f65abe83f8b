import { beforeEach, describe, expect, it } from 'vitest'
import { agentFile, comparable, importFile, type Loose, message, onlyAgent, packed, toolCall } from '../support/agent-file'
import { type Call, freshOrganization } from '../support/client'

let call: Call
beforeEach(async () => {
  call = (await freshOrganization()).call
})

const exported = async (id: string, query = ''): Promise<Loose> => {
  const answer = await call('GET', `/v1/agents/${id}/export${query}`)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body
}

describe('export', () => {
  it('is the file of the agent, its ids names within the file, its secrets without values', async () => {
    const block = (await call('POST', '/v1/blocks', { label: 'notes', value: 'n', tags: ['t'] })).body
    const agent = (
      await call('POST', '/v1/agents', {
        name: 'Ada',
        block_ids: [block.id],
        memory_blocks: [{ label: 'human', value: 'Bob' }],
        tools: ['send_message'],
        tags: ['b', 'a'],
        secrets: { KEY: 'hidden-value' },
        metadata: { a: 1 },
        compaction_settings: { mode: 'all' },
      })
    ).body
    await call('POST', `/v1/agents/${agent.id}/messages`, { input: 'hello' })
    const file = await exported(agent.id)
    expect(Object.keys(file).sort()).toEqual(
      ['agents', 'blocks', 'created_at', 'files', 'groups', 'mcp_servers', 'metadata', 'skills', 'sources', 'tools'].sort(),
    )
    const [only] = file.agents
    expect(only).toMatchObject({
      id: 'agent-0',
      name: 'Ada',
      block_ids: ['block-0', 'block-1'],
      tags: ['a', 'b'],
      tool_exec_environment_variables: { KEY: '' },
      secrets: null,
      metadata: { a: 1 },
      compaction_settings: { mode: 'all' },
      include_base_tools: false,
      in_context_message_ids: ['message-0', 'message-1', 'message-2'],
    })
    expect(only.messages.map(({ id, role }: Loose) => [id, role])).toEqual([
      ['message-0', 'system'],
      ['message-1', 'user'],
      ['message-2', 'assistant'],
    ])
    expect(only.tool_ids).toEqual(file.tools.map(({ id }: Loose) => id))
    expect(file.blocks.map(({ id, label, value }: Loose) => [id, label, value])).toContainEqual(['block-0', 'human', 'Bob'])
    const text = JSON.stringify(file)
    expect(text).not.toContain('hidden-value')
    // The compiled prompt names its agent; nothing else does.
    expect(JSON.stringify(comparable(file))).not.toMatch(/(agent|block|tool|message)-[0-9a-f]{8}-/)
  })

  it('leaves the messages out when asked to', async () => {
    const { id } = (await call('POST', '/v1/agents', { name: 'a' })).body
    const [agent] = (await exported(id, '?scrub_messages=true')).agents
    expect([agent.messages, agent.in_context_message_ids]).toEqual([[], []])
  })

  it('has the messages of a conversation in place of the agent’s own', async () => {
    const { id } = (await call('POST', '/v1/agents', { name: 'a' })).body
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`, {})).body
    await call('POST', `/v1/agents/${id}/messages`, { input: 'to the agent' })
    await call('POST', `/v1/conversations/${conversation.id}/messages`, { input: 'in the conversation', streaming: false })
    const texts = (file: Loose) => file.agents[0].messages.filter((m: Loose) => m.role === 'user').map((m: Loose) => m.content[0].text)
    expect(texts(await exported(id))).toEqual(['to the agent'])
    expect(texts(await exported(id, `?conversation_id=${conversation.id}`))).toEqual(['in the conversation'])
    expect(texts(await exported(id, '?conversation_id=default'))).toEqual(['to the agent'])
  })

  it('carries the skills of the request', async () => {
    const { id } = (await call('POST', '/v1/agents', { name: 'a' })).body
    const skills = [
      { name: 'pdf', files: { 'SKILL.md': '# PDF' } },
      { name: 'git', source_url: 'https://example.com/git' },
    ]
    const { body } = await call('POST', `/v1/agents/${id}/export`, { skills })
    expect(body.skills).toEqual(skills)
    expect((await call('POST', `/v1/agents/${id}/export`)).body.skills).toEqual([])
  })

  it('refuses the older format', async () => {
    const { id } = (await call('POST', '/v1/agents', { name: 'a' })).body
    expect((await call('GET', `/v1/agents/${id}/export?use_legacy_format=true`)).status).toBe(400)
  })

  it('brings the agents of a group that the agent manages, and their shared block once', async () => {
    const file = agentFile(
      { block_ids: ['block-0'], group_ids: ['group-0'] },
      {
        blocks: [{ id: 'block-0', label: 'shared', value: 'both' }],
        groups: [
          {
            id: 'group-0',
            agent_ids: ['agent-1'],
            description: 'memory',
            manager_config: { manager_type: 'sleeptime', manager_agent_id: 'agent-0', sleeptime_agent_frequency: 3 },
            shared_block_ids: ['block-0'],
          },
        ],
      },
    )
    file.agents.push({
      ...(file.agents[0] as object),
      id: 'agent-1',
      name: 'Sleeper',
      agent_type: 'sleeptime_agent',
      group_ids: [],
    } as never)
    const { agent_ids } = (await importFile(call, file, { append_copy_suffix: 'false' })).body
    expect((await call('GET', `/v1/agents/${agent_ids[0]}`)).body.enable_sleeptime).toBe(true)
    const back = await exported(agent_ids[0])
    expect(back.agents.map(({ id, name, block_ids, group_ids }: Loose) => ({ id, name, block_ids, group_ids }))).toEqual([
      { id: 'agent-0', name: 'Ada', block_ids: ['block-0'], group_ids: ['group-0'] },
      { id: 'agent-1', name: 'Sleeper', block_ids: ['block-0'], group_ids: [] },
    ])
    expect(back.blocks).toHaveLength(1)
    expect(back.groups).toMatchObject([{ ...(file.groups[0] as unknown as object), project_id: null }])
    const agents = (await call('GET', `/v1/blocks/${(await call('GET', '/v1/blocks')).body[0].id}/agents`)).body
    expect(agents.map(({ id }: Loose) => id).sort()).toEqual([...agent_ids].sort())
  })
})

describe('messages', () => {
  const calls = [
    message(0, 'system'),
    message(1, 'user'),
    message(2, 'assistant', {
      content: [
        { type: 'reasoning', is_native: true, reasoning: 'hm', signature: 'sig' },
        { type: 'text', text: 'I look.' },
      ],
      tool_calls: [toolCall('call-1', 'look', { at: 'it' })],
      model: 'loci/scripted',
    }),
    message(3, 'tool', { tool_returns: [{ tool_call_id: 'call-1', status: 'success', func_response: packed('seen'), stdout: ['o'] }] }),
    message(4, 'assistant'),
  ]

  it('are stored in order, with the times and the context of the file', async () => {
    const context = calls.map(({ id }) => id).filter((id) => id !== 'message-1')
    const id = onlyAgent(await importFile(call, agentFile({ messages: calls, in_context_message_ids: context })))
    const listed = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body
    expect(listed.map((m: Loose) => m.message_type)).toEqual([
      'system_message',
      'user_message',
      'reasoning_message',
      'assistant_message',
      'tool_call_message',
      'tool_return_message',
      'assistant_message',
    ])
    expect(listed[5]).toMatchObject({ tool_return: 'seen', name: 'look', status: 'success', stdout: ['o'], date: calls[3]!.created_at })
    const agent = (await call('GET', `/v1/agents/${id}`)).body
    const own = [...new Set(listed.map((m: Loose) => m.id))]
    expect(agent.message_ids).toEqual(own.filter((_, i) => i !== 1))
  })

  it('go on in the next turn, the system message compiled for the new agent', async () => {
    const id = onlyAgent(await importFile(call, agentFile({ messages: calls, in_context_message_ids: calls.map((m) => m.id) })))
    const sent = await call('POST', `/v1/agents/${id}/messages`, { input: '/say later' })
    expect(sent.status).toBe(200)
    const agent = (await call('GET', `/v1/agents/${id}`)).body
    expect(agent.message_ids).toHaveLength(7)
    const system = (await call('GET', `/v1/messages/${agent.message_ids[0]}`)).body[0]
    expect(system.content).toContain(id)
    const { agents } = await exported(id)
    expect(agents[0].messages.map((m: Loose) => m.role)).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'user', 'assistant'])
  })

  it('a call that still waits for its approval gets a return, so that the agent takes messages', async () => {
    const messages = [
      message(0, 'system'),
      message(1, 'user'),
      message(2, 'approval', { content: [], tool_calls: [toolCall('call-1', 'delete_all')] }),
    ]
    const id = onlyAgent(await importFile(call, agentFile({ messages, in_context_message_ids: messages.map((m) => m.id) })))
    const listed = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body
    expect(listed.at(-1)).toMatchObject({ message_type: 'tool_return_message', tool_call_id: 'call-1', status: 'error' })
    expect((await call('POST', `/v1/agents/${id}/messages`, { input: 'hello' })).status).toBe(200)
  })

  it('a context without a system message gets one, before the others', async () => {
    const messages = [message(1, 'user'), message(2, 'assistant')]
    const id = onlyAgent(await importFile(call, agentFile({ messages, in_context_message_ids: ['message-1', 'message-2'] })))
    const listed = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body
    expect(listed.map((m: Loose) => m.message_type)).toEqual(['system_message', 'user_message', 'assistant_message'])
    expect((await call('GET', `/v1/agents/${id}`)).body.message_ids).toEqual(listed.map((m: Loose) => m.id))
  })

  it('are left behind when asked to', async () => {
    const file = agentFile({ messages: calls, in_context_message_ids: ['message-0'] })
    const id = onlyAgent(await importFile(call, file, { strip_messages: 'true' }))
    const listed = (await call('GET', `/v1/agents/${id}/messages`)).body
    expect(listed.map((m: Loose) => m.message_type)).toEqual(['system_message'])
  })

  it('a long history keeps its order in several parts', async () => {
    const messages = Array.from({ length: 1500 }, (_, i) =>
      message(i, i === 0 ? 'system' : i % 2 ? 'user' : 'assistant', { content: [{ type: 'text', text: `${i} ${'x'.repeat(2000)}` }] }),
    )
    const id = onlyAgent(
      await importFile(call, agentFile({ messages, in_context_message_ids: ['message-0', 'message-1498', 'message-1499'] })),
    )
    const { agents } = await exported(id)
    expect(agents[0].messages).toHaveLength(1500)
    expect(agents[0].messages.slice(1).map((m: Loose) => Number.parseInt(m.content[0].text, 10))).toEqual(
      Array.from({ length: 1499 }, (_, i) => i + 1),
    )
    expect(agents[0].in_context_message_ids).toEqual(['message-0', 'message-1498', 'message-1499'])
  })
})
