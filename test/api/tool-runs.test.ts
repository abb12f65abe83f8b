import { describe, expect, it } from 'vitest'
import { blockRow, freshAgent, freshBlock, giveTools } from '../support/agent'
import { freshOrganization } from '../support/client'

const add = 'def add(x: int, y: int = 1):\n    """Adds.\n\n    Args:\n        x: One.\n        y: Other.\n    """\n    return x + y\n'

async function agentWithMemory(fields: { read_only?: boolean } = {}) {
  const member = await freshOrganization()
  const agent = await freshAgent(member)
  const block = await freshBlock(member, [agent], { label: 'human', value: 'Name: Ada', ...fields })
  await giveTools(member, agent, ['memory_insert', 'memory_replace', 'conversation_search', 'send_message'])
  const { call } = member
  const run = (name: string, args?: Record<string, unknown>, headers: Record<string, string> = {}) =>
    call('POST', `/v1/agents/${agent}/tools/${name}/run`, args === undefined ? {} : { args }, headers)
  return { ...member, agent, block, run, value: async () => (await blockRow(block))?.value }
}
const failed = (stderr: RegExp) => ({
  status: 'error',
  func_return: null,
  agent_state: null,
  stdout: [],
  stderr: [expect.stringMatching(stderr)],
  sandbox_config_fingerprint: null,
})

describe('a tool of an agent that is run directly', () => {
  it('does what it does in a turn: an edit is in the block and its history', async () => {
    const { call, block, run, value, agent } = await agentWithMemory()
    const { status, body } = await run('memory_insert', { label: 'human', new_string: 'Likes tea.' })
    expect([status, body]).toEqual([
      200,
      {
        status: 'success',
        func_return: 'Name: Ada\nLikes tea.',
        agent_state: null,
        stdout: [],
        stderr: [],
        sandbox_config_fingerprint: null,
      },
    ])
    expect(await value()).toBe('Name: Ada\nLikes tea.')
    const [newest] = (await call('GET', `/v1/blocks/${block}/versions`)).body
    expect(newest).toMatchObject({ actor_type: 'letta_agent', actor_id: agent, run_id: null })
    expect((await call('GET', `/v1/agents/${agent}/messages`)).body).toEqual([])
    expect((await call('GET', `/v1/runs/?agent_id=${agent}`)).body).toEqual([])
  })

  it('is in the prompt of the next turn', async () => {
    const { call, agent, run } = await agentWithMemory()
    await call('POST', `/v1/agents/${agent}/messages`, { input: 'hello' })
    await run('memory_insert', { label: 'human', new_string: 'Likes tea.' })
    await call('POST', `/v1/agents/${agent}/messages`, { input: 'hello again' })
    const { body } = await call('GET', `/v1/agents/${agent}/messages?order=asc&limit=1`)
    expect(body[0]).toMatchObject({ message_type: 'system_message', content: expect.stringContaining('Likes tea.') })
  })

  it('answers what it returns, an object as an object', async () => {
    const { call, agent, run } = await agentWithMemory()
    expect((await run('send_message', { message: 'hi' })).body).toMatchObject({
      status: 'success',
      func_return: 'Sent message successfully.',
    })
    expect((await run('conversation_search')).body).toMatchObject({ status: 'success', func_return: { results: [] } })
    await call('POST', `/v1/agents/${agent}/messages`, { input: 'the quick brown fox' })
    const { body } = await run('conversation_search', { query: 'fox', limit: 1, roles: ['user'] })
    expect(body.func_return).toMatchObject({ message: 'Showing 1 results:', results: [{ role: 'user', content: 'the quick brown fox' }] })
  })

  it('cuts what is longer than the tool’s limit', async () => {
    const { call, run } = await agentWithMemory()
    const [{ id }] = (await call('GET', '/v1/tools?name=memory_insert')).body
    await call('PATCH', `/v1/tools/${id}`, { return_char_limit: 4 })
    expect((await run('memory_insert', { label: 'human', new_string: 'x' })).body.func_return).toMatch(
      /^Name\.\.\. \[NOTE: function output was truncated/,
    )
  })

  it('answers 200 with an error for arguments that it does not take, and changes nothing', async () => {
    const { run, value } = await agentWithMemory()
    for (const [args, stderr] of [
      [{}, /argument 'label' is required/],
      [{ label: 'human' }, /argument 'new_string' is required/],
      [{ label: 'human', new_string: 5 }, /argument 'new_string': .*"number".*"string"/],
      [{ label: 'human', new_string: 'x', invalid_arg: 1 }, /unknown argument 'invalid_arg'.*label, new_string, insert_line/],
      [{ label: 'human', new_string: 'x', insert_line: 'one' }, /argument 'insert_line'/],
      [{ label: 'nobody', new_string: 'x' }, /Block field nobody does not exist/],
      [{ label: 'human', new_string: 'x', insert_line: 99 }, /insert_line/],
    ] as const) {
      const { status, body } = await run('memory_insert', args)
      expect([status, body]).toEqual([200, failed(stderr)])
    }
    expect(await value()).toBe('Name: Ada')
    expect((await run('memory_insert', 'text' as never)).status).toBe(422)
  })

  it('keeps to what binds agents: a read-only block is not edited', async () => {
    const { run, value } = await agentWithMemory({ read_only: true })
    expect((await run('memory_insert', { label: 'human', new_string: 'x' })).body).toEqual(failed(/read-only/))
    expect(await value()).toBe('Name: Ada')
  })

  it('must be attached: anything else is 404 in the words of the API', async () => {
    const { call, run, agent } = await agentWithMemory()
    await call('POST', '/v1/tools', { source_code: add })
    for (const name of ['add', 'memory_rethink', 'nothing', 'a/b c%']) {
      const { status, body } = await call('POST', `/v1/agents/${agent}/tools/${encodeURIComponent(name)}/run`, { args: {} })
      expect([status, body.detail]).toEqual([404, `Tool '${name}' not found or not attached to agent '${agent}'`])
    }
    const stranger = await freshOrganization()
    const path = `/v1/agents/${agent}/tools/memory_insert/run`
    expect((await stranger.call('POST', path, { args: { label: 'human', new_string: 'x' } })).status).toBe(404)
    expect((await run('send_message', { message: 'x' })).status).toBe(200)
  })

  it('of custom code is not executed, and says so once its arguments are right', async () => {
    const { call, agent, run } = await agentWithMemory()
    const { id } = (await call('POST', '/v1/tools', { source_code: add })).body
    await call('PATCH', `/v1/agents/${agent}/tools/attach/${id}`)
    expect(await run('add', { x: 'one' })).toMatchObject({ status: 200, body: failed(/argument 'x'/) })
    expect(await run('add', { x: 1 })).toMatchObject({
      status: 200,
      body: failed(/'add' runs custom code, which this server stores but does not execute/),
    })
  })

  it('edits once however often a request with one Idempotency-Key is sent', async () => {
    const { run, value } = await agentWithMemory()
    const headers = { 'idempotency-key': 'once' }
    const args = { label: 'human', new_string: 'Once.' }
    const answers = [await run('memory_insert', args, headers), await run('memory_insert', args, headers)]
    expect(answers[1]?.body).toEqual(answers[0]?.body)
    expect(await value()).toBe('Name: Ada\nOnce.')
    await run('memory_insert', args)
    expect(await value()).toBe('Name: Ada\nOnce.\nOnce.')
  })

  it('beside a turn and beside itself loses no edit', async () => {
    const { call, agent, run, value } = await agentWithMemory()
    const input = Array.from({ length: 4 }, (_, i) => `/call memory_insert {"label":"human","new_string":"turn ${i}"}`).join('\n/then\n')
    await Promise.all([
      call('POST', `/v1/agents/${agent}/messages`, { input }),
      ...Array.from({ length: 4 }, (_, i) => run('memory_insert', { label: 'human', new_string: `direct ${i}` })),
    ])
    const lines = String(await value()).split('\n')
    expect(lines.toSorted()).toEqual(['Name: Ada', ...[0, 1, 2, 3].flatMap((i) => [`direct ${i}`, `turn ${i}`])].toSorted())
  })
})

describe('a source that is tried out', () => {
  const path = '/v1/tools/run'
  const answer = (name: string, text: RegExp) => ({
    id: 'null',
    message_type: 'tool_return_message',
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    name,
    tool_call_id: 'null',
    status: 'error',
    tool_return: expect.stringMatching(text),
    stdout: [],
    stderr: [expect.stringMatching(text)],
    tool_returns: [expect.objectContaining({ type: 'tool', tool_call_id: 'null', status: 'error' })],
  })

  it('is read and its arguments are judged, but the code is not executed', async () => {
    const { call } = await freshOrganization()
    const run = (body: Record<string, unknown>) => call('POST', path, { source_code: add, env_vars: { KEY: 'x' }, ...body })
    expect(await run({ args: { x: 1 } })).toMatchObject({ status: 200, body: answer('add', /'add' runs custom code/) })
    expect(await run({ args: { x: 1 }, name: 'mine' })).toMatchObject({ status: 200, body: answer('mine', /'mine' runs custom code/) })
    expect(await run({ args: { y: 1 } })).toMatchObject({ status: 200, body: answer('add', /argument 'x' is required/) })
    expect(await run({ args: { x: 'a' } })).toMatchObject({ status: 200, body: answer('add', /argument 'x': .*"string".*"integer"/) })
    const source_code = 'export function greet(name: string) {}'
    expect(await run({ source_code, source_type: 'typescript', args: { nme: 'Ada' } })).toMatchObject({
      status: 200,
      body: answer('greet', /unknown argument 'nme'\. The tool takes: name\./),
    })
    const json_schema = { name: 'add', parameters: { type: 'object', properties: { z: { type: 'string' } } } }
    expect(await run({ json_schema, args: { z: 'a' } })).toMatchObject({ status: 200, body: answer('add', /custom code/) })
    const args_json_schema = { type: 'object', properties: { w: { type: 'string' } }, required: ['w'] }
    expect(await run({ args_json_schema, args: {} })).toMatchObject({ status: 200, body: answer('add', /argument 'w' is required/) })
    expect((await call('GET', '/v1/tools/count?tool_types=custom')).body).toBe(0)
  })

  it('that is no tool is refused', async () => {
    const { call } = await freshOrganization()
    expect(await call('POST', path, { source_code: 'def f(', args: {} })).toMatchObject({
      status: 400,
      body: { code: 'invalid_source', line: 1 },
    })
    expect((await call('POST', path, { source_code: add })).body.errors[0].field).toBe('args')
  })
})
