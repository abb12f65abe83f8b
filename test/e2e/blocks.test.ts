import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allPages, bodyOf, type Call, client } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'

const editsByTool = 20
const editsByApi = 5

interface Version {
  id: string
  version: number
  value: string
  description: string | null
  cause: string
  state_of: number
  actor_type: string
  actor_id: string
  run_id: string | null
}

let server: RunningServer
let call: Call
beforeAll(async () => {
  server = await startServer()
  call = client(server)
})
afterAll(() => server.stop())

const historyOf = (block: string) => allPages<Version>(call, `/v1/blocks/${block}/versions?order=asc&include=value`, 50)
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

async function sharedBlock(value: string, agents: number): Promise<{ block: string; agents: string[] }> {
  const { id } = bodyOf(await call('POST', '/v1/blocks', { label: 'shared', value, description: 'at first' }))
  const make = async (_: unknown, n: number) =>
    bodyOf(await call('POST', '/v1/agents', { name: `editor ${n}`, block_ids: [id], tools: ['core_memory_append'] })).id as string
  return { block: id, agents: await Promise.all(times(agents, () => null).map(make)) }
}

/** One turn in a conversation of its own that appends a line; true when the tool said that it did. */
async function appendByTool(agent: string, line: string): Promise<boolean> {
  const { id } = bodyOf(await call('POST', `/v1/conversations?agent_id=${agent}`, {}))
  const content = `/call core_memory_append ${JSON.stringify({ label: 'shared', content: line })}`
  const answer = bodyOf(await call('POST', `/v1/conversations/${id}/messages`, { messages: [{ role: 'user', content }], streaming: false }))
  const returns = answer.messages.filter((message: { message_type: string }) => message.message_type === 'tool_return_message')
  expect([returns.length, answer.stop_reason.stop_reason]).toEqual([1, 'end_turn'])
  return returns[0].status === 'success'
}

/** Appends a line as an API client that reads, changes and writes, and merges when it is told that it saw an old version. */
async function appendByApi(block: string, line: string, by: 'if-match' | 'base_version'): Promise<{ conflicts: number }> {
  const path = `/v1/blocks/${block}`
  const read = await call('GET', path)
  let head = { value: read.body.value as string, version: read.body.version as number, etag: read.headers.get('etag') ?? '' }
  for (let conflicts = 0; ; conflicts++) {
    const value = `${head.value}\n${line}`
    const { status, body, headers } = await (by === 'if-match'
      ? call('PATCH', path, { value }, { 'if-match': head.etag })
      : call('PATCH', path, { value, base_version: head.version }))
    if (status === 200) {
      expect([body.value, body.version]).toEqual([value, head.version + 1])
      return { conflicts }
    }
    expect([status, body.current_version > head.version]).toEqual([by === 'if-match' ? 412 : 409, true])
    head = { value: body.current_value, version: body.current_version, etag: headers.get('etag') ?? '' }
  }
}

describe('a block that many edit at once', () => {
  it('keeps every acknowledged edit of two agents and of API clients, each as a version of its own', async () => {
    const { block, agents } = await sharedBlock('first line', 2)
    const kept = times(editsByTool, (n) => agents.map((agent, i) => ({ line: `agent ${i} edit ${n}`, agent }))).flat()
    const guarded = times(editsByApi, (n) =>
      (['if-match', 'base_version'] as const).map((by) => ({ line: `api ${by} edit ${n}`, by })),
    ).flat()
    const [byTool, byApi, described] = await Promise.all([
      Promise.all(kept.map(({ agent, line }) => appendByTool(agent, line))),
      Promise.all(guarded.map(({ line, by }) => appendByApi(block, line, by))),
      // Without a precondition the last write wins, and touches nothing but the fields it names.
      Promise.all(times(editsByApi, async (n) => bodyOf(await call('PATCH', `/v1/blocks/${block}`, { description: `described ${n}` })))),
    ])
    const acknowledged = [...kept.filter((_, i) => byTool[i]), ...guarded].map(({ line }) => line)
    const conflicts = byApi.reduce((sum, each) => sum + each.conflicts, 0)
    const head = bodyOf(await call('GET', `/v1/blocks/${block}`))
    const [first, ...lines] = head.value.split('\n')
    expect(first).toBe('first line')
    expect(lines.toSorted()).toEqual(acknowledged.toSorted())
    expect(conflicts).toBeGreaterThan(0)

    const history = await historyOf(block)
    expect(history.map(({ version }) => version)).toEqual(times(history.length, (i) => i + 1))
    expect(history).toHaveLength(1 + acknowledged.length + described.length)
    expect(head).toMatchObject({ version: history.length, value: history.at(-1)?.value, description: history.at(-1)?.description })
    for (const [i, { version, value, description, ...entry }] of history.slice(1).entries()) {
      const before = history[i] as Version
      const added = value.slice(before.value.length + 1)
      const writer = kept.find(({ line }) => line === added)
      expect([version, entry.cause, entry.actor_type, entry.run_id !== null]).toEqual([
        before.version + 1,
        'write',
        writer ? 'letta_agent' : 'letta_user',
        writer !== undefined,
      ])
      if (writer) expect(entry.actor_id).toBe(writer.agent)
      if (added === '') expect([value, description === before.description]).toEqual([before.value, false])
      else expect([value, description]).toEqual([`${before.value}\n${added}`, before.description])
    }
    for (const answer of described)
      expect(history[answer.version - 1]).toMatchObject({ description: answer.description, value: answer.value })
    const failed = kept.length + guarded.length - acknowledged.length
    console.log(
      `blocks: ${kept.length} edits by tools of 2 agents, ${guarded.length} guarded and ${described.length} plain edits by API: ` +
        `${conflicts} conflicts told and merged, ${failed} refused, ${history.length} versions`,
    )
    expect(failed).toBe(0)
  })

  it('lets the last write win where no version is named, and keeps the value it replaced', async () => {
    const { block } = await sharedBlock('first', 0)
    const answers = await Promise.all(times(12, async (n) => bodyOf(await call('PATCH', `/v1/blocks/${block}`, { value: `whole ${n}` }))))
    const history = await historyOf(block)
    expect(history.map(({ version }) => version)).toEqual(times(13, (i) => i + 1))
    expect(
      history
        .slice(1)
        .map(({ value }) => value)
        .toSorted(),
    ).toEqual(times(12, (n) => `whole ${n}`).toSorted())
    for (const { version, value } of answers) expect(history[version - 1]?.value).toBe(value)
    expect(bodyOf(await call('GET', `/v1/blocks/${block}`)).value).toBe(history.at(-1)?.value)
    console.log('blocks: 12 whole values by API without a version, 13 versions')
  })

  it('goes back, forward and to any version, with every version still there', async () => {
    const { block, agents } = await sharedBlock('v1', 2)
    const agent = agents[0] as string
    for (const line of ['v2', 'v3', 'v4']) expect(await appendByTool(agent, line)).toBe(true)
    const move = (verb: string, body: unknown = {}, headers?: Record<string, string>) =>
      call('POST', `/v1/blocks/${block}/${verb}`, body, headers)
    const shown = async (verb: string, body?: unknown) => {
      const { version, value } = bodyOf(await move(verb, body))
      return [version, value.split('\n').at(-1)]
    }
    expect(await shown('undo')).toEqual([5, 'v3'])
    expect(await shown('undo')).toEqual([6, 'v2'])
    expect(await shown('redo')).toEqual([7, 'v3'])
    expect(await shown('redo')).toEqual([8, 'v4'])
    expect((await move('redo')).body).toMatchObject({ status: 409, code: 'nothing_to_redo' })
    expect(await shown('restore', { version: 1 })).toEqual([9, 'v1'])
    expect((await move('restore', { version: 2, base_version: 8 })).body).toMatchObject({
      status: 409,
      current_version: 9,
      current_value: 'v1',
    })
    expect((await move('undo', {}, { 'if-match': `"${block}:8"` })).status).toBe(412)
    expect(await shown('undo')).toEqual([10, 'v4'])
    expect(await appendByTool(agents[1] as string, 'v11')).toBe(true)
    expect((await move('redo')).body).toMatchObject({ status: 409, code: 'nothing_to_redo' })
    for (const id of agents)
      expect(bodyOf(await call('GET', `/v1/agents/${id}/core-memory/blocks/shared`))).toMatchObject({
        version: 11,
        value: 'v1\nv2\nv3\nv4\nv11',
      })
    const history = await historyOf(block)
    expect(history.map(({ version, cause, state_of, value }) => [version, cause, state_of, value.split('\n').at(-1)])).toEqual([
      [1, 'create', 1, 'v1'],
      [2, 'write', 2, 'v2'],
      [3, 'write', 3, 'v3'],
      [4, 'write', 4, 'v4'],
      [5, 'undo', 3, 'v3'],
      [6, 'undo', 2, 'v2'],
      [7, 'redo', 3, 'v3'],
      [8, 'redo', 4, 'v4'],
      [9, 'restore', 1, 'v1'],
      [10, 'undo', 4, 'v4'],
      [11, 'write', 11, 'v11'],
    ])
    console.log('blocks: undo, redo and restore over 11 versions')
  })
})
