import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const turn = {
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  request_messages: [
    { role: 'user', content: 'What is the weather?' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Ulm' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'rain' }] },
  ],
  response_dict: { role: 'assistant', content: [{ type: 'text', text: 'It rains.' }] },
}

describe('POST /v1/agents/{id}/messages/capture', () => {
  it('stores a turn that took place elsewhere, in order, where the agent sees it', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await call('POST', `/v1/agents/${id}/messages`, { input: '/say before' })
    expect(await call('POST', `/v1/agents/${id}/messages/capture`, turn)).toMatchObject({ status: 200, body: 'Captured 4 messages.' })
    await call('POST', `/v1/agents/${id}/messages`, { input: '/say after' })
    const history = (await call('GET', `/v1/agents/${id}/messages?order=asc`)).body.slice(3)
    expect(history.map((m: { message_type: string }) => m.message_type)).toEqual([
      'user_message',
      'tool_call_message',
      'tool_return_message',
      'assistant_message',
      'user_message',
      'assistant_message',
    ])
    expect(history[3]).toMatchObject({ content: 'It rains.', run_id: null })
    const seen = (await call('POST', `/v1/agents/${id}/messages/preview-raw-payload`, { input: 'next' })).body.messages
    expect(seen.map((m: { role: string }) => m.role).slice(2, 6)).toEqual(['user', 'assistant', 'tool', 'assistant'])
    expect(seen[3]).toMatchObject({ model: 'anthropic/claude-sonnet-4-5', tool_calls: [{ name: 'weather', arguments: '{"city":"Ulm"}' }] })
    expect((await call('POST', '/v1/messages/search', { query: 'rains' })).body).toMatchObject([{ content: 'It rains.' }])
  })

  it('is refused while a turn is running, without anything to store, and for an agent that is not there', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const capture = (body: object, agentId = id) => call('POST', `/v1/agents/${agentId}/messages/capture`, body)
    expect((await capture({ ...turn, request_messages: [], response_dict: {} })).status).toBe(422)
    expect((await capture(turn, newId('agent'))).status).toBe(404)
    await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 5s' })
    expect(await capture(turn)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('is currently being processed') } })
    await call('POST', `/v1/agents/${id}/messages/cancel`, {})
  })

  it('is stored once for requests with one Idempotency-Key', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    for (let n = 0; n < 2; n++)
      expect((await call('POST', `/v1/agents/${id}/messages/capture`, turn, { 'idempotency-key': 'turn-1' })).body).toBe(
        'Captured 4 messages.',
      )
    expect((await call('GET', `/v1/agents/${id}/messages`)).body).toHaveLength(5)
  })
})

describe('POST /v1/agents/messages/search', () => {
  it('finds messages by words, role, project and time, and without words the newest', async () => {
    const { call } = await freshOrganization()
    const stranger = await freshOrganization()
    const one = await agent(call, { project_id: 'p1', template_id: 't1' })
    const two = await agent(call, { project_id: 'p2' })
    await call('POST', `/v1/agents/${one}/messages`, { input: '/say The teapot is blue.' })
    await call('POST', `/v1/agents/${two}/messages`, { input: '/say The teapot is red.' })
    type Hit = { embedded_text: string; message: { role: string; agent_id: string }; fts_rank: number | null }
    const search = async (body: object, by = call): Promise<Hit[]> => (await by('POST', '/v1/agents/messages/search', body)).body
    const texts = async (body: object) => (await search(body)).map((hit) => hit.embedded_text)
    const [best] = await search({ query: 'teapot', roles: ['assistant'], agent_id: one })
    expect(best).toMatchObject({
      embedded_text: 'The teapot is blue.',
      message: { role: 'assistant', agent_id: one, content: [{ type: 'text', text: 'The teapot is blue.' }], tool_calls: null },
      fts_rank: 1,
      vector_rank: null,
      rrf_score: 1 / 61,
    })
    expect(await texts({ query: 'teapot', roles: ['assistant'], project_id: 'p2' })).toEqual(['The teapot is red.'])
    expect(await texts({ query: 'teapot', roles: ['assistant'], template_id: 't1' })).toEqual(['The teapot is blue.'])
    expect(await texts({ query: 'teapot', end_date: '2020-01-01' })).toEqual([])
    expect(await texts({ limit: 2 })).toEqual(['The teapot is red.', '/say The teapot is red.'])
    expect((await search({})).map((hit) => hit.fts_rank)).toEqual([null, null, null, null])
    expect(await texts({ query: '?!' })).toEqual([])
    expect(await search({ query: 'teapot' }, stranger.call)).toEqual([])
    expect((await call('POST', '/v1/agents/messages/search', { limit: 101 })).status).toBe(422)
  })
})
