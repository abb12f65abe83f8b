import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

async function agent(call: Call, fields: Record<string, unknown> = {}) {
  const { status, body } = await call('POST', '/v1/agents/', { name: 'Ada', ...fields })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}
const block = async (call: Call, label = 'human') => (await call('POST', '/v1/blocks/', { label, value: label })).body
const names = (rows: { name: string }[]) => rows.map((row) => row.name)
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

describe('changing an agent', () => {
  it('leaves what is absent or null, and takes empty texts and lists', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, {
      description: 'd',
      tags: ['t'],
      metadata: { a: 1 },
      compaction_settings: { mode: 'all', clip_chars: 5 },
    })
    const same = (await call('PATCH', `/v1/agents/${made.id}`, { description: null, tags: null, name: null })).body
    expect(same).toMatchObject({ description: 'd', tags: ['t'], name: 'Ada', metadata: { a: 1 } })
    const changed = await call('PATCH', `/v1/agents/${made.id}`, {
      description: '',
      tags: [],
      metadata: { b: 2 },
      compaction_settings: { mode: 'sliding_window' },
      timezone: 'Europe/Berlin',
      hidden: true,
    })
    expect(changed.body).toMatchObject({
      description: '',
      tags: [],
      metadata: { b: 2 },
      compaction_settings: { mode: 'sliding_window', clip_chars: 5 },
      timezone: 'Europe/Berlin',
      hidden: true,
    })
  })

  it('replaces tools, blocks, tags and secrets whole', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await block(call, 'one'), await block(call, 'two')]
    const made = await agent(call, { block_ids: [one.id], tags: ['a', 'b'], secrets: { A: '1', B: '2' } })
    const tool = (await call('GET', '/v1/tools?name=memory_rethink')).body[0]
    const changed = await call('PATCH', `/v1/agents/${made.id}`, {
      block_ids: [two.id],
      tool_ids: [tool.id],
      tags: ['b', 'c'],
      secrets: { C: '3' },
    })
    expect(ids(changed.body.blocks)).toEqual([two.id])
    expect(names(changed.body.tools)).toEqual(['memory_rethink'])
    expect(changed.body.tags).toEqual(['b', 'c'])
    expect(changed.body.secrets.map((secret: { key: string }) => secret.key)).toEqual(['C'])
    expect((await call('GET', `/v1/blocks/${one.id}`)).status).toBe(200)
  })

  it('swaps a block for another with the same label', async () => {
    const { call } = await freshOrganization()
    const [old, young] = [await block(call, 'human'), await block(call, 'human')]
    const made = await agent(call, { block_ids: [old.id] })
    expect(ids((await call('PATCH', `/v1/agents/${made.id}`, { block_ids: [young.id] })).body.blocks)).toEqual([young.id])
    const clash = await call('PATCH', `/v1/agents/${made.id}`, { name: 'not stored', block_ids: [old.id, young.id] })
    expect([clash.status, clash.body.code]).toEqual([409, 'label_taken'])
    expect((await call('GET', `/v1/agents/${made.id}?include=agent.blocks`)).body).toMatchObject({
      name: 'Ada',
      blocks: [{ id: young.id }],
    })
  })

  it('resets model settings with another provider, and keeps them with another model of the same', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { model: 'openai/gpt-4o', model_settings: { temperature: 0.1 }, context_window_limit: 9_000 })
    expect(made.model_settings.temperature).toBe(0.1)
    const sibling = (await call('PATCH', `/v1/agents/${made.id}`, { model: 'openai/gpt-4o-mini' })).body
    expect(sibling).toMatchObject({
      model: 'openai/gpt-4o-mini',
      model_settings: { temperature: 0.1 },
      llm_config: { context_window: 128_000 },
    })
    const other = (await call('PATCH', `/v1/agents/${made.id}`, { model: 'anthropic/claude-haiku-4-5' })).body
    expect(other).toMatchObject({ model_settings: { provider_type: 'anthropic', temperature: 1 } })
    const narrow = (await call('PATCH', `/v1/agents/${made.id}`, { context_window_limit: 4_000 })).body
    expect(narrow).toMatchObject({ model: 'anthropic/claude-haiku-4-5', llm_config: { context_window: 4_000 } })
  })

  it('replaces the context by message ids, and writes nothing when they are wrong', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call)
    await call('POST', `/v1/agents/${made.id}/messages`, { input: 'hello' })
    const before = (await call('GET', `/v1/agents/${made.id}`)).body
    expect(before.message_ids).toHaveLength(3)
    const wrong = await call('PATCH', `/v1/agents/${made.id}`, { name: 'not stored', message_ids: [newId('message')] })
    expect(wrong.status).toBe(422)
    expect((await call('GET', `/v1/agents/${made.id}`)).body.name).toBe('Ada')
    const cut = await call('PATCH', `/v1/agents/${made.id}`, { message_ids: before.message_ids.slice(0, 2) })
    expect(cut.body.message_ids).toEqual(before.message_ids.slice(0, 2))
  })
})

describe('deleting an agent', () => {
  it('hides it with its messages, runs, steps and conversations, and keeps its blocks', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { memory_blocks: [{ label: 'human', value: '' }], tags: ['t'] })
    await call('POST', `/v1/agents/${made.id}/messages`, { input: 'hello there' })
    const conversation = (await call('POST', `/v1/conversations/?agent_id=${made.id}`, { isolated_block_labels: ['human'] })).body
    const [run] = (await call('GET', '/v1/runs')).body
    const deleted = await call('DELETE', `/v1/agents/${made.id}`)
    expect([deleted.status, deleted.body]).toEqual([200, { message: `Agent id=${made.id} successfully deleted` }])
    for (const path of [
      `/v1/agents/${made.id}`,
      `/v1/agents/${made.id}/messages`,
      `/v1/conversations/${conversation.id}`,
      `/v1/conversations/${conversation.id}/messages`,
      `/v1/runs/${run.id}`,
      `/v1/runs/${run.id}/messages`,
      `/v1/blocks/${conversation.isolated_block_ids[0]}`,
    ])
      expect([path, (await call('GET', path)).status]).toEqual([path, 404])
    for (const path of ['/v1/agents', '/v1/messages', '/v1/runs', '/v1/steps', '/v1/conversations'])
      expect([path, (await call('GET', path)).body]).toEqual([path, []])
    expect((await call('POST', '/v1/messages/search', { query: 'hello' })).body).toEqual([])
    expect((await call('GET', `/v1/blocks/${made.blocks[0].id}`)).status).toBe(200)
    expect((await call('DELETE', `/v1/agents/${made.id}`)).status).toBe(404)
    expect((await call('POST', `/v1/agents/${made.id}/messages`, { input: 'anybody there?' })).status).toBe(404)
  })

  it('ends what the agent was doing, and hides that too', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call)
    const run = (await call('POST', `/v1/agents/${made.id}/messages/async`, { input: '/wait 60s' })).body
    expect((await call('DELETE', `/v1/agents/${made.id}`)).status).toBe(200)
    expect((await call('GET', `/v1/runs/${run.id}`)).status).toBe(404)
    expect((await call('GET', '/v1/messages')).body).toEqual([])
  })
})

describe('the prompt of an agent', () => {
  it('is recompiled on demand, and only shown with dry_run', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { memory_blocks: [{ label: 'human', value: 'old' }] })
    await call('PATCH', `/v1/blocks/${made.blocks[0].id}`, { value: 'brand new' })
    const stored = async () => (await call('GET', `/v1/agents/${made.id}/messages?order=asc&limit=1`)).body[0].content as string
    const dry = await call('POST', `/v1/agents/${made.id}/recompile?dry_run=true`)
    expect(dry.body).toContain('brand new')
    expect(await stored()).toContain('old')
    expect((await call('POST', `/v1/agents/${made.id}/recompile`)).body).toContain('brand new')
    expect(await stored()).toContain('brand new')
    expect((await call('POST', `/v1/agents/${made.id}/system-prompt/recompile`)).status).toBe(200)
  })

  it('is reported part by part with token counts', async () => {
    const { call } = await freshOrganization()
    const made = await agent(call, { system: 'You are Ada.', memory_blocks: [{ label: 'human', value: 'Bob' }] })
    await call('POST', `/v1/agents/${made.id}/messages`, { input: 'hello' })
    const { body } = await call('GET', `/v1/agents/${made.id}/context`)
    expect(body).toMatchObject({
      context_window_size_max: 128_000,
      num_messages: 3,
      num_archival_memory: 0,
      core_memory: expect.stringContaining('Bob'),
      system_prompt: expect.stringContaining('You are Ada.'),
      num_tokens_core_memory: expect.any(Number),
      summary_memory: null,
    })
    expect(body.messages.map((m: { role: string }) => m.role)).toEqual(['system', 'user', 'assistant'])
    expect(body.messages[1]).toMatchObject({ content: [{ type: 'text', text: 'hello' }], tool_calls: null })
    expect(body.functions_definitions).toHaveLength(3)
    expect(body.num_tokens_messages).toBeGreaterThan(0)
    const parts = Object.entries(body).filter(([key]) => key.startsWith('num_tokens_'))
    expect(body.context_window_size_current).toBe(parts.reduce((sum, [, n]) => sum + (n as number), 0))
    const conversation = (await call('POST', `/v1/conversations/?agent_id=${made.id}`)).body
    expect((await call('GET', `/v1/agents/${made.id}/context?conversation_id=${conversation.id}`)).body.num_messages).toBe(1)
  })
})
