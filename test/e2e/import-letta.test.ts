import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { comparable, type Loose } from '../support/agent-file'
import { type LettaServer, startLettaServer } from '../support/fakes/letta-server'
import { runImport, stateFile, stateLines } from '../support/import-letta'
import { type RunningServer, startServer } from '../support/server'

const caller =
  (url: string) =>
  async (method: string, path: string, body?: unknown): Promise<Loose> => {
    const response = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

/** Everything of a server that is counted. */
const counts = async (url: string): Promise<Loose> => {
  const call = caller(url)
  const { length: conversations } = await call('GET', '/v1/conversations/?limit=1000')
  const { length: messages } = await call('GET', '/v1/messages/?limit=1000')
  const { length: archives } = await call('GET', '/v1/archives/?limit=1000')
  return {
    agents: await call('GET', '/v1/agents/count'),
    blocks: await call('GET', '/v1/blocks/count'),
    tools: await call('GET', '/v1/tools/count'),
    conversations,
    messages,
    archives,
  }
}

let target: RunningServer
beforeAll(async () => {
  target = await startServer({ env: { LOG_LEVEL: 'error' } })
})
afterAll(() => target?.stop())

/** A target without anything in it. */
const fresh = async () => {
  await target.stop()
  target = await startServer({ env: { LOG_LEVEL: 'error' } })
}

describe('from one Loci to another', () => {
  let source: RunningServer
  let call: ReturnType<typeof caller>
  const ids: string[] = []
  let shared: Loose
  let conversation: Loose
  let archive: Loose
  let group: Loose
  let folder: Loose

  beforeAll(async () => {
    source = await startServer({ env: { LOG_LEVEL: 'error' } })
    call = caller(source.url)
    const tool = await call('POST', '/v1/tools', {
      source_code: 'def roll(): return 6',
      source_type: 'python',
      json_schema: { name: 'roll', description: 'Rolls.', parameters: { type: 'object', properties: {} } },
    })
    shared = await call('POST', '/v1/blocks', { label: 'shared', value: 'both see this', tags: ['t'] })
    archive = await call('POST', '/v1/archives', { name: 'Notes', description: 'What is kept.' })
    for (const name of ['Ada', 'Bob', 'Eve']) {
      const agent = await call('POST', '/v1/agents', {
        name,
        block_ids: [shared.id],
        memory_blocks: [{ label: 'human', value: name }],
        tool_ids: [tool.id],
        tags: ['x', name],
        secrets: { TOKEN: 'hidden' },
        metadata: { name },
      })
      ids.push(agent.id)
      await call('POST', `/v1/agents/${agent.id}/messages`, {
        input: `/call memory_insert {"label":"human","new_string":"tea"}\n/say noted, ${name}`,
      })
    }
    const [first = '', second = ''] = ids
    const identity = await call('POST', '/v1/identities', { identifier_key: 'ada', name: 'Ada L.', identity_type: 'user' })
    await call('PATCH', `/v1/agents/${first}/identities/attach/${identity.id}`)
    const manager_config = { manager_type: 'supervisor', manager_agent_id: first }
    group = await call('POST', '/v1/groups', { agent_ids: [second], description: 'a pair', manager_config })
    // A history of more than one part.
    const messages = Array.from({ length: 1200 }, (_, i) => ({
      id: `said-${i}`,
      role: i % 2 ? 'assistant' : 'user',
      content: `message ${i}`,
      created_at: new Date(Date.UTC(2025, 0, 1) + i * 1000).toISOString(),
    }))
    await call('POST', `/v1/agents/${first}/messages/import`, { messages })
    conversation = await call('POST', `/v1/conversations?agent_id=${first}`, { summary: 'about tea', isolated_block_labels: ['human'] })
    await call('POST', `/v1/conversations/${conversation.id}/messages`, { input: 'in the conversation', streaming: false })
    await call('PATCH', `/v1/blocks/${conversation.isolated_block_ids[0]}`, { value: 'isolated' })
    folder = await call('POST', '/v1/folders', { name: 'Library', description: 'Books.' })
    const form = new FormData()
    form.append('file', new File(['chapter one\nchapter two'], 'book.txt', { type: 'text/plain' }))
    await fetch(`${source.url}/v1/folders/${folder.id}/upload`, { method: 'POST', body: form })
    await call('PATCH', `/v1/agents/${second}/folders/attach/${folder.id}`)
    await call('PATCH', `/v1/agents/${first}/archives/attach/${archive.id}`)
    const passages = Array.from({ length: 250 }, (_, i) => ({
      text: `fact ${i}`,
      tags: [`t${i % 3}`],
      created_at: new Date(Date.UTC(2025, 0, 1) + i * 1000).toISOString(),
    }))
    await call('POST', `/v1/archives/${archive.id}/passages/batch`, { passages })
  })
  afterAll(() => source?.stop())

  /** Expects that the target has everything, once, under the ids of the source. */
  const expectMoved = async () => {
    const there = caller(target.url)
    for (const id of ids) {
      const [before, after] = await Promise.all([call('GET', `/v1/agents/${id}/export`), there('GET', `/v1/agents/${id}/export`)])
      // Which files are open follows from when each was read anew.
      const files = (file: Loose) => comparable(file).agents.map((agent: Loose) => agent.files_agents.map((each: Loose) => each.file_name))
      const rest = (file: Loose) => ({
        ...comparable(file),
        agents: comparable(file).agents.map((agent: Loose) => ({ ...agent, files_agents: [] })),
      })
      expect(rest(after)).toEqual(rest(before))
      expect(files(after)).toEqual(files(before))
      expect((await there('GET', `/v1/agents/${id}`)).created_at).toBe((await call('GET', `/v1/agents/${id}`)).created_at)
    }
    const agents = await there('GET', `/v1/blocks/${shared.id}/agents?limit=100`)
    expect(agents.map((agent: Loose) => agent.id).sort()).toEqual([...ids].sort())
    expect(await there('GET', `/v1/groups/${group.id}`)).toMatchObject({
      agent_ids: group.agent_ids,
      manager_agent_id: ids[0],
      description: 'a pair',
    })
    expect((await there('GET', `/v1/agents/${ids[1]}/folders`)).map((each: Loose) => each.id)).toEqual([folder.id])
    const { files } = await there('GET', `/v1/agents/${ids[1]}/files`)
    expect(files).toMatchObject([{ file_name: 'Library/book.txt', folder_id: folder.id }])
    const [book, ...more] = await there('GET', `/v1/folders/${folder.id}/files?include_content=true`)
    expect(more).toEqual([])
    expect(book).toMatchObject({ content: 'chapter one\nchapter two', processing_status: 'completed' })
    const identified = await there('GET', '/v1/agents/?identifier_keys=ada')
    expect(identified.map((agent: Loose) => agent.id)).toEqual([ids[0]])
    expect(await there('GET', '/v1/identities/count')).toBe(1)
    const [only, ...others] = await there('GET', '/v1/conversations/')
    expect(others).toEqual([])
    expect(only).toMatchObject({ summary: 'about tea', agent_id: ids[0] })
    expect((await there('GET', `/v1/blocks/${only.isolated_block_ids[0]}`)).value).toBe('isolated')
    const said = async (from: typeof there, id: string) =>
      (await from('GET', `/v1/conversations/${id}/messages?order=asc`))
        .filter((m: Loose) => m.message_type !== 'system_message')
        .map((m: Loose) => [m.message_type, m.content, m.date])
    expect(await said(there, only.id)).toEqual(await said(call, conversation.id))
    const facts = async (from: typeof there) =>
      (await from('GET', `/v1/agents/${ids[0]}/archival-memory?limit=1000`)).map(({ text, tags, created_at }: Loose) => ({
        text,
        tags,
        created_at,
      }))
    expect(await facts(there)).toEqual(await facts(call))
    expect(await counts(target.url)).toEqual(await counts(source.url))
  }

  it('moves everything; a second run does nothing and says so', async () => {
    const args = ['--from', source.url, '--to', `${target.url}/`, '--state', stateFile()]
    const dry = await runImport([...args, '--dry-run'])
    expect(dry).toMatchObject({ code: 0, output: expect.stringMatching(/Would be moved:[\s\S]* 3 {2}agents/) })
    expect((await counts(target.url)).agents).toBe(0)
    const first = await runImport(args)
    expect(first.output).toContain("the secret TOKEN of the agent 'Ada'")
    expect(first.output).toMatch(/\b250 {2}passages/)
    expect(first.code, first.output).toBe(0)
    await expectMoved()
    const second = await runImport(args)
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('Nothing to do: everything was moved by an earlier run.') })
    await expectMoved()
    // Without its state it finds what is there, and leaves it as it is.
    const third = await runImport([...args.slice(0, -1), stateFile()])
    expect(third.output).toContain('the target has an agent of this id')
    expect((await counts(target.url)).agents).toBe(3)
  })

  it('moves some agents with what they use', async () => {
    await fresh()
    const [, bob = ''] = ids
    const { code, output } = await runImport(['--from', source.url, '--to', target.url, '--agents', bob, '--state', stateFile()])
    expect(code, output).toBe(0)
    expect(await counts(target.url)).toMatchObject({ agents: 1, blocks: 2, conversations: 0, archives: 0 })
  })

  it('killed again and again, it has everything at the end, and nothing twice', async () => {
    await fresh()
    const state = stateFile()
    const args = ['--from', source.url, '--to', target.url, '--state', state]
    // The state grows by a line for each thing: the run is killed at another place each time.
    let killed = 0
    for (let lines = 3; killed < 8; lines += 2) {
      const { code } = await runImport(args, () => stateLines(state).length >= lines)
      if (code === 0) break
      killed++
    }
    expect(killed).toBeGreaterThan(3)
    const { code, output } = await runImport(args)
    expect(code, output).toBe(0)
    await expectMoved()
  }, 240_000)
})

describe('from the retired server', () => {
  const uuid = () => crypto.randomUUID()
  const [agentId, odd, block, tool] = [`agent-${uuid()}`, `agent-${uuid()}`, `block-${uuid()}`, `tool-${uuid()}`]
  const many = Array.from({ length: 120 }, (_, i) => ({ id: `agent-${uuid()}`, name: `worker ${i}` }))
  let letta: LettaServer

  const state = (id: string, name: string, handle: string, more: Record<string, unknown> = {}) => ({
    id,
    name,
    system: 'Be kind.',
    agent_type: 'memgpt_v2_agent',
    llm_config: { model: 'gpt-4o-mini', model_endpoint_type: 'openai', context_window: 32_000, handle },
    embedding_config: { embedding_model: 'text-embedding-3-small', embedding_endpoint_type: 'openai', embedding_dim: 1536 },
    message_ids: [],
    tool_rules: [],
    tags: [],
    blocks: [],
    tools: [],
    sources: [],
    created_at: '2025-01-02T03:04:05.155373Z',
    ...more,
  })

  beforeAll(async () => {
    const [m0, m1, m2, m3, m4] = Array.from({ length: 5 }, () => `message-${uuid()}`) as [string, string, string, string, string]
    const at = (second: number) => `2025-06-01T00:00:0${second}+00:00`
    const human = { id: block, label: 'human', value: 'Sarah', limit: 5000, description: 'Who.', metadata: {}, tags: [], read_only: false }
    const roll = {
      id: tool,
      name: 'roll',
      tool_type: 'custom',
      source_type: 'python',
      source_code: 'def roll(): return 6',
      json_schema: { name: 'roll', description: 'Rolls.', parameters: { type: 'object', properties: {} } },
      tags: [],
    }
    const builtin = {
      id: `tool-${uuid()}`,
      name: 'send_message',
      tool_type: 'letta_core',
      source_type: 'python',
      source_code: null,
      json_schema: null,
      tags: [],
    }
    letta = await startLettaServer(
      {
        agents: [
          state(agentId, 'Support', 'openai/gpt-4o-mini', {
            blocks: [human],
            tools: [roll, builtin],
            message_ids: [m0, m3, m4],
            secrets: [{ key: 'TOKEN', value: 'the value' }],
            tool_exec_environment_variables: [{ key: 'TOKEN', value: 'the value' }],
          }),
          state(odd, 'Odd', 'warp/drive'),
          ...many.map(({ id, name }) => state(id, name, 'openai/gpt-4o-mini')),
        ],
        blocks: [human],
        tools: [builtin, roll],
        messages: {
          [agentId]: [
            { id: m0, message_type: 'system_message', content: 'compiled', date: at(0) },
            { id: m1, message_type: 'user_message', content: 'Roll.', date: at(1) },
            {
              id: m2,
              message_type: 'reasoning_message',
              reasoning: 'A die.',
              source: 'reasoner_model',
              signature: 's',
              date: at(2),
              otid: 'o1',
            },
            {
              id: m2,
              message_type: 'tool_call_message',
              tool_call: { name: 'roll', arguments: '{}', tool_call_id: 'c1' },
              date: at(2),
              otid: 'o2',
            },
            {
              id: m3,
              message_type: 'tool_return_message',
              tool_return: '6',
              status: 'success',
              tool_call_id: 'c1',
              stdout: null,
              stderr: null,
              date: at(3),
            },
            { id: m4, message_type: 'assistant_message', content: 'Six.', date: at(4) },
          ],
        },
      },
      'sk-letta',
    )
  })
  afterAll(() => letta?.stop())

  it('moves what it gives, says what it does not, and fails what cannot be', async () => {
    await fresh()
    const args = ['--from', `${letta.url}/v1`, '--token', 'sk-letta', '--to', target.url, '--state', stateFile()]
    const first = await runImport(args)
    expect(first.code, first.output).toBe(1)
    expect(first.output).toMatch(/Failed:\n {2}- agent Odd .*warp.*--fallback-model/)
    expect(first.output).toContain('Identities: the source does not serve /v1/identities/')
    expect(first.output).toContain('the keys of the model providers: openai')
    const there = caller(target.url)
    const agent = await there('GET', `/v1/agents/${agentId}?include=agent.tools&include=agent.blocks&include=agent.secrets`)
    expect(agent).toMatchObject({
      name: 'Support',
      agent_type: 'memgpt_v2_agent',
      created_at: '2025-01-02T03:04:05.155Z',
      blocks: [{ id: block, value: 'Sarah', limit: 5000 }],
      secrets: [{ key: 'TOKEN' }],
    })
    expect(agent.tools.map((one: Loose) => one.name)).toEqual(['roll', 'send_message'])
    expect(agent.message_ids).toHaveLength(3)
    const { agents } = await there('GET', `/v1/agents/${agentId}/export`)
    expect(agents[0].messages).toMatchObject([
      { role: 'system' },
      { role: 'user', content: [{ text: 'Roll.' }], created_at: '2025-06-01T00:00:01.000Z' },
      { role: 'assistant', content: [{ type: 'reasoning', reasoning: 'A die.' }], tool_calls: [{ id: 'c1', function: { name: 'roll' } }] },
      { role: 'tool', name: 'roll', tool_returns: [{ tool_call_id: 'c1', status: 'success' }] },
      { role: 'assistant', content: [{ text: 'Six.' }] },
    ])
    // More agents than a page, from a list that ignores cursors.
    expect((await counts(target.url)).agents).toBe(121)
    const second = await runImport([...args, '--fallback-model', 'loci/scripted'])
    expect(second.code, second.output).toBe(0)
    expect(second.output).toMatch(/Moved:\n +1 {2}agents/)
    expect(await there('GET', `/v1/agents/${odd}`)).toMatchObject({ name: 'Odd', model: 'loci/scripted' })
  })

  it('does not begin with a server that is not there, a key that is wrong, or a command line that is', async () => {
    const refused = await runImport(['--from', letta.url, '--token', 'wrong', '--to', target.url, '--state', stateFile()])
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('401 Unauthorized') })
    expect(await runImport(['--to', target.url])).toMatchObject({ code: 2, output: expect.stringContaining('--from is required') })
    expect(await runImport(['--from', 'here'])).toMatchObject({ code: 2 })
    expect(await runImport(['--from', letta.url, '--frm', 'x'])).toMatchObject({ code: 2 })
    expect(await runImport(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('usage:') })
  })
})
