import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const talk = async (call: Call, path: string, words: string[]) => {
  for (const word of words) expect((await call('POST', `${path}/messages`, { input: `/say ${word}`, streaming: false })).status).toBe(200)
}
const say = (summary: string, more: Record<string, unknown> = {}) => ({
  compaction_settings: { mode: 'all', prompt: `/say ${summary}`, ...more },
})

describe('POST /v1/agents/{id}/summarize', () => {
  it('answers the summary and the counts; the summary is in the lists, packed or as what it is', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await talk(call, `/v1/agents/${id}`, ['one', 'two'])
    const { status, body } = await call('POST', `/v1/agents/${id}/summarize`, say('They counted to two.'))
    expect([status, body]).toEqual([200, { summary: 'They counted to two.', num_messages_before: 5, num_messages_after: 2 }])
    const list = async (query: string) => (await call('GET', `/v1/agents/${id}/messages?${query}`)).body
    const [packed] = await list('limit=1')
    expect(packed).toMatchObject({
      message_type: 'user_message',
      content: expect.stringMatching(/^\{"type":"system_alert","message":"Note: 4/),
    })
    expect(JSON.parse(packed.content).compaction_stats).toMatchObject({
      trigger: 'manual',
      messages_count_before: 5,
      messages_count_after: 2,
    })
    const summary = { message_type: 'summary_message', summary: expect.stringContaining('They counted to two.') }
    expect(await list('limit=1&include_compaction_messages=true')).toMatchObject([summary])
    expect(await list('include_return_message_types=summary_message')).toMatchObject([summary])
    expect(await list('order=asc')).toHaveLength(6)
    const state = (await call('GET', `/v1/agents/${id}`)).body
    expect(state.message_ids).toHaveLength(2)
    expect(state.message_ids[1]).toBe(packed.id)
    const context = (await call('GET', `/v1/agents/${id}/context`)).body
    expect(context).toMatchObject({ num_messages: 2, num_recall_memory: 4, num_tokens_messages: 0, summary_memory: packed.content })
    expect(context.num_tokens_summary_memory).toBe(Math.ceil(new TextEncoder().encode(packed.content).length / 4))
  })

  it('is a 400 when there is nothing to compact, also the second time', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const compact = () => call('POST', `/v1/agents/${id}/summarize`, say('Nothing.'))
    expect(await compact()).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('would not reduce the number of messages') },
    })
    await talk(call, `/v1/agents/${id}`, ['one'])
    expect((await compact()).status).toBe(200)
    expect((await compact()).status).toBe(400)
    expect((await call('POST', `/v1/agents/${id}/summarize`)).status).toBe(400)
  })

  it('does what the settings say; those of the agent stand behind those of the request', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { compaction_settings: { prompt: '/say Said by the agent.', sliding_window_percentage: 0.5 } })
    await talk(call, `/v1/agents/${id}`, ['one', 'two', 'three', 'four', 'five'])
    const compact = async (settings?: unknown) => (await call('POST', `/v1/agents/${id}/summarize`, { compaction_settings: settings })).body
    expect(await compact()).toEqual({ summary: 'Said by the agent.', num_messages_before: 11, num_messages_after: 6 })
    await talk(call, `/v1/agents/${id}`, ['six'])
    expect(await compact({ mode: 'self_compact_all', clip_chars: 7 })).toMatchObject({
      summary: 'Said by... [summary truncated to fit]',
      num_messages_after: 2,
    })
  })

  it('refuses settings that are none, and models that are not there', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await talk(call, `/v1/agents/${id}`, ['one'])
    const compact = (settings: unknown) => call('POST', `/v1/agents/${id}/summarize`, { compaction_settings: settings })
    expect(await compact({ mode: 'some' })).toMatchObject({ status: 422, body: { errors: [{ field: 'compaction_settings.mode' }] } })
    expect((await compact({ sliding_window_percentage: 2 })).status).toBe(422)
    expect((await compact({ model: 'nobody/nothing' })).status).toBe(404)
    expect((await compact({ model: 'openai/gpt-4o', mode: 'all' })).body.detail).toContain('OPENAI_API_KEY')
    const odd = await agent(call, { compaction_settings: { mode: 'odd' } })
    await talk(call, `/v1/agents/${odd}`, ['one'])
    expect(await call('POST', `/v1/agents/${odd}/summarize`, {})).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("agent's compaction_settings.mode") },
    })
  })
})

describe('POST /v1/conversations/{id}/compact', () => {
  it('compacts that conversation and no other', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const [one, two] = await Promise.all([0, 1].map(async () => (await call('POST', `/v1/conversations?agent_id=${id}`, {})).body.id))
    for (const path of [`/v1/conversations/${one}`, `/v1/conversations/${two}`, `/v1/agents/${id}`]) await talk(call, path, ['one', 'two'])
    expect((await call('POST', `/v1/conversations/${one}/compact`, say('Short.'))).body).toMatchObject({ num_messages_after: 2 })
    const contexts = async () => [
      (await call('GET', `/v1/conversations/${one}`)).body.in_context_message_ids.length,
      (await call('GET', `/v1/conversations/${two}`)).body.in_context_message_ids.length,
      (await call('GET', `/v1/agents/${id}`)).body.message_ids.length,
    ]
    expect(await contexts()).toEqual([2, 5, 5])
    expect((await call('GET', `/v1/conversations/${one}/messages?order=asc`)).body).toHaveLength(6)
    await talk(call, `/v1/conversations/${one}`, ['three'])
    expect(await contexts()).toEqual([4, 5, 5])
    const fork = (await call('POST', `/v1/conversations/${one}/fork`)).body
    expect((await call('GET', `/v1/conversations/${fork.id}`)).body.in_context_message_ids).toHaveLength(4)
  })

  it('takes an agent’s own context as `default` or by the id of the agent', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await talk(call, `/v1/agents/${id}`, ['one', 'two'])
    const compact = (name: string, body: object) => call('POST', `/v1/conversations/${name}/compact`, body)
    expect((await compact('default', say('Short.'))).status).toBe(400)
    expect((await compact('default', { agent_id: id, ...say('Short.') })).body).toMatchObject({ summary: 'Short.', num_messages_after: 2 })
    await talk(call, `/v1/agents/${id}`, ['three'])
    expect((await compact(id, say('Shorter.'))).body).toMatchObject({ summary: 'Shorter.', num_messages_before: 4 })
  })

  it('is a 404 for a conversation that is not there, 422 for what is no id, and 409 while a turn is running', async () => {
    const { call } = await freshOrganization()
    expect((await call('POST', `/v1/conversations/${newId('conversation')}/compact`, {})).status).toBe(404)
    expect((await call('POST', '/v1/conversations/conv-1/compact', {})).status).toBe(422)
    const id = await agent(call)
    await talk(call, `/v1/agents/${id}`, ['one'])
    const run = (await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 500ms\n/say later' })).body
    const busy = await call('POST', `/v1/agents/${id}/summarize`, {})
    expect(busy).toMatchObject({ status: 409, body: { run_id: run.id, detail: expect.stringContaining(`(run_id=${run.id})`) } })
    expect(busy.headers.get('x-should-retry')).toBe('false')
    await call('POST', `/v1/agents/${id}/messages/cancel`, {})
  })
})

describe('a call that waits for its answer', () => {
  it('stays in the context, and its answer is taken afterwards, also when it comes again', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await talk(call, `/v1/agents/${id}`, ['one', 'two'])
    const client_tools = [{ name: 'look', description: 'Looks.', parameters: { type: 'object', properties: {} } }]
    const script = '/say Wait.\n/call look {}\n/then\n/say Seen.'
    const asked = (await call('POST', `/v1/agents/${id}/messages`, { input: script, client_tools })).body
    expect(asked.stop_reason.stop_reason).toBe('requires_approval')
    expect((await call('POST', `/v1/agents/${id}/summarize`, say('They counted.'))).body).toMatchObject({ summary: 'They counted.' })
    const context = (await call('GET', `/v1/agents/${id}/context`)).body.messages
    expect(context.map((m: { role: string }) => m.role)).toEqual(['system', 'summary', 'assistant', 'approval'])
    const { tool_call_id } = asked.messages.at(-1).tool_calls[0]
    const answer = { type: 'approval', approvals: [{ type: 'tool', tool_call_id, tool_return: 'a cat', status: 'success' }] }
    const answered = await call('POST', `/v1/agents/${id}/messages`, { messages: [answer], client_tools })
    expect(answered).toMatchObject({ status: 200, body: { messages: [{ message_type: 'tool_return_message', tool_return: 'a cat' }, {}] } })
    expect((await call('POST', `/v1/agents/${id}/summarize`, say('They looked.'))).body).toMatchObject({ num_messages_after: 2 })
    expect((await call('POST', `/v1/agents/${id}/messages`, { messages: [answer], client_tools })).status).toBe(200)
  })
})
