import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { agentFile, comparable, importFile, type Loose, message, packed, toolCall } from '../support/agent-file'
import { type Call, freshOrganization } from '../support/client'
import { eventually } from '../support/files'

const word = fc.stringMatching(/^[a-z]{1,8}$/)
const text = fc.oneof(word, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }))
const values = fc.dictionary(word, fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null)), { maxKeys: 3 })

/** What one turn of a history says. */
const turn = fc.oneof(
  fc.record({ kind: fc.constant('said' as const), text, name: fc.option(word) }),
  fc.record({
    kind: fc.constant('called' as const),
    text: fc.option(text),
    calls: fc.array(values, { minLength: 1, maxLength: 3 }),
    ok: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('asked' as const), approve: fc.boolean(), reason: fc.option(text) }),
  fc.record({ kind: fc.constant('brought' as const), text }),
  fc.record({ kind: fc.constant('image' as const), text }),
  fc.record({ kind: fc.constant('thought' as const), text, signature: fc.option(word), native: fc.boolean() }),
  fc.record({ kind: fc.constant('summed' as const), text }),
)
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never

const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=', detail: null }
const part = (content: string) => [{ type: 'text', text: content }]

/** The messages of a turn, numbered on from `n`. */
function messagesOf(each: Turn, n: number): Loose[] {
  const ask = message(n, 'user', { content: part(`ask ${n}`) })
  switch (each.kind) {
    case 'said':
      return [{ ...ask, name: each.name }, message(n + 1, 'assistant', { content: part(each.text), model: 'loci/scripted' })]
    case 'called': {
      const calls = each.calls.map((args, i) => toolCall(`call-${n}-${i}`, i % 2 ? 'roll' : 'look', args))
      const status = each.ok ? 'success' : 'error'
      const returns = calls.map(({ id, function: { arguments: args } }) => ({
        tool_call_id: id,
        status,
        func_response: packed(args, each.ok ? 'OK' : 'Failed'),
        stdout: each.ok ? ['out'] : null,
      }))
      return [
        ask,
        message(n + 1, 'assistant', { content: each.text ? part(each.text) : [], tool_calls: calls }),
        message(n + 2, 'tool', { tool_returns: returns }),
      ]
    }
    case 'asked': {
      const tool_call_id = `call-${n}`
      const answer = { type: 'approval', tool_call_id, approve: each.approve, reason: each.reason }
      const said = each.approve ? packed('done') : packed('denied', 'Failed')
      return [
        ask,
        message(n + 1, 'approval', { content: [], tool_calls: [toolCall(tool_call_id, 'roll')] }),
        message(n + 2, 'approval', { content: [], approvals: [answer] }),
        message(n + 3, 'tool', { tool_returns: [{ tool_call_id, status: each.approve ? 'success' : 'error', func_response: said }] }),
      ]
    }
    case 'brought': {
      // A client ran the tool, and its result has an image.
      const tool_call_id = `call-${n}`
      const answer = {
        type: 'tool',
        tool_call_id,
        tool_return: each.text,
        status: 'success',
        stdout: ['o'],
        stderr: null,
        images: [source],
      }
      const result = { tool_call_id, status: 'success', func_response: packed(each.text), stdout: ['o'], stderr: null, images: [source] }
      return [
        ask,
        message(n + 1, 'approval', { content: [], tool_calls: [toolCall(tool_call_id, 'look')] }),
        message(n + 2, 'approval', { content: [], approvals: [answer] }),
        message(n + 3, 'tool', { tool_returns: [result] }),
      ]
    }
    case 'image': {
      return [{ ...ask, content: [...part(each.text), { type: 'image', source }] }]
    }
    case 'thought': {
      const reasoning = { type: 'reasoning', reasoning: each.text, is_native: each.native, signature: each.signature }
      const content = [
        reasoning,
        { type: 'redacted_reasoning', data: 'x' },
        { type: 'omitted_reasoning', signature: null },
        ...part(each.text),
      ]
      return [ask, message(n + 1, 'assistant', { content })]
    }
    case 'summed':
      return [message(n, 'summary', { content: part(JSON.stringify({ type: 'system_alert', message: each.text, time: 't' })) })]
  }
}

const history = fc.array(turn, { maxLength: 6 }).map((turns) => {
  const messages: Loose[] = [message(0, 'system')]
  for (const each of turns) messages.push(...messagesOf(each, messages.length))
  return messages
})

const block = fc.record({
  value: text,
  description: fc.option(word),
  read_only: fc.boolean(),
  metadata: values,
  tags: fc.uniqueArray(word, { maxLength: 2 }),
})

const one = fc.record({
  messages: history,
  forgotten: fc.nat({ max: 4 }),
  tags: fc.uniqueArray(word, { maxLength: 3 }),
  metadata: values,
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
  secrets: fc.uniqueArray(word, { maxLength: 2 }),
  settings: fc.option(fc.constantFrom({ max_output_tokens: 77 }, { temperature: 0.3 })),
})

/** A file of a manager and its member, with everything that a file can hold. */
const files = fc
  .record({
    agents: fc.array(one, { minLength: 2, maxLength: 2 }),
    blocks: fc.array(block, { minLength: 1, maxLength: 3 }),
    texts: fc.array(text, { maxLength: 2 }),
  })
  .map(({ agents, blocks, texts }) => {
    const [base] = agentFile().agents
    // Messages are counted through the whole file.
    let count = 0
    for (const { messages } of agents) {
      const names = new Map(messages.map((one) => [one.id, `message-${count++}`]))
      for (const one of messages) one.id = names.get(one.id)
    }
    const files = texts.map((content, i) => ({
      id: `file-${i}`,
      source_id: 'source-0',
      file_name: `docs/${i}.txt`,
      file_type: 'text/plain',
      content,
    }))
    const rules = [
      { tool_name: 'look', type: 'run_first' },
      { tool_name: 'look', type: 'constrain_child_tools', children: ['roll'] },
      { tool_name: 'roll', type: 'requires_approval' },
      { tool_name: 'roll', type: 'max_count_per_step', max_count_limit: 2 },
    ]
    return {
      ...agentFile(),
      agents: agents.map(({ messages, forgotten, secrets, settings, ...agent }, i) => ({
        ...base,
        ...agent,
        id: `agent-${i}`,
        name: `agent ${i}`,
        block_ids: i === 0 ? blocks.map((_, n) => `block-${n}`) : ['block-0'],
        tool_ids: ['tool-0', 'tool-1'],
        tool_rules: rules,
        messages,
        in_context_message_ids: messages.map((m) => m.id).filter((_, n) => n === 0 || n > forgotten || messages.length <= forgotten + 1),
        tool_exec_environment_variables: Object.fromEntries(secrets.map((key) => [key, ''])),
        model_settings: settings,
        compaction_settings: settings && { mode: 'all' },
        source_ids: i === 0 ? ['source-0'] : [],
        files_agents:
          i === 0
            ? files.map(({ id, file_name }, n) => ({
                file_id: id,
                source_id: 'source-0',
                file_name,
                is_open: n === 0,
                visible_content: 'x',
              }))
            : [],
        group_ids: i === 0 ? ['group-0'] : [],
      })),
      blocks: blocks.map((each, n) => ({ ...each, id: `block-${n}`, label: `label-${n}`, limit: 500 })),
      tools: ['look', 'roll'].map((name, n) => ({
        id: `tool-${n}`,
        name,
        tool_type: 'custom',
        source_type: 'python',
        source_code: `def ${name}(): pass`,
        json_schema: { name, description: name, parameters: { type: 'object', properties: {} } },
      })),
      sources: [{ id: 'source-0', name: 'docs', description: 'Docs.' }],
      files,
      groups: [
        {
          id: 'group-0',
          agent_ids: ['agent-1'],
          description: 'pair',
          manager_config: { manager_type: 'supervisor', manager_agent_id: 'agent-0' },
          shared_block_ids: ['block-0'],
        },
      ],
    }
  })

const back = async (call: Call, file: unknown): Promise<Loose> => {
  const { status, body } = await importFile(call, file, { append_copy_suffix: 'false' })
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body.warnings).toEqual([])
  // How far its files are is in an export too.
  return eventually(async () => {
    const exported = await call<Loose>('GET', `/v1/agents/${body.agent_ids[0]}/export`)
    expect(exported.status).toBe(200)
    return exported.body.files.every((each: Loose) => ['completed', 'error'].includes(each.processing_status)) && exported.body
  })
}

/** What a file must keep of another: every value that the other gives. */
const told = (file: Loose) => ({
  agents: file.agents.map(({ messages, llm_config: _, embedding_config: _e, files_agents, tool_rules, tool_ids, ...agent }: Loose) => ({
    ...agent,
    // A folder brings the three tools for files.
    tool_ids: agent.source_ids.length > 0 ? [...tool_ids, 'tool-2', 'tool-3', 'tool-4'] : tool_ids,
    tags: [...agent.tags].sort(),
    tool_rules: tool_rules.map((rule: Loose) => expect.objectContaining(rule)),
    files_agents: files_agents.map((each: Loose) => expect.objectContaining(each)),
    messages: messages.map(({ tool_returns = [], content, ...each }: Loose) => ({
      ...each,
      ...(each.role === 'tool' || each.role === 'system' ? {} : { content }),
      tool_returns: tool_returns.map(({ func_response: _, ...rest }: Loose) => expect.objectContaining(rest)),
    })),
  })),
  blocks: file.blocks.map((each: Loose) => ({ ...each, tags: [...each.tags].sort() })),
  files: file.files,
  groups: file.groups,
})

describe('an agent file', () => {
  it('comes out of an import and an export as it went in, but for times and the compiled prompt', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        const first = await back((await freshOrganization()).call, file)
        expect(first).toMatchObject(told(file))
        const second = await back((await freshOrganization()).call, first)
        expect(comparable(second)).toEqual(comparable(first))
      }),
      { numRuns: 15, seed: 20_261_120, endOnFailure: true },
    )
  }, 120_000)

  it('of an agent that talked, remembered and called tools comes back the same', async () => {
    const { call } = await freshOrganization()
    const agent = (
      await call('POST', '/v1/agents', { name: 'Ada', memory_blocks: [{ label: 'human', value: 'Bob' }], tags: ['x'], secrets: { K: 'v' } })
    ).body
    await call('POST', `/v1/agents/${agent.id}/messages`, {
      input: '/call memory_insert {"label":"human","new_string":"likes tea"}\n/say noted',
    })
    await call('POST', `/v1/agents/${agent.id}/messages`, { input: '/call conversation_search {"query":"tea"}\n/say found' })
    const first: Loose = (await call('GET', `/v1/agents/${agent.id}/export`)).body
    expect(first.agents[0].messages.map((m: Loose) => m.role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
      'assistant',
      'tool',
      'assistant',
    ])
    const second = await back(call, first)
    expect(comparable(second)).toEqual(comparable(first))
  })
})
