import { afterAll, describe, expect, it } from 'vitest'
import { type Frame, readFrames, typesOf } from '../support/sse'
import { startApi } from './api'

// The requests of `@letta-ai/letta-code` 0.32.18, headless, as a proxy recorded them, with shorter texts. The client itself is no
// dependency: with its own it takes 90 MB, and some of them are not in every registry.

const api = await startApi()
afterAll(() => api.stop())

const headers = {
  accept: 'application/json',
  'user-agent': 'letta-code/0.32.18',
  'x-letta-source': 'letta-code',
  'x-letta-environment-device-id': 'b84f52b3-7bfa-4300-b29e-fb38112cdad2',
  'x-stainless-lang': 'js',
  'x-stainless-package-version': '1.10.2',
  'x-stainless-retry-count': '0',
}

const agentBody = (tools: string[]) => ({
  agent_type: 'letta_v1_agent',
  name: 'Letta Code',
  description: 'Letta Code agent created in /home/ada/project',
  model: 'loci/scripted',
  system: 'You are Letta Code.',
  memory_blocks: [
    { label: 'persona', value: "I'm a coding assistant.", description: 'Who I am.' },
    { label: 'human', value: "I haven't gotten to know this person yet.", description: 'The person I work with.' },
  ],
  tags: ['origin:letta-code'],
  tools,
  include_base_tools: false,
  include_base_tool_rules: false,
  initial_message_sequence: [],
  parallel_tool_calls: true,
  compaction_settings: { model: 'letta/auto' },
})

const parameters = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { cmd: { type: 'string', description: 'The command.' }, yield_time_ms: { type: 'number' } },
  required: ['cmd'],
  additionalProperties: false,
}
const client_tools = ['exec_command', 'ApplyPatch', 'UpdatePlan'].map((name) => ({ name, description: `# ${name}\n\nUse it.`, parameters }))
const client_skills = [{ name: 'browser-use', description: 'Control a real browser.', location: '/opt/skills/browser-use/SKILL.md' }]
const turn = (messages: object[]) => ({
  messages,
  streaming: true,
  stream_tokens: true,
  include_pings: true,
  background: true,
  client_skills,
  client_tools,
  include_compaction_messages: true,
})

const prompt = (text: string) => ({
  role: 'user',
  content: [
    { type: 'text', text: '<system-reminder>\nThis is an automated message.\n</system-reminder>' },
    { type: 'text', text: '<system-reminder>Permission mode active: unrestricted.</system-reminder>\n\n' },
    { type: 'text', text },
  ],
  otid: crypto.randomUUID(),
})

/** The types of messages that letta-code asks for when it takes a conversation up. */
const backfill = ['user', 'assistant', 'reasoning', 'event', 'summary', 'approval_request', 'tool_return', 'approval_response']
  .map((type) => `include_return_message_types=${type}_message`)
  .join('&')

const command = '/call exec_command {"cmd":"cat note.txt"}\n/call exec_command {"cmd":"ls"}\n/then\n/say The note says 4711.'

async function session() {
  const member = await api.member()
  const call = (method: string, path: string, body?: unknown) => member.fetch(method, path, body, headers)
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts what an answer holds
  const json = async (method: string, path: string, body?: unknown): Promise<any> => {
    const answer = await call(method, path, body)
    expect([path, answer.status]).toEqual([path, 200])
    return answer.json()
  }
  const agent = await json('POST', '/v1/agents/', agentBody([]))
  const conversation = await json('POST', `/v1/conversations/?agent_id=${agent.id}`, {})
  const path = `/v1/conversations/${conversation.id}`
  const send = async (messages: object[]): Promise<Frame[]> => {
    const { frames, done } = await readFrames((await call('POST', `${path}/messages`, turn(messages))).body as ReadableStream<Uint8Array>)
    expect([done, frames[0]?.data.message_type]).toEqual([true, 'ping'])
    return frames
  }
  return { ...member, call, json, agent, path, send }
}

/** Tool calls put together from a stream, as the client does it: by id, in the order in which they begin. */
function callsIn(frames: Frame[]) {
  const calls = new Map<string, { name: string; arguments: string }>()
  for (const { data } of frames) {
    if (data.message_type !== 'approval_request_message') continue
    const piece = data.tool_call as { tool_call_id: string; name: string | null; arguments: string | null }
    const known = calls.get(piece.tool_call_id) ?? { name: '', arguments: '' }
    calls.set(piece.tool_call_id, { name: piece.name ?? known.name, arguments: known.arguments + (piece.arguments ?? '') })
  }
  return [...calls].map(([id, call]) => ({ id, ...call }))
}
const returned = (id: string, tool_return: string) => ({ type: 'tool', tool_call_id: id, tool_return, status: 'success' })
const stopOf = (frames: Frame[]) => frames.find(({ data }) => data.message_type === 'stop_reason')?.data.stop_reason

describe('letta-code', () => {
  it('looks around, and makes an agent without tools where its own are not known', async () => {
    const { json, call, agent, path } = await session()
    expect(await json('GET', '/v1/health')).toMatchObject({ status: 'ok', version: expect.any(String) })
    expect(await json('GET', '/v1/agents/?limit=1')).toHaveLength(1)
    expect(await json('GET', '/v1/models/')).toMatchObject([{ handle: 'loci/scripted', max_context_window: expect.any(Number) }])
    expect((await json('POST', '/v1/tools/add-base-tools')).length).toBeGreaterThan(3)
    const refused = await call('POST', '/v1/agents/', agentBody(['no_such_tool']))
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      400,
      expect.stringMatching(/^Tools not found by name/),
    ])
    expect(agent).toMatchObject({ tools: [], tags: ['origin:letta-code'], message_ids: [expect.any(String)] })
    expect(await json('GET', `/v1/agents/${agent.id}?include=agent.tools&include=agent.tags`)).toMatchObject({
      tags: ['origin:letta-code'],
    })
    expect(await json('GET', path)).toMatchObject({ agent_id: agent.id, in_context_message_ids: [expect.any(String)] })
    // It goes on without these where a server has none of them: of a failure to list repositories it only makes a note.
    for (const [optional, status] of [
      ['secrets', 404],
      ['mcp-servers', 404],
      ['repositories', 501],
    ] as const)
      expect([200, status]).toContain((await call('GET', `/v1/agents/${agent.id}/${optional}`)).status)
  })

  it('runs the commands that the agent asks for, and hands the results back', async () => {
    const { send, json, path } = await session()
    const asked = await send([prompt(command)])
    expect(stopOf(asked)).toBe('requires_approval')
    const calls = callsIn(asked)
    expect(calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([
      ['exec_command', { cmd: 'cat note.txt' }],
      ['exec_command', { cmd: 'ls' }],
    ])
    const results = calls.map(({ id }, i) => returned(id, `Output:\n${i === 0 ? 'the secret is 4711' : 'note.txt'}\n`))
    const done = await send([{ type: 'approval', approvals: results, otid: crypto.randomUUID() }])
    expect(typesOf(done).filter((type, i, all) => type !== all[i - 1])).toEqual([
      'ping',
      'tool_return_message',
      'assistant_message',
      'stop_reason',
      'usage_statistics',
    ])
    expect(done[1]?.data.tool_returns).toMatchObject(results)
    expect(stopOf(done)).toBe('end_turn')
    const listed = await json('GET', `${path}/messages?limit=50&order=desc&${backfill}`)
    expect(typesOf(listed.map((data: object) => ({ data })))).toEqual([
      'assistant_message',
      'tool_return_message',
      'approval_response_message',
      'approval_request_message',
      'user_message',
    ])
    const { in_context_message_ids: ids } = await json('GET', path)
    expect(await json('GET', `/v1/messages/${ids.at(-1)}`)).toMatchObject([{ message_type: 'assistant_message' }])
  })

  it('takes up a conversation whose client died: it closes the old calls and speaks, in one request', async () => {
    const { send, json, path, call } = await session()
    const [first, second] = callsIn(await send([prompt(command)]))
    const busy = await call('POST', `${path}/messages`, turn([prompt('Are you there?')]))
    expect([busy.status, busy.headers.get('x-should-retry')]).toEqual([409, 'false'])
    expect(((await busy.json()) as { detail: string }).detail).toContain('waiting for approval')
    const [last] = await json('GET', `${path}/messages?limit=50&order=desc&${backfill}`)
    expect(last).toMatchObject({
      message_type: 'approval_request_message',
      tool_calls: [{ tool_call_id: first?.id }, { tool_call_id: second?.id }],
    })

    const wrong = await call('POST', `${path}/messages`, turn([{ type: 'approval', approvals: [returned('call_old', '')] }]))
    expect([wrong.status, ((await wrong.json()) as { detail: string }).detail]).toEqual([
      400,
      expect.stringMatching(/invalid tool call ids/i),
    ])

    const reason = 'The agent harness automatically closed this stale pending tool call.'
    const approvals = [first, second].map((stale) => ({ type: 'approval', tool_call_id: stale?.id, approve: false, reason }))
    const done = await send([{ type: 'approval', approvals, otid: crypto.randomUUID() }, prompt('/say recovered')])
    expect(stopOf(done)).toBe('end_turn')
    expect(done.flatMap(({ data }) => (data.message_type === 'assistant_message' ? [data.content] : [])).join('')).toBe('recovered')
    const stale = await call('POST', `${path}/messages`, turn([{ type: 'approval', approvals: [returned('call_old', '')] }]))
    expect(((await stale.json()) as { detail: string }).detail).toContain('No tool call is currently awaiting approval')
  })

  it('cancels what the user interrupts while a command runs, and sends its end with the next message', async () => {
    const { send, json, path } = await session()
    const [first, second] = callsIn(await send([prompt(command)]))
    expect(Object.values(await json('POST', `${path}/cancel`))).toEqual(['cancelled'])
    const interrupted = [first, second].map((call) => ({ ...returned(call?.id ?? '', 'Interrupted by user'), status: 'error' }))
    const done = await send([{ type: 'approval', approvals: interrupted, otid: crypto.randomUUID() }, prompt('/say back again')])
    expect(done.flatMap(({ data }) => (data.message_type === 'assistant_message' ? [data.content] : [])).join('')).toBe('back again')
    const listed: { message_type: string }[] = await json('GET', `${path}/messages?limit=50&order=asc&${backfill}`)
    expect(listed.map((message) => message.message_type)).toEqual([
      'user_message',
      'approval_request_message',
      'approval_response_message',
      'tool_return_message',
      'user_message',
      'assistant_message',
    ])
  })

  it('reads what was said, by conversation and by its words', async () => {
    const { send, json, agent, path } = await session()
    await send([prompt('/say marmalade')])
    expect(await json('GET', `${path}/messages?limit=100&order=desc`)).toHaveLength(3)
    expect(await json('GET', `/v1/agents/${agent.id}/messages?conversation_id=default&limit=20`)).toMatchObject([
      { message_type: 'system_message' },
    ])
    const search = { query: 'marmalade', search_mode: 'hybrid', agent_id: agent.id, limit: 5 }
    expect((await json('POST', '/v1/messages/search', search)).map((hit: { content: string }) => hit.content)).toContain('marmalade')
  })
})
