import { describe, expect, it, vi } from 'vitest'
import { newId } from '../../src/lib/id'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
type Message = { id: string; message_type: string; content: string }

async function agent(call: Call, fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/agents/', {
    memory_blocks: [
      { label: 'human', value: 'Bob' },
      { label: 'todo', value: 'none' },
    ],
    ...fields,
  })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}
const open = async (call: Call, agent_id: string, body?: unknown) =>
  (await call('POST', `/v1/conversations/?agent_id=${agent_id}`, body)).body
const say = (call: Call, conversation: string, text: string, more: Record<string, unknown> = {}) =>
  call('POST', `/v1/conversations/${conversation}/messages`, { input: text, streaming: false, ...more })
const messages = async (call: Call, conversation: string, query = 'order=asc'): Promise<Message[]> =>
  (await call('GET', `/v1/conversations/${conversation}/messages?${query}`)).body
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

describe('a conversation', () => {
  it('is created with a system message of its own, read, changed and listed', async () => {
    const { call, user_id } = await freshOrganization()
    const { id: agent_id } = await agent(call)
    const made = await open(call, agent_id, {
      summary: 'About Tea',
      description: 'd',
      model_settings: { temperature: 0 },
      context_window_limit: 9_000,
    })
    expect(made).toEqual({
      id: expect.stringMatching(/^conv-/),
      agent_id,
      summary: 'About Tea',
      description: 'd',
      in_context_message_ids: [expect.stringMatching(/^message-/)],
      isolated_block_ids: [],
      model: null,
      model_settings: { temperature: 0 },
      context_window_limit: 9_000,
      archived: false,
      archived_at: null,
      hidden: null,
      last_message_at: null,
      last_run_completion: null,
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.any(String),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    })
    const [system] = await messages(call, made.id)
    expect(system).toMatchObject({ message_type: 'system_message', content: expect.stringContaining(`CONVERSATION_ID: ${made.id}`) })
    expect((await call('GET', `/v1/conversations/${made.id}`)).body).toEqual(made)
    const changed = await call('PATCH', `/v1/conversations/${made.id}`, { summary: 'About Coffee', description: null })
    expect(changed.body).toMatchObject({ summary: 'About Coffee', description: 'd', model_settings: { temperature: 0 } })
    expect((await call('GET', '/v1/conversations')).body).toMatchObject([{ id: made.id, in_context_message_ids: null }])
  })

  it('can be created without a body, and needs an agent that is there', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    expect((await call('POST', `/v1/conversations?agent_id=${id}`)).status).toBe(200)
    const missing = await call('POST', `/v1/conversations?agent_id=${newId('agent')}`, {})
    expect([missing.status, missing.body.detail]).toEqual([404, expect.stringMatching(/^Agent .* not found$/)])
    const none = await call('POST', '/v1/conversations', {})
    expect([none.status, none.body.detail]).toEqual([422, expect.stringContaining('agent_id')])
    expect((await open(call, id, { model: 'nobody/model' })).status).toBe(404)
  })

  it('keeps its messages apart from those of the agent and of other conversations', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const [one, two] = [await open(call, id), await open(call, id)]
    await Promise.all([say(call, one.id, 'apple'), say(call, two.id, 'banana'), say(call, 'default', 'cherry', { agent_id: id })])
    const text = async (conversation: string, query?: string) => JSON.stringify(await messages(call, conversation, query))
    expect(await text(one.id)).toContain('apple')
    expect(await text(one.id)).not.toMatch(/banana|cherry/)
    expect(await text('default', `agent_id=${id}`)).not.toMatch(/banana|apple/)
    expect(await text(id)).toContain('cherry')
    expect((await messages(call, two.id)).map((m) => m.message_type)).toEqual(['system_message', 'user_message', 'assistant_message'])
    const { body } = await call('GET', `/v1/conversations/${one.id}`)
    expect(body.in_context_message_ids).toEqual(ids(await messages(call, one.id)))
    expect(body.last_message_at).not.toBeNull()
    expect(body.last_run_completion).not.toBeNull()
  })

  it('isolates the blocks that it names: its edits stay in it', async () => {
    const { call } = await freshOrganization()
    const { id, blocks } = await agent(call)
    const conversation = await open(call, id, { isolated_block_labels: ['todo', 'todo'] })
    expect(conversation.isolated_block_ids).toHaveLength(1)
    await say(call, conversation.id, '/call memory_insert {"label": "todo", "new_string": "buy milk"}')
    const copy = (await call('GET', `/v1/blocks/${conversation.isolated_block_ids[0]}`)).body
    const original = blocks.find((block: { label: string }) => block.label === 'todo')
    expect(copy).toMatchObject({ label: 'todo', value: expect.stringContaining('buy milk') })
    expect((await call('GET', `/v1/blocks/${original.id}`)).body.value).toBe('none')
    expect((await call('GET', '/v1/conversations')).body[0].isolated_block_ids).toEqual([copy.id])
    const link = await DB.prepare('select * from blocks_conversations where conversation_id = ?').bind(conversation.id).first()
    expect(link).toMatchObject({ source_block_id: original.id, source_version: 1, block_id: copy.id })
  })

  it('refuses to isolate a block that the agent does not have, and writes nothing', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const answer = await call('POST', `/v1/conversations?agent_id=${id}`, { isolated_block_labels: ['human', 'shopping'] })
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining("'shopping'")])
    expect((await call('GET', '/v1/conversations')).body).toEqual([])
    expect((await call('GET', '/v1/blocks/count')).body).toBe(2)
  })

  it('is deleted with its messages and isolated blocks, once', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const conversation = await open(call, id, { isolated_block_labels: ['todo'] })
    await say(call, conversation.id, 'secret')
    const deleted = await call('DELETE', `/v1/conversations/${conversation.id}`)
    expect([deleted.status, deleted.body]).toEqual([200, null])
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/messages'],
      ['POST', '/messages'],
      ['POST', '/stream'],
      ['POST', '/fork'],
      ['POST', '/cancel'],
      ['POST', '/recompile'],
    ] as const) {
      const body = path === '/messages' && method === 'POST' ? { input: 'x' } : method === 'PATCH' ? {} : undefined
      expect([path, (await call(method, `/v1/conversations/${conversation.id}${path}`, body)).status]).toEqual([path, 404])
    }
    expect((await call('GET', '/v1/conversations')).body).toEqual([])
    expect((await call('GET', `/v1/blocks/${conversation.isolated_block_ids[0]}`)).status).toBe(404)
    expect(JSON.stringify((await call('GET', `/v1/agents/${id}/messages`)).body)).not.toContain('secret')
    expect((await call('GET', `/v1/blocks/count`)).body).toBe(2)
  })

  it('leaves its messages to a fork when it is deleted', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const origin = await open(call, id)
    await say(call, origin.id, 'apple')
    const fork = (await call('POST', `/v1/conversations/${origin.id}/fork`)).body
    await call('DELETE', `/v1/conversations/${origin.id}`)
    expect((await messages(call, fork.id)).map((m) => m.message_type)).toEqual(['system_message', 'user_message', 'assistant_message'])
    await call('DELETE', `/v1/conversations/${fork.id}`)
    expect(JSON.stringify((await call('GET', `/v1/agents/${id}/messages`)).body)).not.toContain('apple')
  })
})

describe('the list of conversations', () => {
  it('filters by agent, summary and archive', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const a = await open(call, one.id, { summary: 'Green Tea' })
    const b = await open(call, two.id, { summary: 'coffee' })
    await open(call, two.id, { hidden: true })
    const list = async (query: string) => ids((await call('GET', `/v1/conversations?order=asc&${query}`)).body)
    expect(await list('')).toEqual([a.id, b.id])
    expect(await list(`agent_id=${one.id}`)).toEqual([a.id])
    expect(await list('summary_search=Tea')).toEqual([a.id])
    expect(await list('summary_search=tea')).toEqual([])
    expect(await list('show_hidden_conversations=true')).toHaveLength(3)
    const archived = (await call('PATCH', `/v1/conversations/${a.id}`, { archived: true })).body
    expect(archived).toMatchObject({ archived: true, archived_at: expect.stringMatching(/Z$/) })
    expect(await list('')).toEqual([b.id])
    expect(await list('archive_status=archived')).toEqual([a.id])
    expect(await list('archive_status=all')).toEqual([a.id, b.id])
    const back = (await call('PATCH', `/v1/conversations/${a.id}`, { archived: false })).body
    expect(back).toMatchObject({ archived: false, archived_at: null })
  })

  it('sorts by the last message with silent ones last, and pages', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const made = []
    for (let i = 0; i < 4; i++) made.push(await open(call, id))
    const [a, b, c, d] = ids(made)
    await say(call, c!, 'first')
    await say(call, a!, 'second')
    const list = async (query: string) => ids((await call('GET', `/v1/conversations?order_by=last_message_at&${query}`)).body)
    expect(await list('')).toEqual([a, c, d, b])
    expect(await list('order=asc')).toEqual([c, a, b, d])
    expect(await list(`limit=2&after=${c}`)).toEqual([d, b])
    expect(await list(`agent_id=${id}&limit=2`)).toEqual([a, c])
    expect(ids((await call('GET', '/v1/conversations?order_by=last_run_completion')).body)).toEqual([a, c, d, b])
    expect((await call('GET', '/v1/conversations?order_by=mood')).status).toBe(422)
  })
})

describe('forking a conversation', () => {
  it('shares the messages in context, in order, behind a system message of its own', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const origin = await open(call, id, { isolated_block_labels: ['todo'], summary: 's', context_window_limit: 9_000 })
    await say(call, origin.id, '/call memory_insert {"label": "todo", "new_string": "buy milk"}')
    await say(call, origin.id, 'and now?')
    const fork = (await call('POST', `/v1/conversations/${origin.id}/fork?hidden=true`)).body
    expect(fork).toMatchObject({ summary: null, hidden: true, context_window_limit: 9_000 })
    const [before, after] = [await messages(call, origin.id), await messages(call, fork.id)]
    expect(after[0]?.id).not.toBe(before[0]?.id)
    expect(ids(after).slice(1)).toEqual(ids(before).slice(1))
    expect(fork.in_context_message_ids).toEqual([...new Set(ids(after))])
    const [copy] = fork.isolated_block_ids
    expect(copy).not.toBe(origin.isolated_block_ids[0])
    expect((await call('GET', `/v1/blocks/${copy}`)).body.value).toContain('buy milk')
    await say(call, fork.id, '/call memory_insert {"label": "todo", "new_string": "buy bread"}')
    expect((await call('GET', `/v1/blocks/${origin.isolated_block_ids[0]}`)).body.value).not.toContain('bread')
    expect(await messages(call, origin.id)).toHaveLength(before.length)
  })

  it('cuts after a message, and takes an agent’s own context too', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    await say(call, 'default', 'apple', { agent_id: id })
    await say(call, 'default', 'banana', { agent_id: id })
    const all = await messages(call, id)
    const fork = (await call('POST', `/v1/conversations/default/fork?agent_id=${id}&message_id=${all[2]?.id}`)).body
    expect(ids(await messages(call, fork.id)).slice(1)).toEqual(ids(all).slice(1, 3))
    const again = (await call('POST', `/v1/conversations/${id}/fork`)).body
    expect(ids(await messages(call, again.id)).slice(1)).toEqual(ids(all).slice(1))
  })

  it('leaves nothing behind when the message is not in the context', async () => {
    const { call, organization_id } = await freshOrganization()
    const { id } = await agent(call)
    const origin = await open(call, id, { isolated_block_labels: ['todo'] })
    const answer = await call('POST', `/v1/conversations/${origin.id}/fork?message_id=${newId('message')}`)
    expect(answer.status).toBe(404)
    const left = await DB.prepare(
      'select (select count(*) from conversations where organization_id = ?1) as c, (select count(*) from block where organization_id = ?1) as b',
    )
      .bind(organization_id)
      .first()
    expect(left).toEqual({ c: 1, b: 3 })
  })
})

describe('the conversation named in a path', () => {
  it('may be default with an agent, or the agent itself, where a context is meant', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    expect((await call('POST', `/v1/conversations/default/recompile`, { agent_id: id })).body).toContain(`AGENT_ID: ${id}`)
    expect((await call('POST', `/v1/conversations/${id}/recompile?dry_run=true`)).body).toContain('CONVERSATION_ID: default')
    const nobody = await call('GET', '/v1/conversations/default/messages')
    expect([nobody.status, nobody.body.detail]).toEqual([400, expect.stringContaining('agent_id')])
    expect((await call('GET', '/v1/conversations/default')).status).toBe(422)
    expect((await call('GET', '/v1/conversations/conv-1')).status).toBe(422)
    const conversation = await open(call, id)
    const other = await agent(call)
    const mixed = await call('GET', `/v1/conversations/${conversation.id}/messages?agent_id=${other.id}`)
    expect([mixed.status, mixed.body.detail]).toEqual([400, expect.stringContaining('belongs to agent')])
  })

  it('is a 404 across organizations', async () => {
    const { call } = await freshOrganization()
    const other = (await freshOrganization()).call
    const { id } = await agent(call)
    const conversation = await open(call, id)
    for (const [method, path, body] of [
      ['GET', ''],
      ['PATCH', '', {}],
      ['DELETE', ''],
      ['GET', '/messages'],
      ['POST', '/messages', { input: 'x' }],
      ['POST', '/fork'],
      ['POST', '/cancel'],
      ['POST', '/recompile'],
      ['POST', '/stream'],
    ] as const)
      expect([path, (await other(method, `/v1/conversations/${conversation.id}${path}`, body)).status]).toEqual([path, 404])
    expect((await other('GET', `/v1/conversations/default/messages?agent_id=${id}`)).status).toBe(404)
    expect((await call('GET', `/v1/conversations/${conversation.id}`)).status).toBe(200)
  })

  it('is recompiled with dry_run shown only', async () => {
    const { call } = await freshOrganization()
    const { id, blocks } = await agent(call)
    const conversation = await open(call, id)
    await call('PATCH', `/v1/blocks/${blocks[0].id}`, { value: 'Grace' })
    expect((await call('POST', `/v1/conversations/${conversation.id}/recompile?dry_run=true`)).body).toContain('Grace')
    expect((await messages(call, conversation.id))[0]?.content).not.toContain('Grace')
    expect((await call('POST', `/v1/conversations/${conversation.id}/recompile`)).body).toContain('Grace')
    expect((await messages(call, conversation.id))[0]?.content).toContain('Grace')
  })
})

describe('cancelling a conversation', () => {
  it('ends what is in progress in it, and is a conflict when nothing is', async () => {
    const { call } = await freshOrganization()
    const { id } = await agent(call)
    const [one, two] = [await open(call, id), await open(call, id)]
    const stream = (conversation: string, input: string) => call('POST', `/v1/conversations/${conversation}/messages`, { input })
    const [first, second] = [stream(one.id, '/say so far\n/wait 60s'), stream(two.id, '/wait 60s')]
    const active = async () => (await call('GET', '/v1/runs?active=true')).body
    await vi.waitFor(async () => expect(await active()).toHaveLength(2))
    const cancelled = await call('POST', `/v1/conversations/${one.id}/cancel`)
    expect((await first).body).toContain('"stop_reason":"cancelled"')
    expect(Object.values(cancelled.body)).toEqual(['cancelled'])
    expect(await active()).toMatchObject([{ conversation_id: two.id }])
    const again = await call('POST', `/v1/conversations/${one.id}/cancel`)
    expect([again.status, again.body.detail]).toEqual([409, expect.stringContaining('No active runs to cancel')])
    await call('POST', `/v1/agents/${id}/messages/cancel`, {})
    expect((await second).body).toContain('"stop_reason":"cancelled"')
  })
})
